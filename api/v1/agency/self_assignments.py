"""What somebody else is told: which lead put herself on a referral (R7), which barred member asked
for one (R12)."""

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
    """In an agency of one that named you its outside reviewer: the reference, and nothing else."""

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
        """Leads of your agency who put themselves on a referral, the newest hundred first."""
        own, to_review = assignment.self_assignments(self.principal)
        return self.answer(SelfAssignmentsOut, {"items": own, "to_review": to_review})


class BarredAttemptOut(serializers.Serializer):
    """Somebody barred asked, and was answered as for a random id."""

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
        """Who asked for a referral that your side bars them from; of those you answer for."""
        return self.answer(
            BarredAttemptsOut, {"items": conflict_blocks.barred_attempts(self.principal)}
        )
