"""Computes opening hours as spans of time: schedules (RFC 5545 recurrence), holidays, time zones.

The standard gives local times and an offset from UTC in hours, which says nothing about daylight
saving. So the network's time zone (settings.NETWORK_TIME_ZONE) applies if the offset is missing or
is one that this zone has during the year; any other offset is used as it is. A zone's name, which
is our own column, comes before all that. A holiday takes the zone of the hours that it interrupts.
"""

from calendar import isleap, monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from directory import time_zones

Span = tuple[datetime, datetime]  # [from, to) in UTC
AHEAD_DAYS = 35  # how far hours are computed ahead; refreshed daily (manage.py directory refresh)
LONGEST = timedelta(3653)  # ten years: the limit for finding a rule's day or counting its days
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
END_OF_DAY = time(23, 59)  # sources write this for midnight
A_MONDAY = date(2001, 1, 1)  # the start of a rule that gives none


@dataclass(frozen=True, slots=True)
class Rule:
    """The columns of a schedule that decide its hours. It is hashable for the caches, since
    thousands of schedules have the same hours."""

    dtstart: date | None
    valid_from: date | None
    valid_to: date | None
    until: date | None
    count: int | None
    freq: str
    interval: int | None
    byday: str
    bymonthday: str
    byyearday: str
    byweekno: str
    wkst: str
    opens_at: time | None
    closes_at: time | None
    timezone: float | None
    time_zone: str


_COLUMNS = [field.name for field in fields(Rule)]


def spans(
    schedules: Iterable[dict[str, Any]], holidays: Sequence[dict[str, Any]], start: date
) -> list[Span] | None:
    """The spans in the AHEAD_DAYS from `start`, merged and in order; None: no hours are given.

    `schedules` and `holidays` are rows of the source tables. An invalid rule opens nothing.
    """
    rules = [Rule(*(row[name] for name in _COLUMNS)) for row in schedules]
    rules = [rule for rule in rules if rule.opens_at is not None]
    if not rules and not holidays:
        return None
    away = [_dates(row) for row in holidays]
    found: list[Span] = []
    zones = {zone_of(rule.timezone, start, rule.time_zone) for rule in rules}
    for rule in rules:
        zone = zone_of(rule.timezone, start, rule.time_zone)
        for day in _days(rule, start):
            if not any(first <= day <= last for first, last in away):
                found.append(_span(day, rule.opens_at, rule.closes_at, zone))
    for row in holidays:
        if not row["closed"] and row["opens_at"] is not None:
            first, last = _dates(row)
            zone = next(iter(zones)) if len(zones) == 1 else zone_of(None, start)
            for day in _every_day(max(first, start), min(last, start + timedelta(AHEAD_DAYS))):
                found.append(_span(day, row["opens_at"], row["closes_at"], zone))
    return _merged(found)


def can_expand(schedule: Mapping[str, Any]) -> bool:
    """Whether the rule opens on any day, or the schedule has no rule.

    Checks the rule's first LONGEST days: the longest wait that the calendar allows is eight years,
    between two February 29ths around a century year without one.
    """
    rule = Rule(*(schedule[name] for name in _COLUMNS))
    if not rule.freq and not rule.byday:
        return True
    try:
        pattern = _pattern(rule)
        first, last = pattern.begins, pattern.begins + LONGEST
        return any(pattern.opens_on(day) for day in _every_day(first, last))
    except (ValueError, OverflowError):
        return False


def zone_of(offset: float | None, day: date, name: str = "") -> tzinfo:
    """The time zone of this name or, without one, for an offset in hours (see the module's
    rule)."""
    if name and (known := time_zones.zone(name)):
        return known
    zone = ZoneInfo(settings.NETWORK_TIME_ZONE)
    if offset is None:
        return zone
    own = {
        datetime(day.year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)
    }  # without and with daylight saving
    given = timedelta(hours=offset)
    return zone if given in own or abs(given) >= timedelta(hours=24) else timezone(given)


def _dates(holiday: dict[str, Any]) -> tuple[date, date]:
    return holiday["start_date"], holiday["end_date"]


def _every_day(first: date, last: date) -> Iterable[date]:
    while first <= last:
        yield first
        first += timedelta(1)


def _span(day: date, opens: time | None, closes: time | None, zone: tzinfo) -> Span:
    """One opening. It ends at midnight if no closing time is given, and on the next day if it
    closes before it opens. Each end has its own offset, so that nights with a clock change are
    right."""
    assert opens is not None
    end = day
    if closes is None or closes.replace(second=0) == END_OF_DAY:
        end, closes = day + timedelta(1), time(0)
    elif closes <= opens:
        end = day + timedelta(1)
    return (
        datetime.combine(day, opens, zone).astimezone(UTC),
        datetime.combine(end, closes, zone).astimezone(UTC),
    )


@lru_cache(maxsize=4096)
def _days(rule: Rule, start: date) -> tuple[date, ...]:
    """The days of the window on which the rule opens, from yesterday on, for open nights."""
    first = start - timedelta(1)
    last = start + timedelta(AHEAD_DAYS)
    if rule.valid_from:
        first = max(first, rule.valid_from)
    for end in (rule.valid_to, rule.until):
        if end:
            last = min(last, end)
    if first > last:
        return ()
    if not rule.freq and not rule.byday:
        # Without a rule: every day of a limited period; otherwise nothing is known.
        limited = rule.valid_from and (rule.valid_to or rule.until)
        return tuple(_every_day(first, last)) if limited else ()
    try:
        pattern = _pattern(rule)
        first = max(first, pattern.begins)
        if rule.count and rule.dtstart:
            # The count runs from dtstart; a rule that began too long ago opens nothing.
            if last - rule.dtstart > LONGEST:
                return ()
            every = (day for day in _every_day(rule.dtstart, last) if pattern.opens_on(day))
            return tuple(day for day in islice(every, rule.count) if day >= first)
        return tuple(day for day in _every_day(first, last) if pattern.opens_on(day))
    except (ValueError, OverflowError):
        return ()


# -- A rule, day by day ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A rule of RFC 5545 (section 3.3.10) that can be checked for one day by itself. A rule costs
    only the days of the window, however long ago it began and however rarely it opens: walking it
    from its beginning, or to a day that never comes, took seconds."""

    begins: date
    monthly: bool
    interval: int
    wkst: int  # Monday is 0
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]  # in the month: (2, 1) second Tuesday, (-1, 4) last Friday
    month_days: frozenset[int]  # negative ones count from the end, here and below
    year_days: frozenset[int]
    weeks: frozenset[int]

    def opens_on(self, day: date) -> bool:
        """Whether the rule opens on `day`, which must not be before `begins`."""
        return (
            self._in_turn(day)
            and (not (self.weekdays or self.nth) or self._on_weekday(day))
            and (not self.month_days or _is_one(day.day, _month_of(day), self.month_days))
            and (not self.year_days or _is_one(_of_year(day), _year_of(day), self.year_days))
            and (not self.weeks or _is_one(*self._week(day), self.weeks))
        )

    def _in_turn(self, day: date) -> bool:
        """Whether the interval includes the day's month or week."""
        if self.interval == 1:
            return True
        if self.monthly:
            months = (day.year - self.begins.year) * 12 + day.month - self.begins.month
            return months % self.interval == 0
        first = self.begins - timedelta((self.begins.weekday() - self.wkst) % 7)
        return (day - first).days // 7 % self.interval == 0

    def _on_weekday(self, day: date) -> bool:
        weekday = day.weekday()
        if weekday in self.weekdays:
            return True
        from_start, from_end = (day.day - 1) // 7 + 1, -((_month_of(day) - day.day) // 7 + 1)
        return (from_start, weekday) in self.nth or (from_end, weekday) in self.nth

    def _week(self, day: date) -> tuple[int, int]:
        """The number of the day's week, and the number of weeks in that year. The first week is the
        one with at least four days in the year."""
        middle = day - timedelta((day.weekday() - self.wkst) % 7) + timedelta(3)
        passed = _of_year(middle)
        number = (passed - 1) // 7 + 1
        return number, number + (_year_of(middle) - passed) // 7


def _is_one(number: int, of: int, wanted: frozenset[int]) -> bool:
    return number in wanted or number - of - 1 in wanted


def _month_of(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _of_year(day: date) -> int:
    return day.toordinal() - date(day.year, 1, 1).toordinal() + 1


def _year_of(day: date) -> int:
    return 366 if isleap(day.year) else 365


@lru_cache(maxsize=4096)
def _pattern(rule: Rule) -> _Pattern:
    """Parse a rule. Raises ValueError for invalid numbers."""
    begins = rule.dtstart or rule.valid_from or A_MONDAY
    monthly = rule.freq == "MONTHLY"
    weekdays, nth = _weekdays(rule.byday, monthly)
    numbers = [_numbers(text) for text in (rule.bymonthday, rule.byyearday, rule.byweekno)]
    if not (weekdays or nth or any(numbers)):  # then the days like its first
        if monthly:
            numbers[0] = frozenset([begins.day])
        else:
            weekdays = frozenset([begins.weekday()])
    wkst = DAYS.index(rule.wkst) if rule.wkst in DAYS else 0
    interval = max(rule.interval or 1, 1)
    return _Pattern(begins, monthly, interval, wkst, weekdays, nth, *numbers)


def _weekdays(text: str, monthly: bool) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    """Parse "MO,2TU,-1FR" (RFC 5545); numbers have a meaning only in monthly rules."""
    plain, nth = set(), set()
    for part in text.upper().replace(" ", "").split(","):
        if part[-2:] in DAYS:
            ordinal, day = part[:-2].lstrip("+"), DAYS.index(part[-2:])
            if monthly and ordinal.lstrip("-").isdigit() and int(ordinal):
                nth.add((int(ordinal), day))
            else:
                plain.add(day)
    return frozenset(plain), frozenset(nth)


def _numbers(text: str) -> frozenset[int]:
    parts = text.replace(" ", "").split(",")
    return frozenset(int(part) for part in parts if part.lstrip("+-").isdigit())


def _merged(found: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for begin, end in sorted(found):
        if end <= begin:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged


def as_multirange(found: list[Span] | None) -> str | None:
    """The text of a PostgreSQL tstzmultirange."""
    if found is None:
        return None
    return "{" + ",".join(f'["{a.isoformat()}","{b.isoformat()}")' for a, b in found) + "}"
