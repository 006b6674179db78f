"""The escalation ladder: who is notified when a deadline passes without an answer (docs/rules.md,
act 19).

A clock writes one event (referrals/deadlines/overdue.py). The sender's worker is notified of it. At
the same time the recipient's leads are notified, and later its escalation contact, who may be
outside the agency. A step is skipped if all its people were notified before or are off duty; the
next step is then notified at once. A later step is a message that is due later. It survives a
restart of the worker: it is sent when it is due, or not at all if the referral was answered
meanwhile.
"""

from uuid import UUID

from referrals.deadlines import overdue
from referrals.notifications.recipients import Channel, Recipients, query, queue_messages

# Seconds from one step to the next, by urgency. An emergency's own deadlines are 15 minutes apart.
NEXT_STEP_S = {"emergency": 300, "urgent": 900, "routine": 3600}
# These are useless after an answer; `notice` is useless after the referral is over.
URGING = frozenset({"answer_now", "late", "contact", "notice"})
PORTION = 200


def step() -> bool:
    """Mark a portion of what is due. Returns whether there may be more."""
    return sum(overdue.mark_all_missed(PORTION).values()) >= PORTION


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
                " WHERE referral_id = %s AND template = 'notice' AND state <> 'dead'",
                [reach.referral_id],
            )
        }
        leads = [line for line in leads if line.channel_id not in notified]
    return [("answer_now", leads), ("contact", reach.contact())]


def _of_the_hand_off(reach: Recipients) -> list[tuple[str, list[Channel]]]:
    """Return the recipient's steps only (T4): the holder, then its leads."""
    holder = [one for one in reach.members if one.holds and one.duty != "off_duty"]
    return [("answer_now", reach.own(holder)), ("answer_now", reach.leads())]


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


def is_still_unanswered(referral_id: UUID, template: str) -> bool:
    """Return whether a deadline has passed and what was due is still not done. For a message to the
    sender (`late`) only the answer counts, never the hand-off (R2). For a `notice` it is whether
    the referral still goes on."""
    late = {"late": _UNANSWERED, "notice": _GOING_ON}.get(template, f"{_UNANSWERED} OR {_UNTRIED}")
    return bool(
        query(
            "SELECT FROM referral r"
            " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = r.to_agency_id"
            f" WHERE r.id = %s AND ({late})",
            [referral_id],
        )
    )
