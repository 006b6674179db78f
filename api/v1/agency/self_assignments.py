"""What another member reviews: which member put themselves on a referral (R7), which barred member
asked for one, and who barred a lead or all colleagues (R12)."""

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.http import cursors
from api.http.endpoints import Endpoint, page_size
from api.http.json_bodies import Answer
from openapi.schema import ACTING_MEMBER, IN_PERSON, page_limit, problems, signed_in
from referrals.acts import assignment
from referrals.queries import barred_attempts, block_alerts


class SelfAssignmentOut(serializers.Serializer):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    referral_id = serializers.UUIDField()
    member_id = serializers.UUIDField()
    member_name = serializers.CharField(allow_null=True)
    reason = serializers.CharField()


class ToReviewOut(serializers.Serializer):
    """A self-assignment in an agency of one that named you its outside reviewer. It shows the
    reference of the referral and nothing else of it."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    agency_name = serializers.CharField()
    reference = serializers.CharField()


class SelfAssignmentsOut(serializers.Serializer):
    items = SelfAssignmentOut(many=True)
    to_review = ToReviewOut(many=True)


class SelfAssignments(Endpoint):
    @extend_schema(
        operation_id="list_self_assignments",
        auth=[*signed_in("audit:read")[:1], *signed_in("referrals:read")],
        parameters=[ACTING_MEMBER],
        responses={200: SelfAssignmentsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the newest hundred times that a member of your agency put themselves on a referral,
        newest first. `to_review` has those of agencies of one that named you their outside
        reviewer."""
        own, to_review = assignment.self_assignments(self.principal)
        return self.answer(SelfAssignmentsOut, {"items": own, "to_review": to_review})


class BarredAttemptOut(serializers.Serializer):
    """A barred person asked for a referral, once or more often, and was answered as for a random
    id. `id`, `at` and `act` are those of the last time."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    referral_id = serializers.UUIDField()
    reference = serializers.CharField()
    act = serializers.CharField()
    member_id = serializers.UUIDField(
        allow_null=True, help_text="Null: people of the other agency, together."
    )
    first_at = serializers.DateTimeField()
    times = serializers.IntegerField()
    acts = serializers.ListField(child=serializers.CharField(), help_text="All that they tried.")


class BarredAttemptsOut(serializers.Serializer):
    items = BarredAttemptOut(many=True)
    next = serializers.CharField(allow_null=True)


class BarredAttempts(Endpoint):
    query = ("cursor", "limit")

    @extend_schema(
        operation_id="list_barred_attempts",
        auth=signed_in("referrals:read"),
        parameters=[
            OpenApiParameter("cursor", str),
            page_limit(100),
            ACTING_MEMBER,
        ],
        responses={200: BarredAttemptsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List who asked for a referral that your side bars them from, for the referrals that you
        answer for, newest first. A person's requests for one referral are one item."""
        scope, ask = "barred-attempts", request.GET
        found, place = barred_attempts.barred_attempts(
            self.principal,
            after=cursors.from_cursor(self.principal, scope, ask.get("cursor")),
            limit=page_size(ask.get("limit"), barred_attempts.MAX_PAGE),
        )
        cursor = cursors.to_cursor(self.principal, scope, place)
        return self.answer(BarredAttemptsOut, {"items": found, "next": cursor})


class BlockAlertOut(serializers.Serializer):
    """A block that keeps a lead, or everyone but the member who set it, from a referral. It says
    nothing of the referral. Your own agency's also say who set it, and to a lead which referral it
    is."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    bars = serializers.ChoiceField(["lead", "everyone"])
    agency_id = serializers.UUIDField()
    member_id = serializers.UUIDField(allow_null=True, help_text="Who set it, of your agency.")
    referral_id = serializers.UUIDField(allow_null=True, help_text="For a lead of your agency.")


class BlockAlertsOut(serializers.Serializer):
    items = BlockAlertOut(many=True)


class BlockAlerts(Endpoint):
    @extend_schema(
        operation_id="list_block_alerts",
        auth=IN_PERSON,
        responses={200: BlockAlertsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the newest hundred blocks of a lead or of all colleagues that you oversee: as
        another lead; as the administrator, where no other lead may know; or as the outside
        reviewer, where neither may."""
        return self.answer(BlockAlertsOut, {"items": block_alerts.block_alerts(self.principal)})
