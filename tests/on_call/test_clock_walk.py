"""Eight weeks, minute by minute: no minute without a phone goes by without a warning.

Four agencies in two time zones, over the change of the clocks and two holidays: a weekly and a
daily rotation, shifts without a rotation, and an agency of one. People swap, fall ill, go off duty
and leave. What is expected is found by another way than the product's: per minute, from a diary.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from referrals.on_call.coverage import Person, Staffing, is_covered
from referrals.on_call.who_is_on import Rota, Rotation, Shift, who_is_on

A, B, C, D = (UUID(int=number) for number in (1, 2, 3, 4))
DENVER, PHOENIX = ZoneInfo("America/Denver"), ZoneInfo("America/Phoenix")  # with and without
BEGINS = datetime(2026, 10, 12, 6, 0, tzinfo=UTC)  # clocks are set back on November 1
MINUTES = 8 * 7 * 24 * 60
MINUTE = timedelta(minutes=1)


class Diary(NamedTuple):
    """An agency as someone would write it down: who is expected at a local minute, by hand."""

    rota: Rota
    staffing: Callable[[datetime], Staffing]
    expected: Callable[[datetime], list[UUID]]  # in order, at a local time
    zone: ZoneInfo


def at(zone: ZoneInfo, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[misc,arg-type]


def everyone(*members: UUID, without: dict[UUID, str] | None = None) -> Staffing:
    return Staffing(
        False,
        [
            Person(one, "off_duty" if (without or {}).get(one) == "off" else "reachable",
                   (without or {}).get(one) != "no phone")
            for one in members
        ],
    )  # fmt: skip


def weekly() -> Diary:
    """Monday at 8 a.m.; B is ill for three days, C takes over A's Thanksgiving."""
    ill = (date(2026, 10, 21), date(2026, 10, 24))
    holiday = date(2026, 11, 26)
    rotation = Rotation((A, B, C), "week", 0, time(8), date(2026, 10, 12), True, DENVER)
    shifts = (
        Shift(B, "away", at(DENVER, 2026, 10, 21), at(DENVER, 2026, 10, 24)),
        Shift(C, "first", at(DENVER, 2026, 11, 26), at(DENVER, 2026, 11, 27)),
    )
    members = [A, B, C]

    def expected(local: datetime) -> list[UUID]:
        monday = (local - timedelta(hours=8)).date()
        week = (monday - date(2026, 10, 12)).days // 7
        order = members[week % 3 :] + members[: week % 3]
        if local.date() == holiday:
            order = [C, *(one for one in order if one != C)]
        if ill[0] <= local.date() < ill[1]:
            order = [one for one in order if one != B]
        return order

    return Diary(Rota(rotation, shifts), lambda _: everyone(*members), expected, DENVER)


def daily() -> Diary:
    """At 7 p.m., where clocks never change. D leaves after five weeks; A, who has no phone, is next
    in the order: those nights are gaps."""
    leaves = at(PHOENIX, 2026, 11, 16, 12)
    rotation = Rotation((B, D, A), "day", 0, time(19), date(2026, 10, 11), False, PHOENIX)
    members = [B, D, A]

    def staffing(moment: datetime) -> Staffing:
        there = [B, A] if moment >= leaves else members
        return everyone(*there, without={A: "no phone"})

    def expected(local: datetime) -> list[UUID]:
        day = ((local - timedelta(hours=19)).date() - date(2026, 10, 11)).days
        order = members[day % 3 :] + members[: day % 3]
        return [one for one in order if one != D or local.astimezone(UTC) < leaves]

    return Diary(Rota(rotation), staffing, expected, PHOENIX)


def shifts_only() -> Diary:
    """Nights that were entered one by one, from 6 p.m. to 8 a.m.; by day no one is named."""
    nights = tuple(
        Shift(
            (A, B)[number % 2],
            "first",
            datetime.combine(
                date(2026, 10, 10) + timedelta(days=number), time(18), DENVER
            ).astimezone(UTC),
            datetime.combine(
                date(2026, 10, 11) + timedelta(days=number), time(8), DENVER
            ).astimezone(UTC),
        )
        for number in range(62)
    )

    def expected(local: datetime) -> list[UUID]:
        night = (local - timedelta(hours=8)).date()
        by_night = local.time() >= time(18) or local.time() < time(8)
        return [(A, B)[(night - date(2026, 10, 10)).days % 2]] if by_night else []

    return Diary(Rota(None, nights), lambda _: everyone(A, B, D), expected, DENVER)


def of_one() -> Diary:
    """Without a rota. They are off duty for a weekend, and on leave over Veterans Day."""
    off = (at(DENVER, 2026, 10, 24), at(DENVER, 2026, 10, 26))
    leave = Shift(A, "away", at(DENVER, 2026, 11, 11), at(DENVER, 2026, 11, 12))

    def staffing(moment: datetime) -> Staffing:
        is_off = off[0] <= moment < off[1]
        return everyone(A, without={A: "off"} if is_off else {})

    def expected(local: datetime) -> list[UUID]:
        gone = local.date() in (date(2026, 10, 24), date(2026, 10, 25), date(2026, 11, 11))
        return [] if gone else [A]

    return Diary(Rota(None, (leave,)), staffing, expected, DENVER)


def test_no_minute_of_eight_weeks_is_uncovered_without_a_warning() -> None:
    minutes: Counter[tuple[str, bool]] = Counter()
    for make in (weekly, daily, shifts_only, of_one):
        diary, name = make(), make.__name__
        for number in range(MINUTES):
            moment = BEGINS + number * MINUTE
            staffing = diary.staffing(moment)
            phones = {one.member_id for one in staffing.people if one.has_phone}
            awake = {one.member_id for one in staffing.people if one.duty != "off_duty"}
            order = [one for one in diary.expected(moment.astimezone(diary.zone)) if one in awake]
            answers = bool(order) and order[0] in phones
            warned = not is_covered(staffing, diary.rota, moment)
            assert warned is not answers, (name, moment)
            if diary.rota.is_set:
                first = who_is_on(diary.rota, moment, awake.__contains__).first
                assert first == (order[0] if order else None), (name, moment)
            minutes[name, warned] += 1
    gaps = {name: count for (name, warned), count in minutes.items() if warned}
    assert set(gaps) == {"daily", "shifts_only", "of_one"}  # the walk has met gaps
    assert gaps["of_one"] == 3 * 24 * 60
    assert gaps["shifts_only"] == 56 * 10 * 60
