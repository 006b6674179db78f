"""The hand-off record: each step that a side took to hand the survivor over, in order (T4).

It is built from the side's sealed notes and its own events, for its assigned members. To read it is
therefore to read notes: with a purpose of use, and with the access entry first (R11). The acts are
in referrals/acts/handoff.py.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q

from permissions.principal import Principal
from referrals.models import Event
from referrals.packets import notes, packet

# The kinds of notes that are steps, and what the record calls them.
STEPS = {"hand_off": "begun", "attempt": "attempt", "outcome": "completed", "unable": "unable"}


class Step(NamedTuple):
    """One step. `step` is begun, attempt, failed, completed or unable. `content` holds the sealed
    codes; a failure has none. `member_id` is None if the clock did it."""

    at: datetime
    step: str
    member_id: UUID | None
    content: dict[str, str | None]


def open_handoff(principal: Principal, referral_id: UUID, purpose: str) -> list[Step]:
    """Return the own side's record, oldest first. Each opening is an access entry, as for notes.
    Raises NotVisible, NotPermitted, WrongState, and BadRequest if there is no such purpose."""
    with packet.sealed_read(principal, "open_notes", referral_id, purpose) as (attempt, seen):
        attempt.record(subject=seen.subject)
        own_notes = notes.unsealed_notes(principal, referral_id)
        steps = [
            Step(note.created_at, STEPS[note.kind], note.member_id, note.content)
            for note in own_notes
            if note.kind in STEPS
        ]
        if seen.side(principal) == "to":
            steps += _left_no_note(principal, referral_id)
        return sorted(steps, key=lambda step: step.at)


def _left_no_note(principal: Principal, referral_id: UUID) -> list[Step]:
    """Return the recipient's steps without a note: a failure, and the end that the clock set on an
    idle referral."""
    failed = Q(act="handoff_failed", agency_id=principal.agency_id)
    idle = Q(act="unable", agency_id=None)
    events = Event.objects.filter(failed | idle, referral_id=referral_id, to_sees=True)
    return [
        Step(event.at, "failed", event.member_id, {})
        if event.act == "handoff_failed"
        else Step(event.at, "unable", None, {"code": event.code})
        for event in events
    ]
