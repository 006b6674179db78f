"""What a side keeps for itself: its own number, the plan, one person twice; what was a mistake."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.fields import Id, Text
from api.rendering import Answer
from api.v1.referrals import (
    REFUSALS,
    ActEndpoint,
    CreatedOut,
    OpeningsOut,
    act_schema,
    coded,
)
from api.views import Endpoint, Shape
from openapi.schema import ACTING_MEMBER, IDEMPOTENCY_KEY, problems
from referrals import codes, mistakes, own, reading


class SetExternalRefIn(Shape):
    ref = Text(max_length=own.MAX_REF_CHARS, help_text="Its number in your own system. Sealed.")


class SetPlanIn(Shape):
    services = serializers.ListField(
        child=Id(),
        max_length=own.MOST_PLANNED,
        help_text="The next services, in order. None of them learns of it.",
    )


class SamePersonIn(Shape):
    referral_id = Id(help_text="Another referral to your agency.")


class MarkErrorIn(Shape):
    code = coded(codes.MARK_ERROR, help_text="The recipient is shown it.")


class MistakeOut(serializers.Serializer):
    referral_id = serializers.UUIDField()
    reference = serializers.CharField()
    side = serializers.ChoiceField(choices=["from", "to"])
    other_agency_name = serializers.CharField()
    code = serializers.CharField()
    at = serializers.DateTimeField()
    openings = OpeningsOut(allow_null=True, help_text="Of what your agency sent.")


class MistakesOut(serializers.Serializer):
    items = MistakeOut(many=True)


class SetExternalRef(Endpoint):
    @extend_schema(
        operation_id="set_external_ref",
        request=SetExternalRefIn,
        parameters=[IDEMPOTENCY_KEY, ACTING_MEMBER],
        responses={201: CreatedOut, **problems(*REFUSALS, 422)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Keep the number it has in your own system, sealed with your notes."""
        ref = self.body(SetExternalRefIn)["ref"]
        key = self.idempotency_key(f"referrals/{referral_id}/set_external_ref")
        kept = own.set_external_ref(self.principal, referral_id, ref, key=key)
        return self.answer(CreatedOut, {"id": kept}, 201)


class SamePersonAs(Endpoint):
    @extend_schema(
        operation_id="same_person_as",
        request=SamePersonIn,
        parameters=[IDEMPOTENCY_KEY, ACTING_MEMBER],
        responses={201: CreatedOut, **problems(*REFUSALS, 422)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Note that another referral to your agency is of the same person. Open both first."""
        other = self.body(SamePersonIn)["referral_id"]
        key = self.idempotency_key(f"referrals/{referral_id}/same_person_as")
        kept = own.same_person_as(self.principal, referral_id, other, key=key)
        return self.answer(CreatedOut, {"id": kept}, 201)


@act_schema("set_plan", SetPlanIn, "The next services, in order. Your side's alone.")
class SetPlan(ActEndpoint):
    shape = SetPlanIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return own.set_plan(self.principal, referral_id, body["services"], if_match=self.if_match())


@act_schema("mark_error", MarkErrorIn, "It was a mistake: nothing of it opens any more.")
class MarkError(ActEndpoint):
    shape = MarkErrorIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return mistakes.mark_error(
            self.principal, referral_id, body["code"], if_match=self.if_match()
        )


class Mistakes(Endpoint):
    @extend_schema(
        operation_id="list_mistakes",
        parameters=[ACTING_MEMBER],
        responses={200: MistakesOut, **problems(400, 401, 403, 503)},
    )
    def get(self, request: HttpRequest) -> Answer:
        """What was marked as an error on either side, newest first: for your leads to review."""
        return self.answer(MistakesOut, {"items": mistakes.to_review(self.principal)})
