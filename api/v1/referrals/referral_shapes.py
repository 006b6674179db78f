"""The JSON shapes of a referral, and how they are built from what a side is shown."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from api.http.endpoints import Shape, WithFieldsMember
from api.http.fields import Flag, Moment, Text
from api.v1.shapes import EVENT_ACTS, EVENT_CODES, coded, coded_list, one_of, some_of
from referrals import codes
from referrals.act_registry.registry import ACTS
from referrals.queries import details
from referrals.queries.list_filters import STATUSES

# -- Shapes in -------------------------------------------------------------------------------------


class NoticeFields(Shape):
    urgency = coded(codes.URGENCY)
    needs = coded_list(codes.NEEDS, allow_empty=False)
    callback = Text(max_length=32, help_text="The worker's phone number, never the survivor's.")
    concern = coded(codes.CONCERN, default="not_stated")
    age_band = coded(codes.AGE_BAND, default="not_stated")
    household_size = coded(codes.HOUSEHOLD_SIZE, default="not_stated")
    language = coded(codes.LANGUAGE, default="not_stated")
    interpreter = coded(codes.INTERPRETER, default="not_stated", help_text="Never a relative.")
    interpreter_not_local = Flag(
        default=False, help_text="No one who might know the survivor or their family."
    )
    access_needs = coded_list(codes.ACCESS_NEEDS, default=list)
    wanted = coded(codes.WANTED, default="call_worker")
    with_worker_until = Moment(default=None, allow_null=True)
    survivor_can_talk_now = Flag(default=None, allow_null=True)


class NoticeIn(NoticeFields):
    """The whole notice (T2): coded, without free text, identity or incident."""


# -- Shapes out ------------------------------------------------------------------------------------

OWN_NUMBER = (
    "Its number in your own agency's system, if the acting member works on it; never the other"
    " agency's. Null also while the key store does not answer."
)


class AgencyOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ServiceOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()


class MemberOut(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField(allow_null=True)


class LineOut(serializers.Serializer):
    """One referral in a list."""

    id = serializers.UUIDField()
    side = serializers.ChoiceField(choices=["from", "to"])
    reference = serializers.CharField()
    from_agency = AgencyOut()
    to_agency = AgencyOut()
    service = ServiceOut()
    status = one_of(STATUSES, help_text="As your side is shown it.")
    urgency = one_of(codes.URGENCY)
    needs = some_of(codes.NEEDS)
    wanted = one_of(codes.WANTED)
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    ack_by = serializers.DateTimeField(allow_null=True)
    accept_by = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    handoff_by = serializers.DateTimeField(allow_null=True, help_text="Recipient only.")
    asked_to_ring_at = serializers.DateTimeField(
        allow_null=True, help_text="When the other side last asked you to call, until you did."
    )
    holder_id = serializers.UUIDField(allow_null=True, help_text="Your side's.")
    external_ref = serializers.CharField(allow_null=True, help_text=OWN_NUMBER)


class ReferralPageOut(serializers.Serializer):
    items = LineOut(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class NoticeOut(serializers.Serializer):
    urgency = one_of(codes.URGENCY)
    needs = some_of(codes.NEEDS)
    callback = serializers.CharField()
    concern = one_of(codes.CONCERN)
    age_band = one_of(codes.AGE_BAND)
    household_size = one_of(codes.HOUSEHOLD_SIZE)
    language = one_of(codes.LANGUAGE)
    interpreter = one_of(codes.INTERPRETER)
    interpreter_not_local = serializers.BooleanField()
    access_needs = some_of(codes.ACCESS_NEEDS)
    wanted = one_of(codes.WANTED)
    with_worker_until = serializers.DateTimeField(allow_null=True)
    survivor_can_talk_now = serializers.BooleanField(allow_null=True)
    agreement = one_of(codes.AGREEMENT, allow_null=True)


class ReleaseOut(WithFieldsMember):
    """A release, shown to those who answer for the referral: assigned members and leads of either
    side."""

    id = serializers.UUIDField()
    basis = one_of(codes.BASIS)
    purpose = one_of(codes.RELEASE_PURPOSE)
    fields_ = serializers.ListField(child=serializers.CharField())
    form = one_of(codes.FORM)
    signed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    in_force = serializers.BooleanField()


class BlockOut(serializers.Serializer):
    """A conflict block, shown to those who answer for the referral: whom your side bars. The
    recipient's leads are also shown the sender's `leads_only` mark."""

    kind = serializers.ChoiceField(choices=["member", "agency", "leads_only"])
    member = MemberOut(allow_null=True)
    ours = serializers.BooleanField(help_text="False: the sender's mark, which binds your agency.")
    set_at = serializers.DateTimeField()


class OpeningsOut(serializers.Serializer):
    """For a packet that was sent by mistake: how many people had opened it, and when, but not
    who."""

    people = serializers.IntegerField()
    times = serializers.ListField(child=serializers.DateTimeField())


class ReferralOut(serializers.Serializer):
    """One referral, as the caller's side is shown it (T2 and T5). It never holds a packet field."""

    id = serializers.UUIDField()
    side = serializers.ChoiceField(choices=["from", "to"])
    reference = serializers.CharField()
    from_agency = AgencyOut()
    to_agency = AgencyOut()
    service = ServiceOut()
    status = one_of(STATUSES, help_text="As your side is shown it.")
    code = one_of(EVENT_CODES, allow_null=True)
    suggested_service_id = serializers.UUIDField(allow_null=True)
    notice = NoticeOut()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True)
    ack_by = serializers.DateTimeField(allow_null=True)
    accept_by = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    handoff_by = serializers.DateTimeField(allow_null=True, help_text="Recipient only.")
    escalated_at = serializers.DateTimeField(
        allow_null=True, help_text="A deadline passed that your side is shown."
    )
    asked_to_ring_at = serializers.DateTimeField(
        allow_null=True, help_text="When the other side last asked you to call, until you did."
    )
    hold_until = serializers.DateTimeField(allow_null=True, help_text="Your side's legal hold.")
    remind_at = serializers.DateTimeField(
        allow_null=True, help_text="When your side's holder is reminded of your own record."
    )
    holder = MemberOut(allow_null=True, help_text="Your side's.")
    assigned = MemberOut(many=True, help_text="Your side's.")
    release = ReleaseOut(allow_null=True)
    release_ended = serializers.BooleanField()
    purge_at = serializers.DateTimeField(
        allow_null=True, help_text="When your side's part is deleted, once your side was notified."
    )
    blocks = BlockOut(many=True)
    plan = serializers.ListField(
        child=serializers.UUIDField(), help_text="The sender's next services; its assigned alone."
    )
    replaces_id = serializers.UUIDField(allow_null=True, help_text="Likewise.")
    external_ref = serializers.CharField(allow_null=True, help_text=OWN_NUMBER)
    openings = OpeningsOut(allow_null=True, help_text="Of what your side marked as an error.")
    acts = some_of(ACTS, help_text="Open to you now.")


class StepOut(serializers.Serializer):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    act = one_of(EVENT_ACTS)
    side = serializers.ChoiceField(choices=["from", "to", "system"])
    by = serializers.CharField(allow_null=True, help_text="Your own side's people only.")
    about = serializers.CharField(
        allow_null=True, help_text="The member of your own agency whom it concerns."
    )
    code = one_of(EVENT_CODES, allow_null=True)


class HistoryOut(serializers.Serializer):
    items = StepOut(many=True)


class TransitionOut(serializers.Serializer):
    act = one_of(ACTS)
    from_side = serializers.CharField(allow_null=True, help_text="Who of the sender's agency.")
    to_side = serializers.CharField(allow_null=True, help_text="Who of the recipient's agency.")
    scope = serializers.CharField(help_text="What a client needs.")
    from_states = serializers.ListField(child=serializers.CharField(), allow_null=True)
    to_states = serializers.ListField(child=serializers.CharField(), allow_null=True)
    target = serializers.CharField(allow_null=True, help_text="Null: the state stays.")


class TransitionsOut(serializers.Serializer):
    items = TransitionOut(many=True)


_OF_REFERRAL = (
    *("id", "reference", "code", "suggested_service_id", "created_at", "sent_at"),
    *("acknowledged_at", "accepted_at", "ack_by", "accept_by", "expires_at"),
)
_OF_RELEASE = ("id", "basis", "purpose", "fields", "form", "signed_at", "expires_at")
_NOTICE = tuple(NoticeOut().fields)


def referral_json(seen: details.Detail) -> dict[str, Any]:
    """Build the JSON of `ReferralOut` from what a side was shown, without a serializer, which took
    a third of the request. tests/api/test_hot_answers.py checks that the two agree."""
    referral, release, own = seen.referral, seen.release, seen.own
    return {
        **{name: getattr(referral, name) for name in _OF_REFERRAL},
        "side": seen.side,
        "from_agency": {"id": seen.from_agency.id, "name": seen.from_agency.name},
        "to_agency": {"id": seen.to_agency.id, "name": seen.to_agency.name},
        "service": {"id": referral.service_id, "name": referral.service_name},
        "status": seen.status,
        "notice": {name: getattr(referral, name) for name in _NOTICE},
        "handoff_by": own.handoff_by if own and seen.side == "to" else None,
        "escalated_at": seen.escalated_at,
        "asked_to_ring_at": seen.asked_to_ring_at,
        "hold_until": own.hold_until if own else None,
        "remind_at": own.remind_at if own else None,
        "holder": _member(seen, own.holder_id) if own else None,
        "assigned": [_member(seen, member_id) for member_id in seen.assigned],
        "release": release
        and {
            **{name: getattr(release, name) for name in _OF_RELEASE},
            "in_force": seen.release_in_force,
        },
        "release_ended": seen.release_ended,
        "purge_at": seen.purge_at,
        "blocks": [
            {
                "kind": block.kind,
                "member": _member(seen, block.member_id),
                "ours": block.ours,
                "set_at": block.set_at,
            }
            for block in seen.blocks
        ],
        "plan": seen.plan,
        "replaces_id": seen.replaces_id,
        "external_ref": seen.external_ref,
        "openings": seen.openings and seen.openings._asdict(),
        "acts": seen.acts,
    }


def _member(seen: details.Detail, member_id: UUID | None) -> dict[str, Any] | None:
    return {"id": member_id, "name": seen.names.get(member_id)} if member_id else None
