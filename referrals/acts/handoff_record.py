"""The hand-off record: what a side did to bring her over, each step in its order (T4).

Made of the side's sealed notes and of its own events, for its assigned members. So to read it is to
read notes: with a purpose of use, the access entry first (R11). The acts are in
referrals/acts/handoff.py.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q

from permissions.principal import Principal
from referrals.models import Event
from referrals.packets import notes, packet

# Kinds of notes that are steps of it, and what the record calls them.
STEPS = {"hand_off": "begun", "attempt": "attempt", "outcome": "completed", "unable": "unable"}


class Step(NamedTuple):
    """`step`: begun, attempt, failed, completed, unable. `content`: its codes, as they were sealed;
    of a failure there are none. `member_id` None: the clock."""

    at: datetime
    step: str
    member_id: UUID | None
    content: dict[str, str | None]


def open_handoff(principal: Principal, referral_id: UUID, purpose: str) -> list[Step]:
    """The own side's record, oldest first. Each opening is an access entry, as of notes. Raises
    NotVisible, NotPermitted, WrongState, BadRequest (no such purpose)."""
    with packet.sealed_read(principal, "open_notes", referral_id, purpose) as (attempt, seen):
        attempt.record(subject=seen.subject)
        found = notes.unsealed_notes(principal, referral_id)
        steps = [
            Step(note.created_at, STEPS[note.kind], note.member_id, note.content)
            for note in found
            if note.kind in STEPS
        ]
        if seen.side(principal) == "to":
            steps += _left_no_note(principal, referral_id)
        return sorted(steps, key=lambda step: step.at)


def _left_no_note(principal: Principal, referral_id: UUID) -> list[Step]:
    """Of the recipient's: a failure, and the end that the clock put to what lay idle."""
    failed = Q(act="handoff_failed", agency_id=principal.agency_id)
    idle = Q(act="unable", agency_id=None)
    events = Event.objects.filter(failed | idle, referral_id=referral_id, to_sees=True)
    return [
        Step(event.at, "failed", event.member_id, {})
        if event.act == "handoff_failed"
        else Step(event.at, "unable", None, {"code": event.code})
        for event in events
    ]
