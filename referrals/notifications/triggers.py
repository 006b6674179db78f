"""Messages made from events: which side an event notifies, who there, and with which text.

A step of the background work processes events that were not processed yet; the event row is the
outbox. A side is notified only of what it may know (T5): an event that it does not see produces no
message. Twice is safe: an event is taken once, and (cause, channel, template) is unique.
"""

from typing import NamedTuple
from uuid import NAMESPACE_OID, UUID, uuid5

from django.db import transaction

from permissions.database.aliases import JOBS
from referrals.act_registry.registry import ACTS, REVIEWED, Notification
from referrals.notifications import escalation
from referrals.notifications.recipients import (
    Channel,
    Recipients,
    channels_of,
    query,
    queue_messages,
)

BATCH = 50


# The clock's events and whom they notify. Acts declare their own
# (referrals/act_registry/registry.py). An event in neither notifies no one: the recipient's own
# work after the accept never flows back to the sender (R2), and `delivered` comes from a machine.
OF_THE_CLOCK: dict[str, tuple[Notification, ...]] = {
    "escalated": (
        Notification("from", "holder", "late"),
        Notification("to", "ladder", "answer_now"),
    ),
    # The survivor's, by their slip (referrals/slip/): the sender is not notified (T5).
    "end_by_survivor": (Notification("to", "holder", "call_me"),),
    "narrow_by_survivor": (Notification("to", "holder", "changed"),),
    "expire": (Notification("from", "holder", "expired"),),
    "idle": (Notification("to", "leads", "review"),),
    "purge_due": REVIEWED,
    "reminder": (Notification("from", "holder", "review"), Notification("to", "holder", "review")),
}


def notifications_for(act: str, side: str | None) -> tuple[Notification, ...]:
    """Return whom an event notifies, by its act and the side that did it (None: the clock)."""
    if side is None:
        return OF_THE_CLOCK.get(act, ())
    return ACTS[act].tells.get(side, ()) if act in ACTS else ()


class _Event(NamedTuple):
    id: UUID
    referral_id: UUID
    from_agency_id: UUID
    to_agency_id: UUID
    act: str
    code: str | None
    agency_id: UUID | None
    member_id: UUID | None
    about_id: UUID | None
    from_sees: bool
    to_sees: bool

    @property
    def side(self) -> str | None:
        if self.agency_id is None:
            return None
        return "from" if self.agency_id == self.from_agency_id else "to"

    def agency(self, side: str) -> UUID:
        return self.from_agency_id if side == "from" else self.to_agency_id

    def sees(self, side: str) -> bool:
        return self.from_sees if side == "from" else self.to_sees


def step() -> bool:
    """Write the messages of a batch of events, of self-assignments, of blocks to tell of and of
    sides that no one holds. Returns whether more may wait."""
    with transaction.atomic(using=JOBS):
        events = [_Event._make(row) for row in query("SELECT * FROM sec.claim_events(%s)", [BATCH])]
        for event in sorted(events):  # by id, the older first: a notice before its deadline
            _tell(event)
        assigned = query("SELECT * FROM sec.claim_self_assignments(%s)", [BATCH])
        for cause, referral_id, agency_id, member_id in assigned:
            _notify_another_member(cause, referral_id, agency_id, member_id)
        barred = query("SELECT * FROM sec.claim_block_alerts(%s)", [BATCH])
        for cause, referral_id, agency_id, set_by in barred:
            lines = Recipients(referral_id, agency_id).overseers(set_by)
            queue_messages(cause, referral_id, "review", lines)
        more = escalation.ask_to_take_over(BATCH)
    return more or BATCH in (len(events), len(assigned), len(barred))


def _tell(event: _Event) -> None:
    for tell in notifications_for(event.act, event.side):
        side = tell.side if tell.side != "own" else event.side or ""
        new = tell.template == "notice"
        if not event.sees(side) or (new and not _takes_notices(event.to_agency_id)):
            continue
        reach = Recipients(event.referral_id, event.agency(side))
        if tell.whom == "ladder":
            escalation.notify_ladder(reach, event.id, event.code or "")
            continue
        lines = _channels(reach, tell.whom, event)
        queue_messages(event.id, event.referral_id, tell.template, lines)
        if new:
            escalation.climb_before_ack(reach, event.id, lines)


def _channels(reach: Recipients, whom: str, event: _Event) -> list[Channel]:
    if whom == "about":
        herself = event.about_id == event.member_id
        return [] if herself else reach.member(event.about_id)
    if whom == "leads":
        return reach.leads() or reach.everyone()
    lines = reach.holder() if whom == "holder" else reach.everyone()
    if event.act == "undo_accept":  # the worker counted on it: a mail is read too late
        lines = [line for line in lines if line.kind != "mail"] or lines
    return lines


def _takes_notices(agency_id: UUID) -> bool:
    """Return whether the agency takes notices. A *phone only* agency is not notified of new
    referrals, but is of those it has."""
    ((takes,),) = query("SELECT takes_notices FROM permissions_agency WHERE id = %s", [agency_id])
    return bool(takes)


def _notify_another_member(
    cause: UUID, referral_id: UUID, agency_id: UUID, member_id: UUID
) -> None:
    """Notify another member that a lead assigned themselves (R7): leads first, through the duty
    addresses if no member has a channel. In an agency of one its outside reviewer is notified, by
    reference only."""
    reach = Recipients(referral_id, agency_id)
    ((person_id,),) = query(
        "SELECT person_id FROM permissions_membership WHERE id = %s", [member_id]
    )
    others = [one for one in reach.members if one.person_id != person_id]
    lines = reach.own(one for one in others if one.is_lead) or reach.own(others)
    if others and not lines:
        lines = [line for line in reach.lines if line.use == "duty"]
    if not others:
        for who, of, person in query(
            "SELECT * FROM sec.outside_reviewer(%s, %s)", [referral_id, agency_id]
        ):
            lines = channels_of(of, who) if person != person_id else []
    queue_messages(cause, referral_id, "review", lines)


def alert_step() -> bool:
    """Notify the holder on the side that set a block that a barred person asked (R12), through the
    holder's own channel, once per day and person. Returns False: there is never more at once."""
    with transaction.atomic(using=JOBS):
        for said, referral_id, agency_id, set_by in query(
            "SELECT * FROM sec.blocked_attempt_alerts()", []
        ):
            cause = uuid5(NAMESPACE_OID, said)
            if query("SELECT FROM message WHERE cause = %s LIMIT 1", [cause]):
                continue
            reach = Recipients(referral_id, agency_id)
            holder = reach.own(one for one in reach.members if one.holds)
            lines = holder or reach.member(set_by) or reach.leads() or reach.own(reach.members)
            queue_messages(cause, referral_id, "review", lines)
    return False
