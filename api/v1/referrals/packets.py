"""The packet and the notes: their JSON shapes, and the endpoints that open them for a purpose."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from api.http.endpoints import Endpoint, NamedTexts, Shape
from api.http.fields import Text
from api.http.json_bodies import Answer
from api.v1.shapes import REFUSALS, PurposeIn, one_of, said_of
from openapi.schema import ACTING_MEMBER, problems, signed_in
from referrals import codes, packet_fields
from referrals.act_registry.registry import ACTS
from referrals.act_registry.repeats import Repeat
from referrals.packets import handoff_record, notes
from referrals.packets import packet as packet_contents


def packet_texts(**options: Any) -> NamedTexts:
    """Return the field that takes a packet's fields, by name."""
    return NamedTexts(
        packet_fields.PACKET_FIELDS,
        # The packet itself knows which of its fields have one line.
        child=Text(max_length=packet_fields.MAX_FIELD_CHARS, lines=2),
        help_text=f"Keys: {', '.join(packet_fields.PACKET_FIELDS)}. `screening` holds codes of that"
        " list, one after the other.",
        **options,
    )


class PacketIn(Shape):
    """Packet fields to write. Fields that are not named stay as they are."""

    packet = packet_texts()


class ConsentOut(serializers.Serializer):
    """What the survivor consented to: keep it with whatever you copy (42 CFR 2.32(b))."""

    purpose = serializers.CharField()
    fields_ = serializers.ListField(child=serializers.CharField())
    signed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    to_agency_id = serializers.UUIDField()

    def get_fields(self) -> dict[str, serializers.Field]:
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class PacketOut(serializers.Serializer):
    """An opened packet. The receipt is the id of the access entry that opened it."""

    safe_contact = serializers.CharField(
        allow_null=True,
        help_text="Comes before any contact in the packet, and governs it. Null: none is in it.",
    )
    packet = serializers.DictField(child=serializers.CharField())
    release_id = serializers.UUIDField(allow_null=True)
    release_expires_at = serializers.DateTimeField(allow_null=True)
    handling = serializers.ListField(
        child=serializers.CharField(),
        help_text="Codes of how to handle it, that of its redisclosure notice among them.",
    )
    notice = serializers.CharField(
        allow_null=True,
        help_text="That notice in words: keep it with whatever you copy (42 CFR 2.32). Null: your"
        " own packet, or a release without one. Spanish: GET /v1/codes, `redisclosure_notice`.",
    )
    consent = ConsentOut(
        allow_null=True, help_text="The scope of the consent, for records under 42 CFR part 2."
    )
    receipt = serializers.UUIDField()


def packet_json(opened: packet_contents.Opened) -> dict[str, Any]:
    """Build the JSON of `PacketOut` without a serializer, as for lists."""
    return {
        "safe_contact": opened.safe_contact,
        "packet": opened.fields,
        "release_id": opened.release_id,
        "release_expires_at": opened.release_expires_at,
        "handling": opened.handling,
        "notice": opened.notice,
        "consent": opened.consent._asdict() if opened.consent else None,
        "receipt": opened.entry_id,
    }


class OpenPacket(Endpoint):
    repeats: ClassVar = {"post": ACTS["open_packet"].repeat}
    logged_as = "referral.open_packet"

    @extend_schema(
        operation_id="open_packet",
        auth=signed_in(ACTS["open_packet"].rule.scope),
        **said_of("open_packet"),
        request=PurposeIn,
        parameters=[ACTING_MEMBER],
        responses={200: PacketOut, **problems(*REFUSALS, 429)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        purpose = self.body(PurposeIn)["purpose"]
        opened = packet_contents.open_packet(self.principal, referral_id, purpose)
        return Answer(packet_json(opened))


class NoteOut(serializers.Serializer):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    member_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    content = serializers.DictField(child=serializers.CharField(allow_null=True))


class NotesOut(serializers.Serializer):
    items = NoteOut(many=True)


class OpenNotes(Endpoint):
    repeats: ClassVar = {"post": ACTS["open_notes"].repeat}
    logged_as = "referral.open_notes"

    @extend_schema(
        operation_id="open_notes",
        auth=signed_in(ACTS["open_notes"].rule.scope),
        **said_of("open_notes"),
        request=PurposeIn,
        parameters=[ACTING_MEMBER],
        responses={200: NotesOut, **problems(*REFUSALS, 429)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        purpose = self.body(PurposeIn)["purpose"]
        own_notes = notes.open_notes(self.principal, referral_id, purpose)
        return self.answer(NotesOut, {"items": own_notes})


class HandoffStepOut(serializers.Serializer):
    """One step of the hand-off record, in codes of GET /v1/codes. A member that a step does not
    have is null."""

    at = serializers.DateTimeField()
    step = serializers.ChoiceField(choices=["begun", "attempt", "failed", "completed", "unable"])
    member_id = serializers.UUIDField(allow_null=True, help_text="Null: a deadline did it.")
    mode = one_of(codes.HANDOFF_MODE, allow_null=True, help_text="Only for `begun`.")
    planned_at = serializers.DateTimeField(
        allow_null=True, help_text="Only for `begun`, if not at once."
    )
    result = one_of(codes.ATTEMPT, allow_null=True, help_text="Only for `attempt`.")
    interpreter = one_of(codes.INTERPRETER_USED, allow_null=True, help_text="Only for `attempt`.")
    code = serializers.CharField(allow_null=True, help_text="Only for `completed` and `unable`.")


class HandoffOut(serializers.Serializer):
    items = HandoffStepOut(many=True)


class OpenHandoff(Endpoint):
    repeats: ClassVar = {"post": Repeat.SAFE}
    logged_as = "referral.open_notes"

    @extend_schema(
        operation_id="open_handoff",
        auth=signed_in(ACTS["open_notes"].rule.scope),
        request=PurposeIn,
        parameters=[ACTING_MEMBER],
        responses={200: HandoffOut, **problems(*REFUSALS)},
    )
    def post(self, request: HttpRequest, referral_id: UUID) -> Answer:
        """Read your side's record of the hand-off for a purpose, oldest first: when it was begun,
        each attempt, each failure, and how it ended. Reading it makes an entry in the access log,
        as for notes."""
        purpose = self.body(PurposeIn)["purpose"]
        steps = handoff_record.open_handoff(self.principal, referral_id, purpose)
        return self.answer(HandoffOut, {"items": [_step(step) for step in steps]})


def _step(step: handoff_record.Step) -> dict[str, Any]:
    content = {name: step.content.get(name) for name in ("mode", "result", "interpreter", "code")}
    planned = step.content.get("at")
    return content | {
        "at": step.at,
        "step": step.step,
        "member_id": step.member_id,
        "planned_at": datetime.fromisoformat(planned) if planned else None,
    }
