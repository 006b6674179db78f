"""The people of the own agency: whom a partner system may name as the acting member."""

from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, page_size
from api.http.json_bodies import Answer
from openapi.schema import ACTING_MEMBER, page_limit, problems, signed_in
from permissions.errors import BadRequest
from permissions.staff import member_list, staff_refs

SCOPE = "members"  # of the cursor


STAFF_REF = {"type": "string", "minLength": 1, "maxLength": staff_refs.MOST_CHARACTERS}


class AgencyMemberOut(serializers.Serializer):
    """A live member of your own agency."""

    id = serializers.UUIDField()
    name = serializers.CharField(help_text="As coworkers read it.")
    roles = serializers.ListField(child=serializers.CharField())
    duty = serializers.CharField(help_text="on_call, reachable, off_duty")
    staff_ref = serializers.CharField(
        allow_null=True,
        help_text="Their badge, NPI or HR number, as your agency's administrator entered it. Name"
        " the member by it: `Acting-Member: staff_ref:4711`. No other agency is sent it.",
    )


class MembersOut(serializers.Serializer):
    items = AgencyMemberOut(many=True)
    next = serializers.CharField(allow_null=True)


class Members(Endpoint):
    query = ("staff_ref", "cursor", "limit")

    @extend_schema(
        operation_id="list_members",
        auth=signed_in("referrals:read"),
        parameters=[
            OpenApiParameter("staff_ref", STAFF_REF, description="Exactly this staff number."),
            OpenApiParameter("cursor", str),
            page_limit(100),
            ACTING_MEMBER,
        ],
        responses={200: MembersOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the live members of your own agency. For its members, and for its partner systems
        with `referrals:read`; not for auditors and coordinators, who read names in the log that
        they review and have no part in the work. No one is shown another agency's people, because
        an abuser who works in the network must not learn who works where (TH1)."""
        ask = request.GET
        staff_ref = ask.get("staff_ref")
        if staff_ref is not None and not staff_refs.is_one(staff_ref):
            raise BadRequest(
                "invalid", "Enter 1 to 64 plain letters, digits and signs.", "staff_ref"
            )
        after, scope = None, f"{SCOPE}:{staff_ref}"
        if text := ask.get("cursor"):
            (last,) = cursors.unsealed(self.principal, scope, text, "cursor")
            after = UUID(last)
        found, place = member_list.list_members(
            self.principal,
            staff_ref=staff_ref,
            after=after,
            limit=page_size(ask.get("limit"), member_list.MAX_PAGE),
        )
        cursor = cursors.sealed(self.principal, scope, str(place)) if place else None
        return self.answer(MembersOut, {"items": found, "next": cursor})
