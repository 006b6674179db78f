"""Who is on call at a moment: the rotation by the agency's own clock, and what differs from it.

This module uses no database. A member who is away, or whom `able` refuses (who left, is off duty,
or may not know of the referral), is passed over, and the next in the order answers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
LENGTH = {"day": 1, "week": 7}  # days from one hand-over to the next


class Rotation(NamedTuple):
    """Members who answer in turn. `at` is the local time of the hand-over, `weekday` its day where
    the period is a week (Monday is 0). The first member begins with the hand-over of `anchor`'s day
    or week."""

    members: tuple[UUID, ...]
    period: str
    weekday: int
    at: time
    anchor: date
    has_second: bool
    zone: ZoneInfo


class Shift(NamedTuple):
    """One member from `begins_at` to before `ends_at`, UTC: `first`, `second`, or `away`."""

    member_id: UUID
    kind: str
    begins_at: datetime
    ends_at: datetime

    def covers(self, moment: datetime) -> bool:
        return self.begins_at <= moment < self.ends_at


class Rota(NamedTuple):
    """What an agency has set. Where shifts overlap, the one that was entered later counts: it
    comes later in the list."""

    rotation: Rotation | None = None
    shifts: tuple[Shift, ...] = ()

    @property
    def is_set(self) -> bool:
        """Whether the agency says at all who answers."""
        return self.rotation is not None or any(one.kind != "away" for one in self.shifts)


class OnCall(NamedTuple):
    """Who is on. `first` is None where no one is."""

    first: UUID | None = None
    second: UUID | None = None


class Span(NamedTuple):
    """Who is on from `begins_at` to before `ends_at`, UTC."""

    begins_at: datetime
    ends_at: datetime
    on: OnCall


Able = Callable[[UUID], bool]


def anyone(_member_id: UUID) -> bool:
    """Return True: no one is passed over."""
    return True


def handover(rotation: Rotation, day: date) -> datetime:
    """Return the moment of the hand-over on this day, in UTC. An hour that the clocks skip is taken
    as the moment that would have been it; of an hour that comes twice, the first one counts."""
    return datetime.combine(day, rotation.at, rotation.zone).astimezone(UTC)


def turn_at(rotation: Rotation, moment: datetime) -> tuple[int, datetime, datetime]:
    """Return which turn `moment` falls into, counted from the anchor (negative before it), and when
    that turn begins and ends, in UTC."""
    length = LENGTH[rotation.period]
    first = _first_day(rotation)
    local = moment.astimezone(rotation.zone).date()
    number = (local - first).days // length
    if moment < handover(rotation, first + number * length * DAY):
        number -= 1
    begins = first + number * length * DAY
    return number, handover(rotation, begins), handover(rotation, begins + length * DAY)


def _first_day(rotation: Rotation) -> date:
    """Return the day of the hand-over with which the first member begins."""
    if rotation.period == "day":
        return rotation.anchor
    return rotation.anchor - ((rotation.anchor.weekday() - rotation.weekday) % 7) * DAY


def who_is_on(rota: Rota, moment: datetime, able: Able = anyone) -> OnCall:
    """Return who is on at `moment`."""
    now = [one for one in rota.shifts if one.covers(moment)]
    away = {one.member_id for one in now if one.kind == "away"}

    def can(member_id: UUID) -> bool:
        return member_id not in away and able(member_id)

    turns = _in_turn(rota.rotation, moment)
    first = _next(can, _of(now, "first"), turns)
    behind = _after(turns, first) if rota.rotation and rota.rotation.has_second else ()
    second = _next(lambda one: one != first and can(one), _of(now, "second"), behind)
    return OnCall(first, second) if first else OnCall(second, None)


def _of(now: Sequence[Shift], kind: str) -> Iterator[UUID]:
    return (one.member_id for one in reversed(now) if one.kind == kind)


def _in_turn(rotation: Rotation | None, moment: datetime) -> tuple[UUID, ...]:
    """Return the rotation's members, beginning with the one whose turn it is."""
    if rotation is None or not rotation.members:
        return ()
    place = turn_at(rotation, moment)[0] % len(rotation.members)
    return rotation.members[place:] + rotation.members[:place]


def _after(turns: tuple[UUID, ...], first: UUID | None) -> tuple[UUID, ...]:
    """Return the order of the second place: those who come after the first one, all around."""
    if first not in turns:
        return turns
    place = turns.index(first)
    return turns[place + 1 :] + turns[:place]


def _next(can: Able, *orders: Iterable[UUID]) -> UUID | None:
    return next((one for order in orders for one in order if can(one)), None)


def plan(rota: Rota, begins: datetime, ends: datetime, able: Able = anyone) -> list[Span]:
    """Return who is on from `begins` to before `ends`, in spans that follow each other without a
    break; two that follow have different people or are different turns of the rotation."""
    edges = {begins, ends}
    for shift in rota.shifts:
        edges |= {at for at in (shift.begins_at, shift.ends_at) if begins < at < ends}
    handovers = set(_handovers(rota.rotation, begins, ends))
    ordered = sorted(edges | handovers)
    spans: list[Span] = []
    for at, until in pairwise(ordered):
        on = who_is_on(rota, at, able)
        if spans and spans[-1].on == on and at not in handovers:
            spans[-1] = spans[-1]._replace(ends_at=until)
        else:
            spans.append(Span(at, until, on))
    return spans


def _handovers(rotation: Rotation | None, begins: datetime, ends: datetime) -> Iterator[datetime]:
    if rotation is None:
        return
    _number, _begun, until = turn_at(rotation, begins)
    while until < ends:
        yield until
        _number, _begun, until = turn_at(rotation, until)
