"""The ladder: who is rung when a deadline passes and nobody has answered (docs/rules.md, act 19).

A clock leaves one event (referrals/deadlines/overdue.py). Of it the sender's worker is told, and of
the recipient, at the same time, its leads; then its escalation contact, who may be outside. A rung
whose people were all rung before is no rung: the next is rung at once, and so it is when they are
off duty. What is to be rung later is a message that is due later: killed and begun anew, it is rung
when it is due, or not at all if somebody answered meanwhile.
"""

from uuid import UUID

from referrals.deadlines import overdue
from referrals.notifications.recipients import Channel, Recipients, query, queue_messages

# Seconds from one rung to the next, by urgency; an emergency's own deadlines are 15 minutes apart.
NEXT_STEP_S = {"emergency": 300, "urgent": 900, "routine": 3600}
# Of no use once it is answered; a notice, once it is over.
URGING = frozenset({"answer_now", "late", "contact", "notice"})
PORTION = 200


def step() -> bool:
    """Mark a portion of what came due; whether there may be more."""
    return sum(overdue.mark_all_missed(PORTION).values()) >= PORTION


def notify_ladder(reach: Recipients, cause: UUID, clock: str) -> None:
    """Ring the recipient's rungs of one deadline, within the caller's transaction."""
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
    """The leads, then the contact. At `ack_by` whom the notice itself has rung is not rung anew:
    an agency of one goes on to its contact at once."""
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
    """Inside the recipient alone (T4): who holds it, then its leads."""
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
    """Whether a deadline of it has passed and what was due by it is still not done. What is sent to
    the sender (`late`) depends on the answer alone, never on the hand-off (R2); a `notice`, on
    whether it goes on."""
    late = {"late": _UNANSWERED, "notice": _GOING_ON}.get(template, f"{_UNANSWERED} OR {_UNTRIED}")
    return bool(
        query(
            "SELECT FROM referral r"
            " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = r.to_agency_id"
            f" WHERE r.id = %s AND ({late})",
            [referral_id],
        )
    )
