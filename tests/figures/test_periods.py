"""Periods as people and funders name them, and lengths of time in steps."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from permissions.errors import BadRequest
from referrals.numbers import periods, time_steps
from referrals.numbers.periods import CALENDARS, containing, parse, shifted

MONTHS = st.builds(date, st.integers(2001, 2098), st.integers(1, 12), st.just(1))


@pytest.mark.parametrize(
    ("written", "calendar", "begins", "ends", "before"),
    [
        ("2026-03", "month", "2026-03-01", "2026-04-01", "2026-02"),
        ("2026-01", "month", "2026-01-01", "2026-02-01", "2025-12"),
        ("2026-Q1", "quarter", "2026-01-01", "2026-04-01", "2025-Q4"),
        ("2026-H2", "half_year", "2026-07-01", "2027-01-01", "2026-H1"),
        ("2026", "year", "2026-01-01", "2027-01-01", "2025"),
        ("FY2026", "federal_year", "2025-10-01", "2026-10-01", "FY2025"),
        ("FY2026-H1", "federal_half_year", "2025-10-01", "2026-04-01", "FY2025-H2"),
        ("FY2026-H2", "federal_half_year", "2026-04-01", "2026-10-01", "FY2026-H1"),
    ],
)
def test_a_period_is_read_as_it_is_written(
    written: str, calendar: str, begins: str, ends: str, before: str
) -> None:
    found = parse(written)
    shown = (found.name, found.calendar, str(found.begins), str(found.ends), found.before.name)
    assert shown == (written, calendar, begins, ends, before)


@pytest.mark.parametrize(
    "written",
    [
        *("", "2026-13", "2026-00", "26-01", "1999", "2100", "2026-Q5", "2026-H3", "FY2026-Q1"),
        *("x", "2026-1", "FY2026-01", "2026-Q1 ", "\u0662\u0660\u0662\u0666", "2026-03-01"),
    ],
)
def test_anything_else_is_refused_in_words(written: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        parse(written)
    assert "2026-Q1" in str(refusal.value.detail)


@given(MONTHS, st.sampled_from(sorted(CALENDARS)))
def test_each_month_is_in_one_period_of_each_calendar(month: date, calendar: str) -> None:
    period = containing(calendar, month)
    assert period.begins <= month < period.ends
    assert parse(period.name) == period
    assert len(period.months) == CALENDARS[calendar]
    assert period.before.ends == period.begins
    assert shifted(shifted(month, 17), -17) == month


@given(MONTHS, st.sampled_from(sorted(CALENDARS)), st.integers(1, 6))
def test_the_latest_periods_are_over(month: date, calendar: str, number: int) -> None:
    found = periods.latest(calendar, month, number)
    assert len(found) == number
    assert found[0].ends <= month < shifted(found[0].ends, CALENDARS[calendar])
    assert all(later.begins == one.ends for later, one in pairwise(found))


# -- Lengths of time -------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(list(time_steps.STEPS)), st.integers(0, 30)))
def test_the_median_and_the_ninetieth_are_those_of_the_rows(counted: dict[str, int]) -> None:
    found = time_steps.times(counted)
    rows = [step for step in time_steps.STEPS for _ in range(counted.get(step, 0))]
    assert found.number == len(rows)
    for percent, step in ((50, found.median), (90, found.p90)):
        rank = -(-len(rows) * percent // 100)
        assert step == (rows[rank - 1] if rows else None)


def test_the_steps_are_those_of_the_database(superuser: object) -> None:
    minutes = [minute for minute in time_steps.STEPS.values() if minute is not None]
    asked = [f"{minute} minutes" for minute in minutes] + ["8 days"]
    with superuser.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SELECT sec.counted_time(t::interval) FROM unnest(%s) t", [asked])
        assert [row[0] for row in cursor.fetchall()] == list(time_steps.STEPS)
        late = [f"{minute} minutes 1 second" for minute in minutes]
        cursor.execute("SELECT sec.counted_time(t::interval) FROM unnest(%s) t", [late])
        assert [row[0] for row in cursor.fetchall()] == list(time_steps.STEPS)[1:]
