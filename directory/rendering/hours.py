"""When a place is open, as spans of time: schedules (RFC 5545 recurrence), holidays, time zones.

The standard gives local times and an offset from UTC in hours, which says nothing of daylight
saving. So the network's time zone (settings.NETWORK_TIME_ZONE) is meant wherever the offset is
missing or is one that this zone has in the course of the year; any other offset is kept as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dateutil.rrule import FR, MO, MONTHLY, SA, SU, TH, TU, WE, WEEKLY, rrule, weekday
from django.conf import settings

Span = tuple[datetime, datetime]  # [from, to) in UTC
AHEAD_DAYS = 35  # how far is looked ahead; refreshed daily (manage.py refresh_directory)
DAYS = {"MO": MO, "TU": TU, "WE": WE, "TH": TH, "FR": FR, "SA": SA, "SU": SU}
END_OF_DAY = time(23, 59)  # sources write it for midnight
A_MONDAY = date(2001, 1, 1)  # where a rule that repeats every other week begins if it does not say


@dataclass(frozen=True, slots=True)
class Rule:
    """The columns of a schedule that decide; hashable, since thousands keep the same hours."""

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


_COLUMNS = [field.name for field in fields(Rule)]


def spans(
    schedules: Iterable[dict[str, Any]], holidays: Sequence[dict[str, Any]], start: date
) -> list[Span] | None:
    """The spans of AHEAD_DAYS from `start` on, merged and in order; None: nothing is said.

    Rows as the source tables hold them. A rule that makes no sense opens nothing.
    """
    rules = [Rule(*(row[name] for name in _COLUMNS)) for row in schedules]
    rules = [rule for rule in rules if rule.opens_at is not None]
    if not rules and not holidays:
        return None
    away = [_dates(row) for row in holidays]
    found: list[Span] = []
    for rule in rules:
        zone = zone_of(rule.timezone, start)
        for day in _days(rule, start):
            if not any(first <= day <= last for first, last in away):
                found.append(_span(day, rule.opens_at, rule.closes_at, zone))
    for row in holidays:
        if not row["closed"] and row["opens_at"] is not None:
            first, last = _dates(row)
            zone = zone_of(None, start)
            for day in _every_day(max(first, start), min(last, start + timedelta(AHEAD_DAYS))):
                found.append(_span(day, row["opens_at"], row["closes_at"], zone))
    return _merged(found)


def can_expand(schedule: Mapping[str, Any]) -> bool:
    """Whether the rule is one that opens on some day at all, or says no rule."""
    rule = Rule(*(schedule[name] for name in _COLUMNS))
    if not rule.freq and not rule.byday:
        return True
    begins = rule.dtstart or rule.valid_from or A_MONDAY
    try:
        first = next(iter(_rrule(rule, begins)), None)
    except (ValueError, OverflowError, TypeError):
        return False
    return first is not None


def zone_of(offset: float | None, day: date) -> tzinfo:
    """The zone that an offset in hours stands for."""
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
    """One opening: up to midnight where it does not say, into the next day where it closes before
    it opens. Each end in its own offset, so that a night with a change of the clock is right."""
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
    """The days of the window on which the rule opens; yesterday too, for nights."""
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
        # No rule at all: every day of a time that is limited, else nothing can be said.
        limited = rule.valid_from and (rule.valid_to or rule.until)
        return tuple(_every_day(first, last)) if limited else ()
    try:
        found = _rrule(rule, first).between(
            datetime.combine(first, time()), datetime.combine(last, time()), inc=True
        )
    except (ValueError, OverflowError, TypeError):
        return ()
    return tuple(moment.date() for moment in found)


def _rrule(rule: Rule, first: date) -> rrule:
    begins = rule.dtstart or rule.valid_from or A_MONDAY
    interval = max(rule.interval or 1, 1)
    freq: Literal[1, 2] = MONTHLY if rule.freq == "MONTHLY" else WEEKLY
    if freq == WEEKLY and not rule.count and rule.byday and begins < first:
        # Nearer to the window in whole intervals, from the week's first day: else it would count
        # up from years ago.
        weeks = interval * ((first - begins).days // 7 // interval - 1)
        if weeks > 0:
            begins += timedelta(weeks=weeks)
    return rrule(
        freq,
        dtstart=datetime.combine(begins, time()),
        interval=interval,
        count=rule.count if rule.dtstart else None,
        wkst=DAYS.get(rule.wkst),
        byweekday=_weekdays(rule.byday) or None,
        bymonthday=_numbers(rule.bymonthday) or None,
        byyearday=_numbers(rule.byyearday) or None,
        byweekno=_numbers(rule.byweekno) or None,
    )


def _weekdays(text: str) -> list[weekday]:
    """ "MO,2TU,-1FR" as RFC 5545 writes it."""
    found = []
    for part in text.upper().replace(" ", "").split(","):
        if part[-2:] in DAYS:
            ordinal = part[:-2].lstrip("+")
            number = int(ordinal) if ordinal.lstrip("-").isdigit() else None
            day = DAYS[part[-2:]]
            found.append(day(number) if number else day)
    return found


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.replace(" ", "").split(",") if part.lstrip("+-").isdigit()]


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
    """As PostgreSQL reads a tstzmultirange."""
    if found is None:
        return None
    return "{" + ",".join(f'["{a.isoformat()}","{b.isoformat()}")' for a, b in found) + "}"
