"""When an answer is due, by urgency. Frozen into the referral at send (design §4, "Clocks")."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

# The fixed moment: the sender is shown `closed` then, whatever happened (R2, the T5 table).
CLOSED_AFTER = timedelta(days=7)
# How long before a side's part is purged it is told so (R13).
PURGE_TOLD_BEFORE = timedelta(days=7)


class Deadlines(NamedTuple):
    ack_by: datetime
    accept_by: datetime
    expires_at: datetime


_BY_THE_CLOCK = {
    "emergency": (timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=2)),
    "urgent": (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4)),
}
_HANDOFF = {"emergency": timedelta(minutes=30), "urgent": timedelta(hours=4)}


def deadlines(urgency: str, sent_at: datetime, time_zone: str) -> Deadlines:
    """Deadlines of the answer, UTC. Routine ones count business days of the recipient."""
    if urgency in _BY_THE_CLOCK:
        return Deadlines(*(sent_at + length for length in _BY_THE_CLOCK[urgency]))
    return Deadlines(*(business_days_after(sent_at, days, time_zone) for days in (1, 2, 5)))


def handoff_by(urgency: str, accepted_at: datetime, time_zone: str) -> datetime:
    """When the recipient's first attempt at a hand-off is due."""
    if urgency in _HANDOFF:
        return accepted_at + _HANDOFF[urgency]
    return business_days_after(accepted_at, 2, time_zone)


def business_days_after(moment: datetime, days: int, time_zone: str) -> datetime:
    """The same wall-clock time, `days` business days (Monday to Friday) later, in UTC.

    Counted in the recipient's own time zone, so that a daylight-saving change moves nothing.
    """
    local = moment.astimezone(ZoneInfo(time_zone))
    while days:
        local += timedelta(days=1)  # wall-clock arithmetic
        if local.weekday() < 5:
            days -= 1
    return local.astimezone(ZoneInfo("UTC"))
