"""When an answer is due, by urgency. Frozen into the referral at send (docs/rules.md, Deadlines).

An agency may set its own durations, hours and holidays (`manage.py set_clocks`); the recipient's
count. No database in here: what has come due is found in referrals/deadlines/overdue.py.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from permissions.models import Agency

# The fixed moment: the sender is shown `closed` then, whatever happened (R2, the T5 table).
CLOSED_AFTER = timedelta(days=7)
# How long "please ring" stands out among others; it is shown as long as the referral is open.
CALL_REQUEST_LASTS = timedelta(days=1)
# How long after the sending a worker of the sender's can be with her, whatever the notice says.
WITH_HER = timedelta(days=1)
# How long before a side's part is purged it is told so (R13).
PURGE_WARNING = timedelta(days=7)
# How long a draft lasts after its last change (R13).
DRAFT_LIFETIME = timedelta(hours=24)


class Durations(NamedTuple):
    """From the sending: ack, accept, expires; from the accept: handoff. Minutes; of `routine`,
    business days."""

    ack: int
    accept: int
    handoff: int
    expires: int


DURATIONS = {
    "emergency": Durations(15, 30, 30, 120),
    "urgent": Durations(60, 120, 240, 240),
    "routine": Durations(1, 2, 2, 5),
}
IN_BUSINESS_DAYS = frozenset({"routine"})
LONGEST = {"emergency": 24 * 60, "urgent": 7 * 24 * 60, "routine": 30}

Hours = tuple[time, time]  # from, until, of one day


class Calendar(NamedTuple):
    """On which days and hours an agency works. `week`: Monday first, None is closed."""

    zone: ZoneInfo
    week: tuple[Hours | None, ...]
    holidays: frozenset[date]

    def hours(self, day: date) -> Hours | None:
        return None if day in self.holidays else self.week[day.weekday()]


WEEK: tuple[Hours | None, ...] = (*[(time(9), time(17))] * 5, None, None)


class Deadlines(NamedTuple):
    """What one referral's recipient owes, frozen at send: three moments, and a length."""

    ack_by: datetime
    accept_by: datetime
    expires_at: datetime
    handoff_within: int  # as Durations.handoff


def deadlines(agency: Agency, urgency: str, sent_at: datetime) -> Deadlines:
    """When `agency`, the recipient, owes which answer to what is sent to it at `sent_at`; UTC."""
    own = durations(agency)[urgency]

    def after(length: int) -> datetime:
        return _after(agency, urgency, sent_at, length)

    return Deadlines(after(own.ack), after(own.accept), after(own.expires), own.handoff)


def handoff_by(agency: Agency, urgency: str, start: datetime, within: int) -> datetime:
    """When the recipient's first attempt at a hand-off is due, or the next after one that failed.

    `within`: as it was frozen at send.
    """
    return _after(agency, urgency, start, within)


def _after(agency: Agency, urgency: str, start: datetime, length: int) -> datetime:
    if urgency in IN_BUSINESS_DAYS:
        return business_days_after(start, length, calendar(agency))
    return start + timedelta(minutes=length)


def business_days_after(start: datetime, days: int, of: Calendar) -> datetime:
    """`days` business days later, in UTC: the same wall-clock time, within that day's hours.

    What begins outside the hours begins when they next open. Counted in the agency's own time
    zone, so that a daylight-saving change moves nothing.
    """
    local = start.astimezone(of.zone).replace(tzinfo=None)
    first, (opens, closes) = next(_working(local.date(), of))
    if first == local.date() and local.time() > closes:
        first, (opens, closes) = next(_working(first + timedelta(days=1), of))
    at = max(local.time(), opens) if first == local.date() else opens
    later = _working(first + timedelta(days=1), of)
    for _ in range(days):
        first, (opens, closes) = next(later)
    at = min(max(at, opens), closes)
    return datetime.combine(first, at, of.zone).astimezone(UTC)


def _working(day: date, of: Calendar) -> Iterator[tuple[date, Hours]]:
    """The days on which it works, from `day` on; of an agency that never does, every day."""
    never = not any(of.week)
    while True:
        hours = (time(0), time.max) if never else of.hours(day)
        if hours is not None:
            yield day, hours
        day += timedelta(days=1)


# -- What an agency set for itself -----------------------------------------------------------------


def durations(agency: Agency) -> dict[str, Durations]:
    """The network's, or the agency's own in their place."""
    own = {name: Durations(*numbers) for name, numbers in (agency.durations or {}).items()}
    return DURATIONS | own


def calendar(agency: Agency) -> Calendar:
    """Its hours (else Monday to Friday, nine to five), holidays and time zone."""
    week = WEEK
    if agency.opening_hours is not None:
        week = tuple(
            None if day is None else (time.fromisoformat(day[0]), time.fromisoformat(day[1]))
            for day in agency.opening_hours
        )
    return Calendar(ZoneInfo(agency.time_zone), week, frozenset(agency.holidays))


def read_durations(urgency: str, numbers: list[str]) -> list[int]:
    """Four numbers as `Agency.durations` keeps them. Raises ValueError, in words."""
    if len(numbers) != len(Durations._fields) or not all(map(_NUMBER.fullmatch, numbers)):
        usual = ",".join(map(str, DURATIONS[urgency]))
        raise ValueError(f"four whole numbers: ack, accept, hand-off, expires; such as {usual}")
    own = Durations(*map(int, numbers))
    if not 0 < own.ack <= own.accept <= own.expires or own.handoff <= 0:
        raise ValueError("ack, accept and expires follow one another; none is zero")
    if max(own) > LONGEST[urgency]:
        raise ValueError(f"at most {LONGEST[urgency]}: somebody waits with her")
    return list(own)


def read_week(days: list[str]) -> list[Any]:
    """Seven of "09:00-17:00" or "closed", Monday first, as `Agency.opening_hours` keeps them.
    Raises ValueError, in words."""
    if len(days) != 7:
        raise ValueError("seven days, Monday first, each such as 09:00-17:00 or closed")
    week = [None if day == "closed" else _read_day(day) for day in days]
    if not any(week):
        raise ValueError("open on one day at least; else set the agency to phone only")
    return week


def read_holidays(days: list[str]) -> list[date]:
    """Dates as `Agency.holidays` keeps them. Raises ValueError, in words."""
    try:
        return [date.fromisoformat(day) for day in days]
    except ValueError:
        raise ValueError("dates, such as 2026-12-25,2027-01-01") from None


def read_zone(name: str) -> str:
    """A time zone as `Agency.time_zone` keeps it. Raises ValueError, in words."""
    if name not in available_timezones():
        raise ValueError("a name of the time zone database, such as America/Denver")
    return name


_NUMBER = re.compile("[0-9]{1,6}")
# Of the agency's own day: with a zone of its own, or seconds, nobody could be told a deadline.
_DAY = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")


def _read_day(day: str) -> list[str]:
    opens, _, closes = day.partition("-")
    if not _DAY.fullmatch(day) or not opens < closes:
        raise ValueError("a day is from-until, such as 09:00-17:00, or closed; the latest is 23:59")
    return [opens, closes]
