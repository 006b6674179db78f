"""Changing the directory's entries: organizations, services and locations, by those who edit them.

The documents are the ones that are read (api/v1/directory/search.py), and they are sent to the same
addresses: `PUT` creates or replaces, `PATCH` changes members. The domain validates each value.
"""

from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, extend_schema
from rest_framework import serializers

from api.http.authentication import refuse_unknown_credential
from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer, DocumentParser, PatchParser
from api.v1.directory import schemas as shapes
from directory.editing import edit
from openapi.schema import AS_KNOWN, MUST_MATCH, problems, signed_in
from permissions.errors import BadRequest
from permissions.principal import Principal
from referrals.act_registry.repeats import Repeat

REFUSALS = problems(400, 401, 403, 404, 409, 412, 413, 415, 428, 503)
EDITORS: Any = signed_in("directory:write")
_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="`*`: only make it, never replace."
)
# By its name (api/contract/directory_documents.py): generators make one class of it.
_CHANGES = OpenApiRequest({"$ref": "#/components/schemas/DirectoryChangesIn"})
_PATCH: Any = {"application/merge-patch+json": _CHANGES, "application/json": _CHANGES}


# -- Shapes ---------------------------------------------------------------------------------------


class _Written(serializers.Serializer):
    """A document as it is written. Only the members in `needed` are required. Members that the
    server sets itself (`last_modified`, `intake`, `external_ids`, `stand_in`, `provenance`,
    `replaced_by`) may be present and are ignored."""

    closed = True  # in the contract: no other members (openapi/schema.py)
    needed: ClassVar[tuple[str, ...]] = ("name",)

    def get_fields(self) -> dict[str, serializers.Field]:
        found: dict[str, serializers.Field] = {}
        for name, field in super().get_fields().items():
            if isinstance(field, serializers.ListSerializer):
                field = shapes.several()
            elif isinstance(field, serializers.Serializer):
                field = serializers.DictField(help_text="Another entry: its `id` is enough.")
            field.required = name in self.needed
            found[name] = field
        return found


class DirectoryServiceIn(_Written, shapes.DirectoryServiceDetailOut):
    """HSDS's service and our profile."""


class DirectoryOrganizationIn(_Written, shapes.DirectoryOrganizationDetailOut):
    """HSDS's organization and our profile."""


class DirectoryLocationDetailOut(shapes.DirectoryLocationOut):
    """HSDS's location with all related rows, and the organization that it belongs to."""

    organization_id = serializers.UUIDField(required=False)
    languages = shapes.several()
    addresses = shapes.several()
    contacts = shapes.several()
    accessibility = shapes.several()
    phones = shapes.several()
    schedules = shapes.several()
    holiday_schedules = shapes.several()
    attributes = shapes.several()
    metadata = shapes.several()


class DirectoryLocationIn(_Written, DirectoryLocationDetailOut):
    """HSDS's location and our profile."""

    needed = ()


class DirectoryHeldOut(serializers.Serializer):
    """Nothing is written yet: a second person has to approve it (`GET /v1/directory/proposals`). It
    takes referrals, or its name resembles another agency's or organization's."""

    proposal_id = serializers.UUIDField()
    state = serializers.ChoiceField(["waiting"])


def _json(shape: type[serializers.Serializer]) -> Any:
    return {"application/json": OpenApiRequest(shape)}


# -- Endpoints ------------------------------------------------------------------------------------


class Editing(Endpoint):
    """The base of an entry's address. Reading may be public; changing never is."""

    public = True
    parser_classes = (DocumentParser, PatchParser)
    table: ClassVar[str]

    @property
    def editor(self) -> Principal:
        """Return the caller. Raises NotAuthenticated."""
        if self.principal is None:
            refuse_unknown_credential()
        return self.principal

    def match(self) -> edit.Preconditions:
        if self.request.GET:  # its parameters are those of reading
            raise BadRequest("unknown_parameter", "A change takes no query parameter.")
        return edit.Preconditions(self.if_match(), self.request.META.get("HTTP_IF_NONE_MATCH"))

    def replace(self, entry_id: UUID) -> Answer:
        return self.edited(edit.put(self.editor, self.table, entry_id, self.data, self.match()))

    def change(self, entry_id: UUID) -> Answer:
        return self.edited(edit.patch(self.editor, self.table, entry_id, self.data, self.match()))

    def edited(self, found: edit.Edited) -> Answer:
        if found.held:
            said = {"proposal_id": str(found.held), "state": "waiting"}
            return Answer(said, 202, headers={"Location": "/v1/directory/proposals"})
        if found.document is None or found.etag is None:
            return Answer(status=204)  # now confidential, which this client may not read
        headers = {"ETag": found.etag}
        if found.created:
            headers["Location"] = self.request.path
        status = 201 if found.created else 200
        return Answer(orjson.Fragment(found.document), status, headers=headers)


class ServiceEditing(Editing):
    repeats: ClassVar = {"put": Repeat.SAFE, "patch": Repeat.SAFE, "delete": Repeat.SAFE}
    table = "service"

    @extend_schema(
        operation_id="directory_put_service",
        auth=EDITORS,
        parameters=[MUST_MATCH, _NONE_MATCH],
        request=_json(DirectoryServiceIn),
        responses={
            200: shapes.DirectoryServiceDetailOut,
            201: shapes.DirectoryServiceDetailOut,
            202: DirectoryHeldOut,
            **REFUSALS,
        },
    )
    def put(self, request: HttpRequest, service_id: UUID) -> Answer:
        """Create a service under your own UUID, or replace it. Nested rows that are left out are
        removed. Its places are named by `location_id` and changed at their own address."""
        return self.replace(service_id)

    @extend_schema(
        operation_id="directory_patch_service",
        auth=EDITORS,
        parameters=[MUST_MATCH],
        request=_PATCH,
        responses={
            200: shapes.DirectoryServiceDetailOut,
            202: DirectoryHeldOut,
            **REFUSALS,
        },
    )
    def patch(self, request: HttpRequest, service_id: UUID) -> Answer:
        """Change members of a service (RFC 7386), for example to pause it or to say how many beds
        are free."""
        return self.change(service_id)

    @extend_schema(
        operation_id="directory_end_service",
        auth=EDITORS,
        parameters=[MUST_MATCH],
        responses={204: None, **REFUSALS},
    )
    def delete(self, request: HttpRequest, service_id: UUID) -> Answer:
        """End a service: its status becomes `defunct`. Referrals may still name it."""
        edit.patch(self.editor, "service", service_id, {"status": "defunct"}, self.match())
        return Answer(status=204)


class OrganizationEditing(Editing):
    repeats: ClassVar = {"put": Repeat.SAFE, "patch": Repeat.SAFE}
    table = "organization"

    @extend_schema(
        operation_id="directory_put_organization",
        auth=EDITORS,
        parameters=[MUST_MATCH, _NONE_MATCH],
        request=_json(DirectoryOrganizationIn),
        responses={
            200: shapes.DirectoryOrganizationDetailOut,
            201: shapes.DirectoryOrganizationDetailOut,
            202: DirectoryHeldOut,
            **REFUSALS,
        },
    )
    def put(self, request: HttpRequest, organization_id: UUID) -> Answer:
        """Create an organization under your own UUID, which your agency edits from then on, or
        replace it. Its services and places are changed at their own addresses."""
        return self.replace(organization_id)

    @extend_schema(
        operation_id="directory_patch_organization",
        auth=EDITORS,
        parameters=[MUST_MATCH],
        request=_PATCH,
        responses={
            200: shapes.DirectoryOrganizationDetailOut,
            202: DirectoryHeldOut,
            **REFUSALS,
        },
    )
    def patch(self, request: HttpRequest, organization_id: UUID) -> Answer:
        """Change members of an organization (RFC 7386)."""
        return self.change(organization_id)


class LocationEditing(Editing):
    repeats: ClassVar = {"put": Repeat.SAFE, "patch": Repeat.SAFE, "delete": Repeat.SAFE}
    public = False
    table = "location"

    @extend_schema(
        operation_id="directory_location",
        auth=EDITORS,
        responses={
            200: DirectoryLocationDetailOut,
            **AS_KNOWN,
            **problems(400, 401, 403, 404, 503),
        },
    )
    def get(self, request: HttpRequest, location_id: UUID) -> Answer:
        """Read a place by itself, for those who edit it. The document of a confidential place does
        not reveal where it is."""
        document, etag = edit.location(self.editor, location_id)
        return Answer(orjson.Fragment(document), headers={"ETag": etag})

    @extend_schema(
        operation_id="directory_put_location",
        auth=EDITORS,
        parameters=[MUST_MATCH, _NONE_MATCH],
        request=_json(DirectoryLocationIn),
        responses={
            200: DirectoryLocationDetailOut,
            201: DirectoryLocationDetailOut,
            **REFUSALS,
        },
    )
    def put(self, request: HttpRequest, location_id: UUID) -> Answer:
        """Create a place of one of your organizations under your own UUID, or replace it."""
        return self.replace(location_id)

    @extend_schema(
        operation_id="directory_patch_location",
        auth=EDITORS,
        parameters=[MUST_MATCH],
        request=_PATCH,
        responses={200: DirectoryLocationDetailOut, **REFUSALS},
    )
    def patch(self, request: HttpRequest, location_id: UUID) -> Answer:
        """Change members of a place (RFC 7386). `confidential: true` removes its address. A change
        of where its address is removes its coordinates, unless it says new ones."""
        return self.change(location_id)

    @extend_schema(
        operation_id="directory_remove_location",
        auth=EDITORS,
        parameters=[MUST_MATCH],
        responses={204: None, **REFUSALS},
    )
    def delete(self, request: HttpRequest, location_id: UUID) -> Answer:
        """Remove a place that has no service."""
        edit.remove_location(self.editor, location_id, self.match())
        return Answer(status=204)
