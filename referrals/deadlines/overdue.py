"""The clocks (acts 19 and 20): deadlines that passed without an answer, and their marks.

Runs as `jobs`, which sees the state of a referral and never its content. People are notified
through the event that a mark writes; that row is also the outbox. Each mark is its own transaction.
It locks the referral and checks again, so that an answer that came first wins. The job may be
killed at any point and run again; it marks nothing twice.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, transaction

from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7

MOST = 200

# `r` is the referral, `s` the recipient's side, {at} the time that has passed. One mark serves both
# deadlines of an answer: at `accept_by` it is set again, unless it was set after `accept_by`
# already.
_CLOCKS = {
    "ack_by": (
        "r.status = 'sent' AND r.expires_at > {at} AND r.ack_by <= {at}"
        " AND r.accept_by > {at} AND r.escalated_at IS NULL",
        "r.ack_by",
    ),
    "accept_by": (
        "r.status IN ('sent', 'acknowledged') AND r.expires_at > {at} AND r.accept_by <= {at}"
        " AND (r.escalated_at IS NULL OR r.escalated_at < r.accept_by)",
        "r.accept_by",
    ),
    "handoff_by": (
        "r.status = 'accepted' AND s.state IN ('accepted', 'in_handoff')"
        " AND s.handoff_by <= {at} AND s.escalated_at IS NULL",
        "s.handoff_by",
    ),
    "expires_at": (
        "r.status IN ('sent', 'acknowledged') AND r.expires_at <= {at}",
        "r.expires_at",
    ),
}


class MissedDeadline(NamedTuple):
    """A deadline that passed. `clock` is ack_by, accept_by, handoff_by or expires_at."""

    clock: str
    referral_id: UUID
    from_agency_id: UUID
    to_agency_id: UUID
    due_at: datetime


def missed_deadlines(most: int = MOST) -> list[MissedDeadline]:
    """Return the deadlines that passed and are not marked yet, the oldest first; at most `most`."""
    parts = [
        f"SELECT '{clock}', r.id, r.from_agency_id, r.to_agency_id, {column} AS due_at"
        f" {_FROM[clock]} WHERE {when.format(at='sec.clock()')}"
        for clock, (when, column) in _CLOCKS.items()
    ]
    found = _query(f"{' UNION ALL '.join(parts)} ORDER BY due_at, 2 LIMIT %s", [most])
    return [MissedDeadline._make(row) for row in found]


def next_deadline() -> datetime | None:
    """Return when the next open deadline passes. None: no clock runs. A scheduler may sleep until
    then. The time may also be in the past."""
    ((moment,),) = _query(
        "SELECT min(at) FROM ("
        " SELECT min(least(r.expires_at,"
        "  CASE WHEN r.status = 'sent' AND r.escalated_at IS NULL THEN r.ack_by END,"
        "  CASE WHEN r.escalated_at IS NULL OR r.escalated_at < r.accept_by THEN r.accept_by END"
        " )) AS at FROM referral r WHERE r.status IN ('sent', 'acknowledged')"
        " UNION ALL SELECT min(s.handoff_by) FROM referral_side s"
        "  WHERE s.handoff_by IS NOT NULL AND s.escalated_at IS NULL"
        "  AND s.state IN ('accepted', 'in_handoff')) clocks",
        [],
    )
    found: datetime | None = moment
    return found


def mark_missed(alarm: MissedDeadline) -> bool:
    """Mark the referral as escalated, or let it expire, with its event. Returns False if it was
    answered meanwhile or marked already; then nothing changed."""
    with transaction.atomic(using=JOBS):
        _execute("SELECT FROM referral WHERE id = %s FOR UPDATE", [alarm.referral_id])
        when, _ = _CLOCKS[alarm.clock]
        still = _query(
            f"SELECT 1 {_FROM[alarm.clock]} WHERE r.id = %s AND {when.format(at='sec.clock()')}",
            [alarm.referral_id],
        )
        if not still:
            return False
        _MARK[alarm.clock](alarm)
        return True


def mark_all_missed(most: int = MOST) -> dict[str, int]:
    """Mark all that is due now. Returns the marks per clock. Twice is safe, also concurrently."""
    counts = dict.fromkeys(_CLOCKS, 0)
    while found := missed_deadlines(most):
        marked = [alarm for alarm in found if mark_missed(alarm)]
        for alarm in marked:
            counts[alarm.clock] += 1
        if len(found) < most or not marked:
            break
    return counts


# -- The marks -------------------------------------------------------------------------------------


def _escalate(alarm: MissedDeadline) -> None:
    _execute(
        "UPDATE referral SET escalated_at = sec.clock(), version = version + 1 WHERE id = %s",
        [alarm.referral_id],
    )
    _event(alarm, "escalated", alarm.clock, sender_sees=True)


def _escalate_handoff(alarm: MissedDeadline) -> None:
    """Mark the recipient's side only (T4)."""
    _execute(
        "UPDATE referral_side SET escalated_at = sec.clock(), version = version + 1"
        " WHERE referral_id = %s AND agency_id = %s",
        [alarm.referral_id, alarm.to_agency_id],
    )
    _event(alarm, "escalated", alarm.clock, sender_sees=False)


def _expire(alarm: MissedDeadline) -> None:
    """Expire the referral (act 20). Both sides are shown the word that they were shown since the
    deadline (T5). What was ready for the recipient is destroyed."""
    _execute(
        "UPDATE packet_grant SET kek_version = NULL, key_bundle = NULL"
        " WHERE referral_id = %s AND agency_id = %s",
        [alarm.referral_id, alarm.to_agency_id],
    )
    _execute(
        "UPDATE referral SET status = 'expired', ended_at = expires_at, version = version + 1"
        " WHERE id = %s",
        [alarm.referral_id],
    )
    _event(alarm, "expire", None, sender_sees=True)


def _event(alarm: MissedDeadline, act: str, code: str | None, *, sender_sees: bool) -> None:
    _execute(
        "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act, code,"
        " from_sees, to_sees) SELECT %s, id, from_agency_id, to_agency_id, sec.clock(), %s, %s,"
        " %s, true FROM referral WHERE id = %s",
        [uuid7(), act, code, sender_sees, alarm.referral_id],
    )


_MARK = {
    "ack_by": _escalate,
    "accept_by": _escalate,
    "handoff_by": _escalate_handoff,
    "expires_at": _expire,
}
_FROM = {
    clock: "FROM referral r"
    + (
        " JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = r.to_agency_id"
        if clock == "handoff_by"
        else ""
    )
    for clock in _CLOCKS
}


def _query(question: str, parameters: Any) -> list[Any]:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(question, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows


def _execute(statement: str, parameters: Any) -> None:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(statement, parameters)
