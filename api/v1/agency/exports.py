"""Exports of your agency's own referrals, sealed to your key. The words are those of FHIR's Bulk
Data Access where they fit: `202`, `Content-Location`, `X-Progress`, a manifest with `output`."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint, Shape
from api.http.fields import Text
from api.http.json_bodies import Answer
from api.v1.shapes import one_of
from openapi.schema import ACTING_MEMBER, problems, signed_in
from permissions.identity import client_keys
from referrals.act_registry.repeats import Repeat
from referrals.bulk import exports, sealing

MEDIA_TYPE = "application/jose"  # of a JWE in its compact form (RFC 7516)
RETRY_AFTER_S = 10
READS = 400, 401, 403, 503
# Written in the background, or waits for a person: the same address is asked again.
UNDER_WAY = ("asked", "writing")


class ExportIn(Shape):
    public_key = Text(
        lines=6,
        max_length=client_keys.MOST_TEXT,
        help_text="A public key for encryption, as a JWK (RFC 7517) or in PEM form: X25519, EC"
        " P-256, EC P-384, or RSA of 2048 to 8192 bits. Anyone with its other half reads the"
        " export; the server does not.",
    )


class PartOut(serializers.Serializer):
    type = serializers.ChoiceField(choices=["Referral"])
    url = serializers.CharField(help_text="The address of the part, on this server.")
    count = serializers.IntegerField(help_text="How many referrals it has.")


class ExportOut(serializers.Serializer):
    id = serializers.UUIDField()
    state = one_of(
        exports.STATES,
        help_text="asked: it waits for a second lead. writing: it is written. ready: its parts can"
        " be taken, until `ends_at`. ended: nothing of it is left.",
    )
    asked_by = serializers.CharField(help_text="The lead who asked.")
    asked_by_system = serializers.CharField(
        allow_null=True, help_text="The system that asked in the lead's name."
    )
    asked_at = serializers.DateTimeField()
    confirmed_by = serializers.CharField(allow_null=True, help_text="The second lead.")
    confirmed_at = serializers.DateTimeField(allow_null=True)
    thumbprint = serializers.CharField(help_text="Of the key (RFC 7638).")
    transaction_time = serializers.DateTimeField(
        allow_null=True, help_text="When the last part was written."
    )
    ends_at = serializers.DateTimeField(help_text="When it is over, and its parts are deleted.")
    end_reason = one_of(
        exports.REASONS,
        allow_null=True,
        help_text="deleted: by the lead who asked. refused: by another lead. right_ended: one of"
        " the two is no lead any more, or the sign-ins of the one who asked were all ended."
        " expired: by its time.",
    )
    requires_access_token = serializers.BooleanField(help_text="Always true.")
    output = PartOut(
        many=True,
        allow_null=True,
        help_text="Its parts, once it is ready. Null for a lead who did not ask for it, who may not"
        " see all that is in it.",
    )


class ExportsOut(serializers.Serializer):
    items = ExportOut(many=True)


def export_json(one: exports.Export) -> dict[str, Any]:
    sizes = one.part_sizes if one.state == "ready" else one.part_sizes and []
    return {
        "id": one.id,
        "state": one.state,
        "asked_by": one.asked_by_name,
        "asked_by_system": one.system_name,
        "asked_at": one.asked_at,
        "confirmed_by": one.confirmed_by_name,
        "confirmed_at": one.confirmed_at,
        "thumbprint": one.thumbprint,
        "transaction_time": one.ready_at,
        "ends_at": one.ends_at,
        "end_reason": one.end_reason,
        "requires_access_token": True,
        "output": sizes
        and [
            {"type": "Referral", "url": f"/v1/exports/{one.id}/parts/{number}", "count": size}
            for number, size in enumerate(sizes, 1)
        ],
    }


class Exports(Endpoint):
    repeats: ClassVar = {"post": Repeat.KEYED}
    logged_as = "export.ask"

    @extend_schema(
        operation_id="list_exports",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: ExportsOut, **problems(*READS)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List your agency's exports, newest first, for its leads. One that ended is listed for
        seven days."""
        found = exports.list_exports(self.principal)
        return self.answer(ExportsOut, {"items": [export_json(one) for one in found]})

    @extend_schema(
        operation_id="ask_for_export",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        request=ExportIn,
        responses={202: ExportOut, **problems(*READS, 409, 413, 415, 429)},
    )
    def post(self, request: HttpRequest) -> Answer:
        """Ask, as a lead, for an export of your agency's own referrals: those that the lead may see
        at the moment at which each is written, as `GET /v1/referrals` shows them, without
        `external_ref`. No packet and no note is in it. Nothing is read before a second lead of your
        agency has confirmed it in person, at the desk, within twelve hours. `Content-Location` says
        where to ask how far it is. A lead has one export at a time."""
        given, again = self.body(ExportIn), self.idempotency_key("exports")
        key = sealing.read_key(given["public_key"], "/public_key")
        made = exports.ask(self.principal, key, again=again)
        answer = self.answer(ExportOut, export_json(made), 202)
        answer["Content-Location"] = f"/v1/exports/{made.id}"
        return answer


class OneExport(Endpoint):
    repeats: ClassVar = {"delete": Repeat.SAFE}

    @extend_schema(
        operation_id="read_export",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: ExportOut, 202: ExportOut, **problems(*READS, 404)},
    )
    def get(self, request: HttpRequest, export_id: UUID) -> Answer:
        """Read how far an export is. While it waits or is written the status is 202, with
        `Retry-After`, and `X-Progress` for the lead who asked. Then it is 200, and `output` lists
        the parts."""
        found = exports.read_export(self.principal, export_id)
        under_way = found.state in UNDER_WAY
        answer = self.answer(ExportOut, export_json(found), 202 if under_way else 200)
        if under_way:
            answer["Retry-After"] = str(RETRY_AFTER_S)
            if found.referrals is not None:
                answer["X-Progress"] = f"{found.state}, {found.referrals} referrals written"
        return answer

    @extend_schema(
        operation_id="end_export",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={204: None, **problems(*READS, 404)},
    )
    def delete(self, request: HttpRequest, export_id: UUID) -> Answer:
        """End an export, as any lead of your agency: refuse it, stop it, or delete it. Its parts
        are deleted at once."""
        exports.end(self.principal, export_id)
        return Answer(status=204)


class ExportPart(Endpoint):
    @extend_schema(
        operation_id="download_export_part",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={(200, MEDIA_TYPE): OpenApiTypes.STR, **problems(*READS, 404, 409)},
    )
    def get(self, request: HttpRequest, export_id: UUID, number: int) -> HttpResponse:
        """Download a part of an export that is ready, as the lead who asked for it: a JWE in its
        compact form, `ECDH-ES+A256KW` or `RSA-OAEP-256` with `A256GCM`. In it are lines of JSON,
        one a referral, each as an item of `GET /v1/referrals` without `external_ref`. A part can be
        taken again until the export ends, so a transfer that broke goes on with the part that is
        missing."""
        part = exports.part(self.principal, export_id, number)
        answer = HttpResponse(part, content_type=MEDIA_TYPE)
        answer["Content-Disposition"] = f'attachment; filename="export-{number}.jwe"'
        return answer
