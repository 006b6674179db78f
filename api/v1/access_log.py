"""The access log, for an agency's auditor: who of ours saw what, when, for which purpose."""

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api import cursors
from api.rendering import Answer
from api.views import Endpoint, HasFields, moment_parameter, page_size, uuid_parameter
from openapi.schema import problems
from permissions import review
from permissions.errors import BadRequest
from referrals.reading import Place


class AccessEntryOut(HasFields):
    """Ids and codes; never a value. The survivor is the agency's own handle, `subject`."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    member_id = serializers.UUIDField(allow_null=True)
    member_name = serializers.CharField(allow_null=True)
    client_id = serializers.UUIDField(allow_null=True)
    act = serializers.CharField()
    purpose = serializers.CharField(allow_null=True)
    referral_id = serializers.UUIDField(allow_null=True)
    referral_ids = serializers.ListField(child=serializers.UUIDField(), allow_null=True)
    subject = serializers.UUIDField(allow_null=True)
    fields_ = serializers.ListField(child=serializers.CharField(), allow_null=True)
    release_id = serializers.UUIDField(allow_null=True)
    directory_id = serializers.UUIDField(
        allow_null=True, help_text="The entry of the directory that it is about."
    )
    decision = serializers.ChoiceField(choices=["allowed", "refused"])
    rule = serializers.CharField(allow_null=True)
    request_id = serializers.UUIDField(allow_null=True)
    address_prefix = serializers.CharField(allow_null=True)


class AccessLogOut(serializers.Serializer):
    items = AccessEntryOut(many=True)
    next = serializers.CharField(allow_null=True)


class AccessLog(Endpoint):
    query = ("act", "decision", "member_id", "referral_id", "since", "until", "cursor", "limit")

    @extend_schema(
        operation_id="read_access_log",
        parameters=[
            OpenApiParameter("act", str, description="For example referral.open_packet."),
            OpenApiParameter("decision", enum=["allowed", "refused"]),
            OpenApiParameter("member_id", {"type": "string", "format": "uuid"}),
            OpenApiParameter("referral_id", {"type": "string", "format": "uuid"}),
            OpenApiParameter("since", {"type": "string", "format": "date-time"}),
            OpenApiParameter("until", {"type": "string", "format": "date-time"}),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", int, description="1 to 100, default 50."),
        ],
        responses={200: AccessLogOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Entries of your agency's own people and clients, newest first."""
        ask = request.GET
        limit = page_size(ask.get("limit"), review.MAX_PAGE)
        decision = ask.get("decision")
        if decision not in (None, "allowed", "refused"):
            raise BadRequest("invalid", "allowed or refused.", "decision")
        filters = {
            "act": ask.get("act"),
            "decision": decision,
            "member_id": uuid_parameter(ask.get("member_id"), "member_id"),
            "referral_id": uuid_parameter(ask.get("referral_id"), "referral_id"),
            "since": moment_parameter(ask.get("since"), "since"),
            "until": moment_parameter(ask.get("until"), "until"),
        }
        scope = "access-log:" + ":".join(str(value) for value in filters.values())
        after = cursors.from_cursor(self.principal, scope, ask.get("cursor"))
        page = review.access_log(self.principal, after=after, limit=limit, **filters)
        last = page.entries[-1] if page.more else None
        items = []
        for entry in page.entries:
            entry.member_name = page.names.get(entry.member_id)  # type: ignore[attr-defined]
            items.append(entry)
        place = Place(last.at, last.id) if last else None
        cursor = cursors.to_cursor(self.principal, scope, place)
        return self.answer(AccessLogOut, {"items": items, "next": cursor})
