"""Leads who put themselves on a referral, for those who are told of it (R7)."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import Endpoint
from openapi.schema import ACTING_MEMBER, problems
from referrals import staff


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
    def get(self, request: Request) -> Response:
        """Leads of your agency who put themselves on a referral, the newest hundred first."""
        own, to_review = staff.self_assignments(self.principal)
        return self.answer(SelfAssignmentsOut, {"items": own, "to_review": to_review})
