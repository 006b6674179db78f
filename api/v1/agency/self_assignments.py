"""What another member reviews: which lead put themselves on a referral (R7), and which barred
member asked for one (R12)."""

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from openapi.schema import ACTING_MEMBER, problems
from referrals.acts import assignment, conflict_blocks


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
        parameters=[ACTING_MEMBER],
        responses={200: SelfAssignmentsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the newest hundred times that a lead of your agency put themselves on a referral,
        newest first. `to_review` has those of agencies of one that named you their outside
        reviewer."""
        own, to_review = assignment.self_assignments(self.principal)
        return self.answer(SelfAssignmentsOut, {"items": own, "to_review": to_review})


class BarredAttemptOut(serializers.Serializer):
    """A barred person asked for a referral and was answered as for a random id."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    referral_id = serializers.UUIDField()
    reference = serializers.CharField()
    act = serializers.CharField()
    member_id = serializers.UUIDField(allow_null=True, help_text="Null: of the other agency.")


class BarredAttemptsOut(serializers.Serializer):
    items = BarredAttemptOut(many=True)


class BarredAttempts(Endpoint):
    @extend_schema(
        operation_id="list_barred_attempts",
        parameters=[ACTING_MEMBER],
        responses={200: BarredAttemptsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List who asked for a referral that your side bars them from, for the referrals that you
        answer for."""
        return self.answer(
            BarredAttemptsOut, {"items": conflict_blocks.barred_attempts(self.principal)}
        )
