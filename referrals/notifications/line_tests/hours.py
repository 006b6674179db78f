"""When a line may be tested: windows of a week, and the minute of them that is a number's own.

This module uses no database. A week begins with Monday by the agency's clock; windows are pairs of
moments in UTC, in order, apart from each other.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from referrals.deadlines.due_times import Calendar, Hours

Window = tuple[datetime, datetime]

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
# Where an agency has set no hours of its own.
USUAL: Hours = (time(10), time(18))
# No one is tested outside these who is on call or at work within them, too.
DAYTIME: Hours = (time(8), time(21))


def monday_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the Monday of the local week that the moment is in."""
    local = moment.astimezone(zone).date()
    return local - local.weekday() * DAY


def bounds(week: date, zone: ZoneInfo) -> Window:
    """Return the first moment of the week and of the next one."""
    return _at(week, time(), zone), _at(week + 7 * DAY, time(), zone)


def open_hours(week: date, calendar: Calendar, *, is_set: bool) -> list[Window]:
    """Return when the agency is open in this week. `is_set`: it has set its hours; otherwise it is
    taken to be open from 10 to 18 on weekdays that are no holidays."""
    if is_set:
        return _daily(week, calendar.zone, calendar.hours)
    usual = calendar._replace(week=(*[USUAL] * 5, None, None))
    return _daily(week, calendar.zone, usual.hours)


def by_day(windows: Iterable[Window], week: date, zone: ZoneInfo) -> list[Window]:
    """Return the part of the windows from 8 to 21 o'clock; all of them where they have none: a line
    of the night is tested at night."""
    found = list(windows)
    daytime = _daily(week, zone, lambda _day: DAYTIME)
    return [both for one in found for day in daytime if (both := _common(one, day))] or found


def without(windows: Iterable[Window], others: Iterable[Window]) -> list[Window]:
    """Return the windows less the others."""
    left = list(windows)
    for begin, end in others:
        left = [
            part
            for one in left
            for part in (_common(one, (one[0], begin)), _common(one, (end, one[1])))
            if part
        ]
    return left


def slot(number: UUID, windows: Iterable[Window]) -> datetime | None:
    """Return the minute of these windows at which this number's test is due: the same one each
    week, and another one for another number, so that they are not all called at once. None: there
    is no minute."""
    minutes = [(begin, int((end - begin) / MINUTE)) for begin, end in windows]
    total = sum(length for _begin, length in minutes)
    if not total:
        return None
    place = number.int % total
    for begin, length in minutes:
        if place < length:
            return begin + place * MINUTE
        place -= length
    raise AssertionError


def is_within(windows: Iterable[Window], moment: datetime) -> bool:
    """Return whether the moment is in one of the windows."""
    return any(begin <= moment < end for begin, end in windows)


def is_due(number: UUID, windows: list[Window], now: datetime) -> bool:
    """Return whether this number's minute of the week has come, and now is a time to test it. What
    was missed is made up for within the week."""
    first = slot(number, windows)
    return first is not None and first <= now and is_within(windows, now)


def _daily(week: date, zone: ZoneInfo, hours: Callable[[date], Hours | None]) -> list[Window]:
    found = []
    for day in (week + number * DAY for number in range(7)):
        if (of_day := hours(day)) is not None:
            begin, end = (_at(day, one, zone) for one in of_day)
            found += [(begin, end)] if begin < end else []
    return found


def _at(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _common(one: Window, other: Window) -> Window | None:
    begin, end = max(one[0], other[0]), min(one[1], other[1])
    return (begin, end) if begin < end else None
