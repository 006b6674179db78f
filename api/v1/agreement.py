"""The tally of agreement: how often a notice was offered, and how often she said no (R14)."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.views import Endpoint, Shape
from openapi.schema import ACTING_MEMBER, problems
from referrals import agreement


class SaidNoIn(Shape):
    """An empty object: nothing about her, the service or the hour is taken."""


class TallyOut(serializers.Serializer):
    month = serializers.DateField(help_text="Its first day.")
    offered = serializers.IntegerField(help_text="The declined ones among them.")
    declined = serializers.IntegerField()


class TalliesOut(serializers.Serializer):
    items = TallyOut(many=True)


class AgreementTally(Endpoint):
    @extend_schema(
        operation_id="list_agreement_tally",
        parameters=[ACTING_MEMBER],
        responses={200: TalliesOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: Request) -> Response:
        """Your agency's tally by month, the newest first."""
        return self.answer(TalliesOut, {"items": agreement.tallies(self.principal)})

    @extend_schema(
        operation_id="she_said_no",
        request=SaidNoIn,
        parameters=[ACTING_MEMBER],
        responses={200: SaidNoIn, **problems(400, 401, 403, 413, 415, 503)},
    )
    def post(self, request: Request) -> Response:
        """She does not want it sent: one more in the tally, and nothing else anywhere. Give her
        the number, and leave the choice to her. Twice is two."""
        self.body(SaidNoIn)
        agreement.said_no(self.principal)
        return self.answer(SaidNoIn, {})
