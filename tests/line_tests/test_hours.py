"""When a line may be tested: in whose hours, over changes of the clocks, and never all at once."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from referrals.deadlines.due_times import Calendar, Hours
from referrals.notifications.line_tests import hours
from referrals.notifications.line_tests.hours import Window

pytestmark = pytest.mark.static

DENVER = ZoneInfo("America/Denver")
ORDINARY, SPRING, AUTUMN = date(2026, 2, 2), date(2026, 3, 2), date(2026, 10, 26)
NINE: Hours = (time(9), time(17))
ALWAYS: Hours = (time(0), time(23, 59))


def calendar(*week: Hours | None, holidays: tuple[date, ...] = ()) -> Calendar:
    return Calendar(DENVER, week, frozenset(holidays))


def local(windows: list[Window]) -> list[tuple[str, str]]:
    """Each as "Mon 09:00", by the wall's clock."""
    return [
        (f"{begin.astimezone(DENVER):%a %H:%M}", f"{end.astimezone(DENVER):%a %H:%M}")
        for begin, end in windows
    ]


def at(day: int, hour: float) -> datetime:
    begin = datetime.combine(ORDINARY + timedelta(days=day), time(), DENVER)
    return (begin + timedelta(hours=hour)).astimezone(UTC)


def test_a_week_begins_with_monday_by_the_agencys_clock() -> None:
    late = datetime(2026, 2, 9, 6, 59, tzinfo=UTC)  # Sunday, 23:59 in Missoula
    assert hours.monday_of(late, DENVER) == ORDINARY
    assert hours.monday_of(late + timedelta(minutes=1), DENVER) == date(2026, 2, 9)


@pytest.mark.parametrize(("week", "length"), [(ORDINARY, 168), (SPRING, 167), (AUTUMN, 169)])
def test_a_week_is_as_long_as_its_clock_says(week: date, length: int) -> None:
    begin, end = hours.bounds(week, DENVER)
    assert (end - begin) / timedelta(hours=1) == length


@pytest.mark.parametrize("week", [ORDINARY, SPRING, AUTUMN])
def test_hours_are_those_of_the_wall_whatever_the_clocks_do(week: date) -> None:
    found = hours.open_hours(week, calendar(*[NINE] * 7), is_set=True)
    assert {(begin[4:], end[4:]) for begin, end in local(found)} == {("09:00", "17:00")}
    assert len(found) == 7


def test_an_agency_without_hours_is_tested_from_ten_to_six_on_working_days() -> None:
    holiday = ORDINARY + timedelta(days=1)
    found = hours.open_hours(ORDINARY, calendar(*[None] * 7, holidays=(holiday,)), is_set=False)
    assert local(found) == [
        (f"{day} 10:00", f"{day} 18:00") for day in ("Mon", "Wed", "Thu", "Fri")
    ]


def test_who_is_open_day_and_night_is_tested_by_day() -> None:
    windows = hours.open_hours(ORDINARY, calendar(*[ALWAYS] * 7), is_set=True)
    found = hours.by_day(windows, ORDINARY, DENVER)
    assert {(begin[4:], end[4:]) for begin, end in local(found)} == {("08:00", "21:00")}


def test_who_works_by_night_alone_is_tested_by_night() -> None:
    night = [(at(0, 22), at(1, 6))]
    assert hours.by_day(night, ORDINARY, DENVER) == night
    evening = [(at(0, 20), at(1, 6))]
    assert hours.by_day(evening, ORDINARY, DENVER) == [(at(0, 20), at(0, 21))]


def test_an_absence_is_taken_out() -> None:
    shift = [(at(0, 8), at(0, 16))]
    assert hours.without(shift, [(at(0, 10), at(0, 11))]) == [
        (at(0, 8), at(0, 10)),
        (at(0, 11), at(0, 16)),
    ]
    assert hours.without(shift, [(at(0, 0), at(5, 0))]) == []
    assert hours.without(shift, [(at(1, 0), at(5, 0))]) == shift


def test_a_hundred_lines_are_spread_over_the_week() -> None:
    windows = hours.open_hours(ORDINARY, calendar(*[NINE] * 5, None, None), is_set=True)
    slots = [hours.slot(UUID(int=uuid4().int), windows) for _ in range(100)]
    assert all(one and hours.is_within(windows, one) for one in slots)
    days = Counter(one.astimezone(DENVER).weekday() for one in slots if one)
    assert set(days) == set(range(5))
    assert max(Counter(slots).values()) <= 3
    ordered = sorted(one for one in slots if one)
    assert max(b - a for a, b in pairwise(ordered)) < timedelta(hours=30)


def test_a_number_has_the_same_minute_each_week_and_each_minute_is_reached() -> None:
    windows = [(at(0, 9), at(0, 10)), (at(2, 14), at(2, 14.5))]
    found = [hours.slot(UUID(int=number), windows) for number in range(90)]
    assert found[0] == at(0, 9)
    assert found[60] == at(2, 14)
    assert len(set(found)) == 90
    assert hours.slot(UUID(int=90), windows) == found[0]
    assert hours.slot(UUID(int=5), []) is None


def test_a_test_that_was_missed_is_made_up_for_within_the_hours_of_the_week() -> None:
    windows = [(at(0, 9), at(0, 10)), (at(2, 14), at(2, 15))]
    number = UUID(int=30)  # Monday, half past nine
    assert not hours.is_due(number, windows, at(0, 9.25))
    assert hours.is_due(number, windows, at(0, 9.5))
    assert not hours.is_due(number, windows, at(1, 9.5))
    assert hours.is_due(number, windows, at(2, 14.75))
    assert not hours.is_due(number, windows, at(2, 15))
