"""The escalation ladder: who is notified when a deadline passes without an answer (docs/rules.md,
act 19).

A clock writes one event (referrals/deadlines/overdue.py). The sender's worker is notified of it. At
the same time the recipient's leads are notified, and later its escalation contact, who may be
outside the agency. A step is skipped if all its people were notified before or are off duty; the
next step is then notified at once. A contact outside the agency is called once about a referral,
and about a few referrals a day of one sending agency: it may be a hotline that serves others. The
sender's page says to call. A later step is a message that is due later. It survives a restart of
the worker: it is sent when it is due, or not at all if the referral was answered meanwhile.

Of an emergency the second person on call and the leads are notified before the deadline, if no one
acknowledges: the silence of one phone must not last until then.

A side that no one holds any more has a ladder of its own, which begins again until someone takes it
over.
"""

from uuid import NAMESPACE_OID, UUID, uuid5

from referrals.deadlines import overdue
from referrals.notifications.recipients import (
    Channel,
    Recipients,
    channels_of,
    query,
    queue_messages,
)

# Seconds from one step to the next, by urgency. An emergency's own deadlines are 15 minutes apart.
NEXT_STEP_S = {"emergency": 300, "urgent": 900, "routine": 3600}
# These are useless after an answer; `notice` is useless after the referral is over.
URGING = frozenset({"unanswered", "answer_now", "late", "contact", "notice", "take_over"})
PORTION = 200
MOST_CONTACTED = 5  # referrals of one sending agency in 24 hours


def step() -> bool:
    """Mark a portion of what is due. Returns whether there may be more."""
    return sum(overdue.mark_all_missed(PORTION).values()) >= PORTION


def climb_before_ack(reach: Recipients, cause: UUID, told: list[Channel]) -> None:
    """Queue what follows the notice of an emergency while no one acknowledges it: the second person
    on call after a third of the time, the leads after two thirds. A step without a line of its own
    is skipped, and the next one comes in its place. `told`: the lines of the notice itself, which
    are not used again. Within the caller's transaction."""
    if not reach.is_emergency:
        return
    ((left_s,),) = query(
        "SELECT extract(epoch FROM ack_by - sec.clock()) FROM referral WHERE id = %s",
        [reach.referral_id],
    )
    told_at = {(line.kind, line.address) for line in told}
    third_s = max(float(left_s or 0), 0) / 3
    after_s = third_s
    for lines in (reach.second(), reach.leads()):
        fresh = [line for line in lines if (line.kind, line.address) not in told_at]
        if not fresh:
            continue
        queue_messages(cause, reach.referral_id, "unanswered", fresh, after_s=after_s)
        after_s += third_s
        told_at |= {(line.kind, line.address) for line in fresh}


def notify_ladder(reach: Recipients, cause: UUID, clock: str) -> None:
    """Queue the messages of the recipient's steps for one deadline, within the caller's
    transaction. If no step has a channel, everyone is notified."""
    ((urgency,),) = query("SELECT urgency FROM referral WHERE id = %s", [reach.referral_id])
    rungs = _of_the_hand_off(reach) if clock == "handoff_by" else _of_the_answer(reach, clock)
    rung: set[tuple[str, str]] = set()
    after_s = 0.0
    for template, lines in rungs:
        fresh = [line for line in lines if (line.kind, line.address) not in rung]
        if fresh:
            queue_messages(cause, reach.referral_id, template, fresh, after_s=after_s)
            after_s += NEXT_STEP_S[urgency]
        rung |= {(line.kind, line.address) for line in fresh}
    if not rung:
        queue_messages(cause, reach.referral_id, "answer_now", reach.everyone())


def _of_the_answer(reach: Recipients, clock: str) -> list[tuple[str, list[Channel]]]:
    """Return the leads, then the contact. At `ack_by` the leads whom the notice itself notified are
    not notified again: an agency of one goes on to its contact at once."""
    leads = reach.leads()
    if clock == "ack_by":
        notified = {
            channel_id
            for (channel_id,) in query(
                "SELECT channel_id FROM message"
                " WHERE referral_id = %s AND template IN ('notice', 'unanswered')"
                " AND state <> 'dead'",
                [reach.referral_id],
            )
        }
        leads = [line for line in leads if line.channel_id not in notified]
    return [("answer_now", leads), ("contact", _contact(reach))]


def _contact(reach: Recipients) -> list[Channel]:
    """Return the contact's channels. Those that are not also a duty line or a member's own, such as
    a hotline's, are left out if a contact was called about this referral, or within a day about
    MOST_CONTACTED of the same sender. A message that was dropped, because the answer came, does
    not count."""
    called = query(
        "SELECT FROM message WHERE referral_id = %s AND template = 'contact' AND state <> 'dead'"
        " LIMIT 1",
        [reach.referral_id],
    )
    ((referrals,),) = query(
        "SELECT count(DISTINCT r.id) FROM message m JOIN referral r ON r.id = m.referral_id"
        " WHERE m.template = 'contact' AND m.state <> 'dead'"
        " AND m.at > sec.clock() - interval '1 day'"
        " AND r.from_agency_id = (SELECT from_agency_id FROM referral WHERE id = %s)",
        [reach.referral_id],
    )
    spent = called or referrals >= MOST_CONTACTED
    lines = channels_of(reach.agency_id)
    inside = {line.address.lower() for line in lines if line.use != "escalation"}
    return [one for one in reach.contact() if not spent or one.address.lower() in inside]


def _of_the_hand_off(reach: Recipients) -> list[tuple[str, list[Channel]]]:
    """Return the recipient's steps only (T4): the holder, then its leads."""
    holder = [one for one in reach.members if one.holds and one.duty != "off_duty"]
    return [("answer_now", reach.own(holder)), ("answer_now", reach.leads())]


def ask_to_take_over(most: int) -> bool:
    """Queue the messages for sides that no one holds, within the caller's transaction: everyone who
    is notified of a new referral and the leads, then the contact. Where a block bars all of them,
    those who oversee the agency learn *that* something is to be reviewed. Returns whether there may
    be more."""
    unheld = query("SELECT * FROM sec.claim_unheld(%s)", [most])
    for side_id, referral_id, agency_id, asked_at, urgency in unheld:
        cause = uuid5(NAMESPACE_OID, f"{side_id} {asked_at.isoformat()}")
        reach = Recipients(referral_id, agency_id)
        if lines := [*reach.everyone(), *reach.leads()]:
            queue_messages(cause, referral_id, "take_over", lines)
            after_s = NEXT_STEP_S[urgency]
            queue_messages(cause, referral_id, "contact", _contact(reach), after_s=after_s)
        else:
            queue_messages(cause, referral_id, "review", reach.overseers())
    return len(unheld) == most


_UNANSWERED = (
    "(r.status IN ('sent', 'acknowledged') AND r.accept_by <= sec.clock())"
    " OR (r.status = 'sent' AND r.ack_by <= sec.clock())"
)
_GOING_ON = (
    "(r.status IN ('sent', 'acknowledged') AND r.expires_at > sec.clock()) OR r.status = 'accepted'"
)
_UNTRIED = (
    "(r.status = 'accepted' AND s.state IN ('accepted', 'in_handoff')"
    " AND s.handoff_by <= sec.clock())"
)
_UNHELD = "sec.is_unheld(r.id, %(agency)s)"
_DUE = {
    "late": _UNANSWERED,
    "unanswered": "r.status = 'sent' AND r.expires_at > sec.clock()",
    "notice": _GOING_ON,
    "take_over": _UNHELD,
    "contact": f"{_UNANSWERED} OR {_UNTRIED} OR {_UNHELD}",
}


def is_still_unanswered(referral_id: UUID, agency_id: UUID, template: str) -> bool:
    """Return whether a deadline has passed and what was due is still not done. For a message to the
    sender (`late`) only the answer counts, never the hand-off (R2). For a `notice` it is whether
    the referral still goes on, for `unanswered` whether no one has acknowledged it, for `take_over`
    whether no one holds this agency's side."""
    late = _DUE.get(template, f"{_UNANSWERED} OR {_UNTRIED}")
    return bool(
        query(
            "SELECT FROM referral r"
            " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = r.to_agency_id"
            f" WHERE r.id = %(id)s AND ({late})",
            {"id": referral_id, "agency": agency_id},
        )
    )
