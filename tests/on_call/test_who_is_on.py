"""Who is on call at a moment: turns by the agency's own clock, swaps, illness, and who is passed
over."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from referrals.on_call.who_is_on import OnCall, Rota, Rotation, Shift, plan, turn_at, who_is_on

A, B, C = (UUID(int=number) for number in (1, 2, 3))
DENVER = ZoneInfo("America/Denver")
WEEKLY = Rotation((A, B, C), "week", 0, time(8), date(2026, 10, 5), True, DENVER)  # a Monday
DAILY = WEEKLY._replace(period="day", anchor=date(2026, 10, 30))


def local(text: str, zone: ZoneInfo = DENVER) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "first", "second"),
    [
        ("2026-10-05T08:00", A, B),
        ("2026-10-12T07:59", A, B),
        ("2026-10-12T08:00", B, C),
        ("2026-10-19T08:00", C, A),
        ("2026-10-26T08:00", A, B),
        ("2026-10-05T07:59", C, A),  # before the first turn the order goes on backwards
    ],
)
def test_a_week_changes_on_its_day_at_its_hour(moment: str, first: UUID, second: UUID) -> None:
    assert who_is_on(Rota(WEEKLY), local(moment)) == OnCall(first, second)


def test_the_anchor_may_be_any_day_of_the_first_week() -> None:
    for day in range(5, 12):
        begun = WEEKLY._replace(anchor=date(2026, 10, day))
        assert turn_at(begun, local("2026-10-07T12:00")) == turn_at(
            WEEKLY, local("2026-10-07T12:00")
        )


def test_the_hour_of_the_hand_over_stays_when_clocks_change() -> None:
    """Clocks are set back on November 1: that turn has 25 hours. On March 14 they are set forward:
    that one has 23, and an hour that is skipped is still one hand-over."""
    for day, hours in (("2026-10-31", 25), ("2026-10-30", 24), ("2027-03-13", 23)):
        _number, begins, ends = turn_at(DAILY, local(f"{day}T12:00"))
        assert begins == local(f"{day}T08:00")
        assert ends - begins == timedelta(hours=hours)
    skipped = DAILY._replace(at=time(2, 30))
    turns = [turn_at(skipped, local(f"2027-03-{day}T12:00")) for day in (12, 13, 14, 15)]
    assert [one[0] - turns[0][0] for one in turns] == [0, 1, 2, 3]
    assert all(one[2] == after[1] for one, after in pairwise(turns))


def test_of_an_hour_that_comes_twice_the_first_counts() -> None:
    twice = DAILY._replace(at=time(1, 30))
    first = datetime(2026, 11, 1, 7, 30, tzinfo=UTC)  # 1:30 a.m. MDT
    before, at, later = (
        turn_at(twice, first + timedelta(minutes=minutes))[0] for minutes in (-1, 0, 60)
    )
    assert at == later == before + 1


def test_a_shift_takes_the_place_of_the_turn_and_the_last_one_counts() -> None:
    monday = local("2026-10-05T08:00")
    swap = Shift(B, "first", monday, monday + timedelta(hours=12))
    later = Shift(C, "first", monday + timedelta(hours=6), monday + timedelta(hours=7))
    rota = Rota(WEEKLY, (swap, later))
    assert who_is_on(rota, monday) == OnCall(B, C)
    assert who_is_on(rota, monday + timedelta(hours=6)).first == C
    assert who_is_on(rota, monday + timedelta(hours=7)).first == B
    assert who_is_on(rota, monday + timedelta(hours=12)) == OnCall(A, B)
    assert who_is_on(Rota(WEEKLY, (swap._replace(kind="second"),)), monday) == OnCall(A, B)
    assert who_is_on(Rota(WEEKLY, (Shift(C, "second", *swap[2:]),)), monday) == OnCall(A, C)


def test_who_is_away_or_refused_is_passed_over() -> None:
    monday = local("2026-10-05T08:00")
    ill = Shift(A, "away", monday, monday + timedelta(days=1))
    assert who_is_on(Rota(WEEKLY, (ill,)), monday) == OnCall(B, C)
    assert who_is_on(Rota(WEEKLY, (ill,)), monday, {A, C}.__contains__) == OnCall(C, None)
    assert who_is_on(Rota(WEEKLY), monday, {B}.__contains__) == OnCall(B, None)
    assert who_is_on(Rota(WEEKLY), monday, set[UUID]().__contains__) == OnCall(None, None)
    taken = Shift(B, "first", monday, monday + timedelta(days=1))
    gone = Shift(B, "away", monday, monday + timedelta(days=1))
    assert who_is_on(Rota(WEEKLY, (taken, gone)), monday) == OnCall(A, C)


def test_a_second_who_is_alone_answers_first() -> None:
    monday = local("2026-10-05T08:00")
    only = Shift(B, "second", monday, monday + timedelta(days=1))
    assert who_is_on(Rota(None, (only,)), monday) == OnCall(B, None)


def test_from_outside_the_rotation_first_then_its_turn_is_second() -> None:
    monday = local("2026-10-05T08:00")
    other = Shift(UUID(int=9), "first", monday, monday + timedelta(days=1))
    assert who_is_on(Rota(WEEKLY, (other,)), monday) == OnCall(UUID(int=9), A)


def test_without_a_second_person_there_is_none() -> None:
    alone = Rota(WEEKLY._replace(has_second=False))
    assert who_is_on(alone, local("2026-10-05T08:00")) == OnCall(A, None)
    assert who_is_on(Rota(), local("2026-10-05T08:00")) == OnCall(None, None)


def test_a_plan_has_no_hole_and_says_what_each_moment_says() -> None:
    begins, ends = local("2026-10-20T15:00"), local("2026-11-20T15:00")
    shifts = (
        Shift(C, "first", local("2026-10-30T20:00"), local("2026-11-01T20:00")),
        Shift(A, "away", local("2026-11-02T00:00"), local("2026-11-05T00:00")),
    )
    for rotation in (WEEKLY, DAILY):
        spans = plan(Rota(rotation, shifts), begins, ends)
        assert (spans[0].begins_at, spans[-1].ends_at) == (begins, ends)
        for one, after in pairwise(spans):
            assert one.ends_at == after.begins_at
        for one in spans:
            for moment in (one.begins_at, one.ends_at - timedelta(seconds=1)):
                assert who_is_on(Rota(rotation, shifts), moment) == one.on
