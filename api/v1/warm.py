"""What keeps a referral warm: please ring, the call-back, the hand-off and each attempt."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.fields import Moment, Text
from api.rendering import Answer
from api.v1.referrals import (
    REFUSALS,
    ActEndpoint,
    CreatedOut,
    PurposeIn,
    act_schema,
    coded,
)
from api.views import Endpoint, NothingIn, Shape
from openapi.schema import ACTING_MEMBER, IDEMPOTENCY_KEY, problems
from referrals import acts, codes, handoff, reading, warm


class SetCallbackIn(Shape):
    callback = Text(
        max_length=32,
        default=None,
        allow_null=True,
        help_text="A worker's number. Null: your agency's duty line.",
    )


class StartHandoffIn(Shape):
    mode = coded(codes.HANDOFF_MODE)
    at = Moment(default=None, allow_null=True)


class RecordAttemptIn(Shape):
    result = coded(codes.ATTEMPT)
    interpreter = coded(
        codes.INTERPRETER_USED,
        default="none",
        help_text="Who interpreted. Never her family, nor anybody who came with her.",
    )


class HandoffStepOut(serializers.Serializer):
    """One step of the hand-off record, in codes of GET /v1/codes; what it has not, is null."""

    at = serializers.DateTimeField()
    step = serializers.ChoiceField(choices=["begun", "attempt", "failed", "completed", "unable"])
    member_id = serializers.UUIDField(allow_null=True, help_text="Null: the clock.")
    mode = serializers.CharField(allow_null=True, help_text="Of `begun`.")
    planned_at = serializers.DateTimeField(allow_null=True, help_text="Of `begun`, if not at once.")
    result = serializers.CharField(allow_null=True, help_text="Of `attempt`.")
    interpreter = serializers.CharField(allow_null=True, help_text="Of `attempt`.")
    code = serializers.CharField(allow_null=True, help_text="Of `completed` and `unable`.")


class HandoffOut(serializers.Serializer):
    items = HandoffStepOut(many=True)


@act_schema("call_me", NothingIn, "Please ring: to whoever holds it on the other side.")
class CallMe(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return warm.call_me(self.principal, referral_id, if_match=self.if_match())


@act_schema("set_callback", SetCallbackIn, "Another number to ring, when a shift ends.")
class SetCallback(ActEndpoint):
    shape = SetCallbackIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return warm.set_callback(
            self.principal, referral_id, body["callback"], if_match=self.if_match()
        )


@act_schema("start_handoff", StartHandoffIn, "Begin the hand-off. Your side's alone.")
class StartHandoff(ActEndpoint):
    shape = StartHandoffIn

    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return warm.start_handoff(self.principal, referral_id, if_match=self.if_match(), **body)


@act_schema("handoff_failed", NothingIn, "It failed; the clock starts again. Your side's alone.")
class HandoffFailed(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return warm.handoff_failed(self.principal, referral_id, if_match=self.if_match())


@act_schema("delivered", NothingIn, "Your system has it. It acknowledges nothing.")
class Delivered(ActEndpoint):
    def act(self, referral_id: UUID, body: dict[str, Any]) -> reading.Detail:
        return acts.delivered(self.principal, referral_id, if_match=self.if_match())


class OpenHandoff(Endpoint):
    @extend_schema(
        operation_id="open_handoff",
        request=PurposeIn,
        parameters=[ACTING_MEMBER],
        responses={200: HandoffOut, **problems(*REFUSALS)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Read your side's record of the hand-off, oldest first, for a purpose: begun, each
        attempt, each failure, how it ended. An entry in the access log, as of notes."""
        purpose = self.body(PurposeIn)["purpose"]
        steps = handoff.open_handoff(self.principal, referral_id, purpose)
        return self.answer(HandoffOut, {"items": [_step(step) for step in steps]})


def _step(step: handoff.Step) -> dict[str, Any]:
    said = {name: step.content.get(name) for name in ("mode", "result", "interpreter", "code")}
    planned = step.content.get("at")
    return said | {
        "at": step.at,
        "step": step.step,
        "member_id": step.member_id,
        "planned_at": datetime.fromisoformat(planned) if planned else None,
    }


class RecordAttempt(Endpoint):
    @extend_schema(
        operation_id="record_attempt",
        request=RecordAttemptIn,
        parameters=[IDEMPOTENCY_KEY, ACTING_MEMBER],
        responses={201: CreatedOut, **problems(*REFUSALS, 422)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Somebody tried to reach her: sealed, your side's alone. Stops the recipient's clock."""
        body = self.body(RecordAttemptIn)
        key = self.idempotency_key(f"referrals/{referral_id}/record_attempt")
        kept = warm.record_attempt(self.principal, referral_id, key=key, **body)
        return self.answer(CreatedOut, {"id": kept}, 201)
