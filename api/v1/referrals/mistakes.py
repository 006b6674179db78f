"""Referrals that were marked as an error, for leads to review."""

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint
from api.http.json_bodies import Answer
from api.v1.referrals.referral_shapes import OpeningsOut
from api.v1.shapes import one_of
from openapi.schema import ACTING_MEMBER, problems, signed_in
from referrals import codes
from referrals.acts import entered_in_error


class MistakeOut(serializers.Serializer):
    referral_id = serializers.UUIDField()
    reference = serializers.CharField()
    side = serializers.ChoiceField(choices=["from", "to"])
    other_agency_name = serializers.CharField()
    code = one_of(codes.MARK_ERROR)
    at = serializers.DateTimeField()
    openings = OpeningsOut(allow_null=True, help_text="Of what your agency sent.")


class MistakesOut(serializers.Serializer):
    items = MistakeOut(many=True)


class Mistakes(Endpoint):
    @extend_schema(
        operation_id="list_mistakes",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: MistakesOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """List the referrals that either side marked as an error, newest first, for your leads to
        review."""
        return self.answer(MistakesOut, {"items": entered_in_error.list_mistakes(self.principal)})
