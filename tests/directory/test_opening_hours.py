"""When a place is open: recurrence, nights, changes of the clock, holidays, time zones."""

import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from directory.projection.opening_hours import (
    AHEAD_DAYS,
    LONGEST,
    as_multirange,
    can_expand,
    spans,
    zone_of,
)

pytestmark = pytest.mark.static
DENVER = ZoneInfo("America/Denver")
MONDAY = date(2026, 11, 2)  # the clocks went back the day before


def rule(**said: Any) -> dict[str, Any]:
    """A schedule's row as the source table holds it."""
    empty: dict[str, Any] = dict.fromkeys(
        ("dtstart", "valid_from", "valid_to", "until", "count", "interval", "timezone")
    )
    empty |= dict.fromkeys(("bymonthday", "byyearday", "byweekno", "wkst", "time_zone"), "")
    usual = {"freq": "WEEKLY", "byday": "MO,TU,WE,TH,FR"}
    return empty | usual | {"opens_at": time(9), "closes_at": time(17)} | said


def holiday(first: date, last: date, **said: Any) -> dict[str, Any]:
    closed = {"closed": True, "opens_at": None, "closes_at": None}
    return {"start_date": first, "end_date": last} | closed | said


def is_open(found: Any, *local: int, zone: Any = DENVER) -> bool:
    moment = datetime(*local, tzinfo=zone)  # type: ignore[arg-type]
    return any(begin <= moment < end for begin, end in found)


def test_working_hours_are_local_on_both_sides_of_a_change_of_the_clock() -> None:
    found = spans([rule()], [], date(2026, 10, 26))  # the week before the clocks go back
    assert is_open(found, 2026, 10, 30, 9, 0)
    assert not is_open(found, 2026, 10, 30, 8, 59)
    assert is_open(found, 2026, 11, 2, 9, 0)
    assert not is_open(found, 2026, 11, 2, 8, 59)
    assert not is_open(found, 2026, 11, 2, 17, 0)
    # nine o'clock is 15:00 UTC in summer and 16:00 in winter
    assert is_open(found, 2026, 10, 30, 15, 0, zone=UTC)
    assert not is_open(found, 2026, 11, 2, 15, 59, zone=UTC)
    spring = spans([rule()], [], date(2027, 3, 8))  # the clocks go forward on the 14th
    assert is_open(spring, 2027, 3, 12, 16, 30, zone=UTC)
    assert is_open(spring, 2027, 3, 15, 15, 30, zone=UTC)


def test_a_night_with_a_change_of_the_clock_is_as_long_as_it_really_is() -> None:
    found = spans([rule(byday="SA", opens_at=time(22), closes_at=time(6))], [], date(2026, 10, 31))
    assert found is not None
    (begin, end), *_ = found
    assert (end - begin).total_seconds() == 9 * 3600  # one hour twice
    assert is_open(found, 2026, 11, 1, 5, 59)
    assert not is_open(found, 2026, 11, 1, 6, 0)


def test_last_nights_opening_still_holds_in_the_small_hours() -> None:
    found = spans([rule(byday="SU", opens_at=time(20), closes_at=time(4))], [], MONDAY)
    assert is_open(found, 2026, 11, 2, 3, 0)


def test_day_and_night_has_no_gap_at_midnight() -> None:
    every = rule(byday="MO,TU,WE,TH,FR,SA,SU", opens_at=time(0), closes_at=time(23, 59))
    found = spans([every], [], MONDAY)
    assert found is not None
    assert len(found) == 1
    assert is_open(found, 2026, 11, 3, 23, 59)


def test_a_holiday_closes_and_may_have_hours_of_its_own() -> None:
    thanksgiving = date(2026, 11, 26)
    usual = spans([rule()], [], MONDAY)
    assert is_open(usual, 2026, 11, 26, 10, 0)
    closed = spans([rule()], [holiday(thanksgiving, date(2026, 11, 27))], MONDAY)
    assert not is_open(closed, 2026, 11, 26, 10, 0)
    assert not is_open(closed, 2026, 11, 27, 10, 0)
    assert is_open(closed, 2026, 11, 30, 10, 0)
    short = holiday(thanksgiving, thanksgiving, closed=False, opens_at=time(10), closes_at=time(12))
    found = spans([rule()], [short], MONDAY)
    assert is_open(found, 2026, 11, 26, 11, 0)
    assert not is_open(found, 2026, 11, 26, 13, 0)


@pytest.mark.parametrize(
    ("said", "day", "expected"),
    [
        # every other Monday, from the 2nd
        ({"byday": "MO", "interval": 2, "dtstart": MONDAY}, 9, False),
        ({"byday": "MO", "interval": 2, "dtstart": MONDAY}, 16, True),
        # and the same rule begun long ago: 2020-01-06 was a Monday, 356 weeks before the 2nd
        ({"byday": "MO", "interval": 2, "dtstart": date(2020, 1, 6)}, 2, True),
        ({"byday": "MO", "interval": 2, "dtstart": date(2020, 1, 6)}, 9, False),
        # the second Tuesday, and the last Friday of the month
        ({"freq": "MONTHLY", "byday": "2TU"}, 10, True),
        ({"freq": "MONTHLY", "byday": "2TU"}, 3, False),
        ({"freq": "MONTHLY", "byday": "-1FR"}, 27, True),
        ({"freq": "MONTHLY", "byday": "-1FR"}, 20, False),
        ({"freq": "MONTHLY", "byday": "", "bymonthday": "15"}, 15, True),
        ({"freq": "MONTHLY", "byday": "", "bymonthday": "15"}, 16, False),
        # limits
        ({"valid_from": date(2026, 11, 10)}, 9, False),
        ({"valid_from": date(2026, 11, 10)}, 10, True),
        ({"valid_to": date(2026, 11, 10)}, 11, False),
        ({"until": date(2026, 11, 10)}, 11, False),
        ({"byday": "MO", "dtstart": MONDAY, "count": 2}, 9, True),
        ({"byday": "MO", "dtstart": MONDAY, "count": 2}, 16, False),
        # no rule: every day of a limited time
        ({"freq": "", "byday": "", "valid_from": MONDAY, "valid_to": date(2026, 11, 8)}, 7, True),
        ({"freq": "", "byday": "", "valid_from": MONDAY, "valid_to": date(2026, 11, 8)}, 9, False),
    ],
)
def test_rules_of_recurrence(said: dict[str, Any], day: int, expected: bool) -> None:
    assert is_open(spans([rule(**said)], [], MONDAY), 2026, 11, day, 12, 0) is expected


# -- Compared with dateutil -----------------------------------------------------------------------

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WEEKDAYS = st.lists(st.sampled_from(DAYS), max_size=4, unique=True)
NTH = st.lists(
    st.tuples(st.sampled_from((1, 2, 3, 4, 5, -1, -2)), st.sampled_from(DAYS)), max_size=2
)


def numbers(most: int) -> st.SearchStrategy[list[int]]:
    one = st.integers(1, most) | st.integers(-most, -1)
    return st.lists(one, max_size=6) | st.just([])


# Near the last year of the calendar: dateutil looks for a day that never comes up to its end.
@settings(max_examples=300, deadline=None)
@given(
    freq=st.sampled_from(("WEEKLY", "MONTHLY")),
    begins=st.dates(date(9975, 1, 1), date(9986, 12, 20)),
    interval=st.integers(1, 14),
    wkst=st.sampled_from(DAYS),
    days=WEEKDAYS,
    nth=NTH,
    month_days=numbers(31),
    year_days=numbers(366),
    weeks=st.just([]) | numbers(53),
    count=st.none() | st.integers(1, 400),
    start=st.dates(date(9981, 1, 1), date(9984, 12, 20)),
)
def test_a_rule_asked_day_by_day_opens_when_its_recurrence_does(
    freq: str,
    begins: date,
    interval: int,
    wkst: str,
    days: list[str],
    nth: list[tuple[int, str]],
    month_days: list[int],
    year_days: list[int],
    weeks: list[int],
    count: int | None,
    start: date,
) -> None:
    if freq == "WEEKLY" or days:  # dateutil wants both of "MO,2TU", where RFC 5545 wants either
        nth = []
    named = [getattr(rrule, day) for day in days] + [getattr(rrule, d)(n) for n, d in nth]
    found = rrule.rrule(
        getattr(rrule, freq),
        dtstart=datetime.combine(begins, time()),
        interval=interval,
        wkst=getattr(rrule, wkst),
        byweekday=named or None,
        bymonthday=month_days or None,
        byyearday=year_days or None,
        byweekno=weeks or None,
        count=count,
    )
    first, last = start - timedelta(1), start + timedelta(AHEAD_DAYS)
    expected = set()
    with suppress(ValueError):  # dateutil looks for a day that never comes beyond the year 9999
        for one in found:
            if one.date() > last:
                break
            expected |= {one.date()} if one.date() >= first else set()
    said = rule(
        freq=freq,
        dtstart=begins,
        interval=interval,
        wkst=wkst,
        byday=",".join([*days, *(f"{n}{day}" for n, day in nth)]),
        bymonthday=",".join(map(str, month_days)),
        byyearday=",".join(map(str, year_days)),
        byweekno=",".join(map(str, weeks)),
        count=count,
    )
    opened = spans([said], [], start) or []
    assert {begin.astimezone(DENVER).date() for begin, _ in opened} == expected


def test_monday_and_the_second_tuesday_are_both_said() -> None:
    both = spans([rule(freq="MONTHLY", byday="MO,2TU")], [], MONDAY)
    assert is_open(both, 2026, 11, 9, 12, 0)
    assert is_open(both, 2026, 11, 10, 12, 0)
    assert not is_open(both, 2026, 11, 17, 12, 0)


NEVER: list[dict[str, Any]] = [
    {
        "freq": "MONTHLY",
        "byday": "",
        "bymonthday": "31",
        "interval": 12,
        "dtstart": date(2026, 2, 1),
    },
    {"byday": "MO", "byyearday": "1", "byweekno": "30"},
    {"byday": "", "bymonthday": "30", "byyearday": "59"},
    {"byday": "MO", "bymonthday": "31", "byyearday": "60", "count": 3, "dtstart": MONDAY},
]
LONG_AGO: list[dict[str, Any]] = [
    {"byday": "", "dtstart": date(1, 1, 1)},
    {"byday": "MO", "dtstart": date(1, 1, 1), "count": 10_000},
    {"freq": "MONTHLY", "byday": "-1FR", "dtstart": date(1900, 1, 1)},
    {"byday": "", "bymonthday": "2", "dtstart": date(1, 1, 1)},
]


@pytest.mark.parametrize("said", NEVER + LONG_AGO)
def test_no_rule_is_walked_through_the_centuries(said: dict[str, Any]) -> None:
    """An entry has up to 200 of them, and a thread of the desk is held until they are read."""
    asked = rule(**said, closes_at=time(17, 1))  # a night of its own: no other test has asked

    def read() -> None:
        can_expand(asked)
        spans([asked], [], MONDAY)

    assert calls(read) < 20 * LONGEST.days


def calls(ask: Callable[[], object]) -> int:
    """How many functions it calls: the same number on any machine."""
    called = 0

    def count(_frame: FrameType, event: str, _: object) -> None:
        nonlocal called
        called += event == "call"

    sys.setprofile(count)
    try:
        ask()
    finally:
        sys.setprofile(None)
    return called


@pytest.mark.parametrize("said", NEVER)
def test_a_rule_that_never_opens_cannot_be_expanded(said: dict[str, Any]) -> None:
    assert not can_expand(rule(**said))


def test_a_leap_day_across_a_century_is_waited_for() -> None:
    leap = {"freq": "MONTHLY", "byday": "", "bymonthday": "29", "interval": 12}
    assert can_expand(rule(**leap, dtstart=date(2096, 2, 1)))
    assert can_expand(rule(**leap, dtstart=date(2097, 2, 1)))


def test_a_rule_without_days_begun_long_ago_opens_on_the_day_it_began() -> None:
    """2020-01-06 was a Monday."""
    weekly = spans([rule(byday="", interval=2, dtstart=date(2020, 1, 6))], [], MONDAY)
    assert is_open(weekly, 2026, 11, 2, 12, 0)
    assert not is_open(weekly, 2026, 11, 9, 12, 0)


@pytest.mark.parametrize(
    "said",
    [
        {"byday": "XX", "freq": "MONTHLY", "bymonthday": "99"},
        {"byyearday": "900"},
        {"freq": "", "byday": ""},
        {"byday": "MO", "interval": 10**9},
    ],
)
def test_a_rule_that_makes_no_sense_opens_nothing_and_breaks_nothing(said: dict[str, Any]) -> None:
    found = spans([rule(**said)], [], MONDAY)
    assert found is not None
    assert found == []


def test_who_says_nothing_is_neither_open_nor_closed() -> None:
    assert spans([], [], MONDAY) is None
    assert spans([rule(opens_at=None, closes_at=None)], [], MONDAY) is None
    assert as_multirange(None) is None


def test_an_offset_of_the_networks_own_zone_means_the_zone_and_any_other_itself() -> None:
    summer = date(2026, 7, 1)
    assert zone_of(-7, summer) == zone_of(-6, summer) == zone_of(None, summer) == DENVER
    found = spans([rule(timezone=-5.0)], [], MONDAY)
    assert is_open(found, 2026, 11, 3, 14, 0, zone=UTC)
    assert not is_open(found, 2026, 11, 3, 22, 0, zone=UTC)


def test_the_name_of_a_zone_comes_before_an_offset_and_knows_daylight_saving() -> None:
    """Nine in the morning in Los Angeles: 17 o'clock UTC in winter, 16 in summer."""
    pacific = {"time_zone": "America/Los_Angeles", "timezone": -5.0}
    winter = spans([rule(**pacific)], [], MONDAY)
    assert is_open(winter, 2026, 11, 3, 17, 0, zone=UTC)
    assert not is_open(winter, 2026, 11, 3, 16, 59, zone=UTC)
    summer = spans([rule(**pacific)], [], date(2026, 7, 6))
    assert is_open(summer, 2026, 7, 7, 16, 0, zone=UTC)
    assert not is_open(summer, 2026, 7, 7, 15, 59, zone=UTC)
    arizona = spans([rule(time_zone="America/Phoenix")], [], date(2026, 7, 6))
    assert is_open(arizona, 2026, 7, 7, 23, 59, zone=UTC)
    assert not is_open(arizona, 2026, 7, 8, 0, 0, zone=UTC)


@pytest.mark.parametrize("name", ["Nowhere/Land", "America", "../etc", ""])
def test_a_zone_that_this_machine_does_not_know_is_the_networks(name: str) -> None:
    assert zone_of(None, MONDAY, name) == DENVER


def test_the_hours_of_a_holiday_are_in_the_zone_of_those_that_it_interrupts() -> None:
    day = date(2026, 11, 3)
    short = holiday(day, day, closed=False, opens_at=time(10), closes_at=time(11))
    found = spans([rule(time_zone="America/New_York")], [short], MONDAY)
    assert is_open(found, 2026, 11, 3, 15, 0, zone=UTC)
    assert not is_open(found, 2026, 11, 3, 17, 0, zone=UTC)
    both = [rule(time_zone="America/New_York"), rule()]
    for rules in ([], both):  # none, or not one: the network's
        found = spans(rules, [short], MONDAY)
        assert is_open(found, 2026, 11, 3, 17, 0, zone=UTC)
        assert not is_open(found, 2026, 11, 3, 15, 0, zone=UTC)


def test_it_looks_ahead_so_far_and_no_further() -> None:
    found = spans([rule(byday="MO,TU,WE,TH,FR,SA,SU")], [], MONDAY)
    assert found is not None
    assert (found[-1][0].date() - MONDAY).days == AHEAD_DAYS
