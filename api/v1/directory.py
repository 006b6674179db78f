"""The directory as an HSDS 3.2 API: its root, the list of services, one service.

Nobody needs a token here (T0); with one the network's confidential services are there too (T1).
Documents come rendered from the database and are passed on as they are: the shapes below describe
them for the contract, and a test holds the two against each other.
"""

from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import Endpoint, uuid_parameter
from directory import listings
from directory.safety import safety_lines, safety_notice
from permissions.errors import BadRequest, NotVisible
from permissions.session import begin

HSDS_VERSION = "3.2"
MOST_PAGES = 1_000_000
MOST_CHARACTERS = 200  # of search words


class SafetyLineOut(serializers.Serializer):
    name = serializers.CharField()
    phone = serializers.CharField()
    note = serializers.CharField(allow_blank=True)


class DirectoryOut(serializers.Serializer):
    """HSDS's root, with the lines to ring when somebody is in danger."""

    version = serializers.CharField(help_text="Of HSDS.")
    profile = serializers.URLField()
    openapi_url = serializers.URLField()
    safety_notice = serializers.CharField()
    safety_lines = SafetyLineOut(many=True)


class DirectoryOrganizationOut(serializers.Serializer):
    """HSDS's organization; empty columns are left out."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    alternate_name = serializers.CharField(required=False)
    email = serializers.EmailField(required=False)
    website = serializers.URLField(required=False)


class DirectoryServiceOut(serializers.Serializer):
    """HSDS's service as in a list, and the victim services profile; empty columns are left out."""

    id = serializers.UUIDField()
    organization_id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.ChoiceField(["active", "inactive", "defunct", "temporarily closed"])
    alternate_name = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    url = serializers.URLField(required=False)
    email = serializers.EmailField(required=False)
    interpretation_services = serializers.CharField(required=False)
    application_process = serializers.CharField(required=False)
    fees_description = serializers.CharField(required=False)
    wait_time = serializers.CharField(required=False)
    eligibility_description = serializers.CharField(required=False)
    minimum_age = serializers.FloatField(required=False)
    maximum_age = serializers.FloatField(required=False)
    assured_date = serializers.DateField(required=False)
    alert = serializers.CharField(required=False)
    last_modified = serializers.DateTimeField()
    organization = DirectoryOrganizationOut()
    answered_by = serializers.UUIDField(
        allow_null=True, help_text="The agency that takes referrals to it; null: phone only."
    )
    confidential = serializers.BooleanField(help_text="Known to the network only.")
    intake_paused = serializers.BooleanField()
    victimization_types = serializers.ListField(child=serializers.CharField())
    safe_contact_notes = serializers.CharField(required=False)


class DirectoryPhoneOut(serializers.Serializer):
    id = serializers.UUIDField()
    number = serializers.CharField()
    extension = serializers.IntegerField(required=False)
    type = serializers.CharField(required=False)
    description = serializers.CharField(required=False)


class DirectoryServiceDetailOut(DirectoryServiceOut):
    """HSDS's service with all that hangs on it, as the standard's schema `service` nests it."""

    phones = DirectoryPhoneOut(many=True, required=False)
    schedules = serializers.ListField(child=serializers.DictField(), required=False)
    service_areas = serializers.ListField(child=serializers.DictField(), required=False)
    service_at_locations = serializers.ListField(child=serializers.DictField(), required=False)
    languages = serializers.ListField(child=serializers.DictField(), required=False)
    cost_options = serializers.ListField(child=serializers.DictField(), required=False)
    required_documents = serializers.ListField(child=serializers.DictField(), required=False)
    contacts = serializers.ListField(child=serializers.DictField(), required=False)
    attributes = serializers.ListField(child=serializers.DictField(), required=False)


class DirectoryServicePageOut(serializers.Serializer):
    """HSDS's page."""

    total_items = serializers.IntegerField()
    total_pages = serializers.IntegerField()
    page_number = serializers.IntegerField(help_text="From 1.")
    size = serializers.IntegerField(help_text="Items on this page.")
    first_page = serializers.BooleanField()
    last_page = serializers.BooleanField()
    empty = serializers.BooleanField()
    contents = DirectoryServiceOut(many=True)


class DirectoryRoot(Endpoint):
    public = True

    @extend_schema(operation_id="directory", auth=[{}], responses=DirectoryOut)
    def get(self, request: Request) -> Response:
        """What this directory speaks, and the safety lines."""
        base = settings.BASE_URL.rstrip("/")
        root = {
            "version": HSDS_VERSION,
            "profile": f"{base}/docs",
            "openapi_url": f"{base}{reverse('schema')}",
            "safety_notice": safety_notice(),
            "safety_lines": safety_lines(),
        }
        return self.answer(DirectoryOut, root)


class ServiceList(Endpoint):
    public = True
    query = (
        "search",
        "page",
        "per_page",
        "taxonomy_term_id",
        "organization_id",
        "modified_after",
        "answered_by",
        "victimization_type",
    )

    @extend_schema(
        operation_id="directory_services",
        auth=[{}, {"oauth2": ["directory:read"]}],
        parameters=[
            OpenApiParameter("search", str, description="English or Spanish words, any order."),
            OpenApiParameter("page", int, description="From 1."),
            OpenApiParameter("per_page", int, description="1 to 100; 20 if not said."),
            OpenApiParameter(
                "taxonomy_term_id", OpenApiTypes.UUID, description="The term or any below it."
            ),
            OpenApiParameter("organization_id", OpenApiTypes.UUID),
            OpenApiParameter(
                "modified_after", OpenApiTypes.DATETIME, description="Inclusive (RFC 3339)."
            ),
            OpenApiParameter(
                "answered_by", OpenApiTypes.UUID, description="The agency that takes referrals."
            ),
            OpenApiParameter("victimization_type", str),
        ],
        responses=DirectoryServicePageOut,
    )
    def get(self, request: Request) -> Response:
        """Services that are open, by name or, with `search`, best match first."""
        asked = request.query_params
        words = _words(asked.get("search", ""), "search")
        type_ = _words(asked.get("victimization_type", ""), "victimization_type")
        filters: dict[str, Any] = {
            name: uuid_parameter(asked.get(name), name)
            for name in ("taxonomy_term_id", "organization_id", "answered_by")
        }
        page = _number(asked.get("page"), "page", 1, MOST_PAGES)
        per_page = _number(
            asked.get("per_page"), "per_page", listings.PER_PAGE, listings.MOST_PER_PAGE
        )
        after = _moment(asked.get("modified_after"))
        with begin(self.principal):
            found = listings.search(
                self.principal,
                words=words,
                page=page,
                per_page=per_page,
                victimization_type=type_,
                modified_after=after,
                **filters,
            )
        return Response(_page(found))


class ServiceDetail(Endpoint):
    public = True

    @extend_schema(
        operation_id="directory_service",
        auth=[{}, {"oauth2": ["directory:read"]}],
        responses=DirectoryServiceDetailOut,
    )
    def get(self, request: Request, service_id: UUID) -> Response:
        """One service with everything that hangs on it, whatever its status."""
        with begin(self.principal):
            found = listings.find(self.principal, service_id)
        if found is None:
            raise NotVisible
        return Response(orjson.Fragment(found.document))


def _page(found: listings.Page) -> dict[str, Any]:
    return {
        "total_items": found.total_items,
        "total_pages": found.total_pages,
        "page_number": found.page,
        "size": len(found.items),
        "first_page": found.page == 1,
        "last_page": found.page >= found.total_pages,
        "empty": not found.items,
        "contents": [orjson.Fragment(item.document) for item in found.items],
    }


def _words(text: str, name: str) -> str:
    if len(text) > MOST_CHARACTERS:
        raise BadRequest("invalid", f"At most {MOST_CHARACTERS} characters.", name)
    if "\x00" in text:
        raise BadRequest("not_text", "A text holds a character that is none.", name)
    return text


def _number(text: str | None, name: str, default: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and 1 <= int(text) <= most):
        raise BadRequest("invalid", f"A whole number from 1 to {most} is needed.", name)
    return int(text)


def _moment(text: str | None) -> Any:
    """A moment with its zone; a date alone, as the standard allows, is its beginning in UTC."""
    if not text:
        return None
    try:
        found = parse_datetime(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadRequest("invalid", "A time with its zone is needed.", "modified_after")
    return found
