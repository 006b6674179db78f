"""Which rights a survivor was given, as a side records it for itself, and how often."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint, Shape
from api.http.fields import Moment
from api.http.json_bodies import Answer
from api.v1.shapes import coded
from openapi.schema import ACTING_MEMBER, problems, signed_in
from referrals import codes
from referrals.acts.rights_record import Answered, Rights
from referrals.rights import tally
from referrals.rights.items import ITEMS
from referrals.screening import Labels


def _code(labels: Labels) -> serializers.Field:
    return coded(labels, default=None, allow_null=True)


def _at() -> serializers.Field:
    return Moment(default=None, allow_null=True, help_text="When. Null: now.")


class RecordRightsIn(Shape):
    """Each item may be left out; at least one is needed. What is recorded later adds to it."""

    victim_rights = _code(codes.RIGHTS_GIVEN)
    victim_rights_at = _at()
    compensation = _code(codes.RIGHTS_GIVEN)
    compensation_at = _at()
    vine = _code(codes.RIGHTS_GIVEN)
    vine_at = _at()
    u_certification = _code(codes.CERTIFICATION)
    u_certification_at = _at()
    t_certification = _code(codes.CERTIFICATION)
    t_certification_at = _at()
    advocacy_center = _code(codes.RIGHTS_CALL)
    advocacy_center_at = _at()
    ncmec = _code(codes.RIGHTS_CALL)
    ncmec_at = _at()
    remind_at = Moment(
        default=None,
        allow_null=True,
        help_text="When your side's holder is reminded, within 366 days. Null: 30 days after a"
        " certification was asked for, and otherwise as it was. It is stored in the clear and does"
        " not say of what.",
    )


class RightsRecordedOut(serializers.Serializer):
    id = serializers.UUIDField()
    remind_at = serializers.DateTimeField(
        allow_null=True, help_text="Your side's reminder, as it is now."
    )
    prompts = serializers.ListField(
        child=serializers.CharField(),
        help_text="Calls to think of, where the notice says that the survivor is a minor.",
    )


def rights_of(body: dict[str, Any]) -> Rights:
    items = {
        one.name: Answered(body[one.name], body[f"{one.name}_at"])
        for one in ITEMS
        if body[one.name] is not None
    }
    return Rights(items, body["remind_at"])


class RightsCountOut(serializers.Serializer):
    begins = serializers.DateField(help_text="The first day of the month, or of the year.")
    item = serializers.CharField()
    number = serializers.IntegerField(allow_null=True, help_text="Null: fewer than five.")


class RightsCountsOut(serializers.Serializer):
    """For a lead, the months of the own agency; for the coordinator, the years of the network."""

    items = RightsCountOut(many=True)


class RightsCounts(Endpoint):
    @extend_schema(
        operation_id="count_rights",
        auth=signed_in("referrals:read"),
        parameters=[ACTING_MEMBER],
        responses={200: RightsCountsOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """Count the records of rights given, of months that are over. For a lead, their agency's by
        month, without those of a referral that ever barred anyone; for the coordinator, the
        network's by year."""
        return self.answer(RightsCountsOut, {"items": tally.counts(self.principal)})
