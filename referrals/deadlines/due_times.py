"""When an answer is due, by urgency. Deadlines are frozen into the referral at send (docs/rules.md,
Deadlines).

An agency may set its own durations, hours and holidays (`manage.py deadlines set`); the recipient's
count. This module uses no database. referrals/deadlines/overdue.py finds what is due.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from permissions.models import Agency

# The sender is shown `closed` after this time, whatever happened (R2, the T5 table).
CLOSED_AFTER = timedelta(days=7)
# How long "please call" makes a referral pressing. It is shown as long as the referral is open.
CALL_REQUEST_LASTS = timedelta(days=1)
# How long what was declined or ran out counts for its sender, until the survivor is referred on.
REFER_ON_WITHIN = timedelta(days=1)
# How long after the sending a worker can be with the survivor, whatever the notice says.
WITH_HER = timedelta(days=1)
# How long before the purge of a side's part that side is notified (R13).
PURGE_WARNING = timedelta(days=7)
# How long a draft lasts after its last change (R13).
DRAFT_LIFETIME = timedelta(hours=24)


class Durations(NamedTuple):
    """Ack, accept and expires count from the sending; handoff counts from the accept. In minutes;
    for `routine`, in business days."""

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

Hours = tuple[time, time]  # from, until, on one day


class Calendar(NamedTuple):
    """The days and hours on which an agency works. `week` starts on Monday; None is closed."""

    zone: ZoneInfo
    week: tuple[Hours | None, ...]
    holidays: frozenset[date]

    def hours(self, day: date) -> Hours | None:
        return None if day in self.holidays else self.week[day.weekday()]


WEEK: tuple[Hours | None, ...] = (*[(time(9), time(17))] * 5, None, None)


class Deadlines(NamedTuple):
    """What the recipient of one referral owes, frozen at send: three times and one length."""

    ack_by: datetime
    accept_by: datetime
    expires_at: datetime
    handoff_within: int  # as Durations.handoff


def deadlines(agency: Agency, urgency: str, sent_at: datetime) -> Deadlines:
    """Return when `agency`, the recipient, owes each answer to what was sent at `sent_at`; UTC."""
    own = durations(agency)[urgency]

    def after(length: int) -> datetime:
        return _after(agency, urgency, sent_at, length)

    return Deadlines(after(own.ack), after(own.accept), after(own.expires), own.handoff)


def handoff_by(agency: Agency, urgency: str, start: datetime, within: int) -> datetime:
    """Return when the recipient's first attempt at a hand-off is due, or the next after a failed
    one.

    `within`: as frozen at send.
    """
    return _after(agency, urgency, start, within)


def _after(agency: Agency, urgency: str, start: datetime, length: int) -> datetime:
    if urgency in IN_BUSINESS_DAYS:
        return business_days_after(start, length, calendar(agency))
    return start + timedelta(minutes=length)


def business_days_after(start: datetime, days: int, of: Calendar) -> datetime:
    """Return the time `days` business days later, in UTC: the same wall-clock time, within that
    day's hours.

    A start outside the hours counts from when they next open. It counts in the agency's own time
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
    """Yield the days on which the agency works, from `day` on. For an agency that never works,
    yield every day."""
    never = not any(of.week)
    while True:
        hours = (time(0), time.max) if never else of.hours(day)
        if hours is not None:
            yield day, hours
        day += timedelta(days=1)


# -- What an agency set for itself -----------------------------------------------------------------


def durations(agency: Agency) -> dict[str, Durations]:
    """Return the network's durations, or the agency's own where it set them."""
    own = {name: Durations(*numbers) for name, numbers in (agency.durations or {}).items()}
    return DURATIONS | own


def calendar(agency: Agency) -> Calendar:
    """Return the agency's hours (else Monday to Friday, nine to five), holidays and time zone."""
    week = WEEK
    if agency.opening_hours is not None:
        week = tuple(
            None if day is None else (time.fromisoformat(day[0]), time.fromisoformat(day[1]))
            for day in agency.opening_hours
        )
    return Calendar(ZoneInfo(agency.time_zone), week, frozenset(agency.holidays))


def read_durations(urgency: str, numbers: list[str]) -> list[int]:
    """Return four numbers as `Agency.durations` stores them. Raises ValueError with a message."""
    if len(numbers) != len(Durations._fields) or not all(map(_NUMBER.fullmatch, numbers)):
        usual = ",".join(map(str, DURATIONS[urgency]))
        raise ValueError(
            f"give four whole numbers (acknowledge, accept, hand off, expire), such as {usual}"
        )
    own = Durations(*map(int, numbers))
    if not 0 < own.ack <= own.accept <= own.expires or own.handoff <= 0:
        raise ValueError("acknowledge, accept and expire must not decrease, and none may be zero")
    if max(own) > LONGEST[urgency]:
        raise ValueError(f"at most {LONGEST[urgency]}: a survivor is waiting")
    return list(own)


def read_week(days: list[str]) -> list[Any]:
    """Return seven days, each "09:00-17:00" or "closed", Monday first, as `Agency.opening_hours`
    stores them. Raises ValueError with a message."""
    if len(days) != 7:
        raise ValueError("give seven days, Monday first, each like 09:00-17:00 or closed")
    week = [None if day == "closed" else _read_day(day) for day in days]
    if not any(week):
        raise ValueError(
            "it must be open on at least one day; for phone only, set --takes-notices no"
        )
    return week


def read_holidays(days: list[str]) -> list[date]:
    """Return dates as `Agency.holidays` stores them. Raises ValueError with a message."""
    try:
        return [date.fromisoformat(day) for day in days]
    except ValueError:
        raise ValueError("give dates such as 2026-12-25,2027-01-01") from None


def read_zone(name: str) -> str:
    """Return a time zone as `Agency.time_zone` stores it. Raises ValueError with a message."""
    if name not in available_timezones():
        raise ValueError("give a name of the time zone database, such as America/Denver")
    return name


_NUMBER = re.compile("[0-9]{1,6}")
# A time of the agency's own day. With a zone or seconds, a deadline could not be stated.
_DAY = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]")


def _read_day(day: str) -> list[str]:
    opens, _, closes = day.partition("-")
    if not _DAY.fullmatch(day) or not opens < closes:
        raise ValueError("write a day like 09:00-17:00, or closed; the latest time is 23:59")
    return [opens, closes]
