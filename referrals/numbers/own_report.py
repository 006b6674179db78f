"""The figures of one agency, of months that are over: for its leads and its own systems.

They are read from cells that hold no person (ADR 0138) and are exact: an agency knows its own
referrals. What bars, or ever barred, anyone of the agency is in none of them (R3).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from django.db import connection

from permissions.audit import writer
from permissions.errors import BadRequest, NotPermitted
from permissions.policy import rules
from permissions.principal import Principal
from referrals.numbers.periods import Period, containing, months_between, shifted
from referrals.numbers.time_steps import Times, times

READS = "reports:read"
# Of each of these a referral has exactly one; it may have several needs.
SINGLE = ("kind", "concern", "age_band", "urgency", "outcome")
FAMILIES = (*SINGLE, "need", "declined")
NOT_OVER = "No month of it is over. Figures are of whole months."

Counts = Mapping[str, int]


class Side(NamedTuple):
    """What the agency sent, or what it received. `by`: each of FAMILIES, with its codes. `months`:
    referrals by the month in which they were sent, each month of the period that is over. `late`:
    how many passed a deadline without an answer; `late_handoffs`: how many of those that it
    received passed one without contact. It is 0 of what it sent: that is the recipient's (R2)."""

    referrals: int
    by: Mapping[str, Counts]
    months: Mapping[date, int]
    answered: Times
    accepted: Times
    late: int
    late_handoffs: int


class Cover(NamedTuple):
    """How many minutes were watched, and in how many of them a line that answers was on call."""

    minutes: int
    covered: int


class Taught(NamedTuple):
    """The agency's trainings with the same codes: how many, and how many people."""

    audience: str
    sector: str
    topic: str
    number: int
    people: int


class OwnReport(NamedTuple):
    """`ends`: before which day the figures end. It is earlier than the period's while its last
    months are not over. `taught` is empty for a system: trainings are kept in person.
    """

    period: Period
    ends: date
    sent: Side
    received: Side
    calls: Counts  # referrals by phone, by how they ended
    cover: Cover
    taught: Sequence[Taught]


class Figures(NamedTuple):
    """A period's figures, those of the period before, and the month that is not over yet, by the
    clock of the agency."""

    report: OwnReport
    before: OwnReport
    this_month: date


def own_figures(
    principal: Principal, period: Period | None = None, calendar: str = "month"
) -> Figures:
    """Return the figures of the caller's agency in this period; by default in the latest period of
    the calendar that is over.

    One access entry. Raises NotPermitted, and BadRequest for a period of which no month is over.
    """
    with writer.logged_act(principal, "own_figures.read"):
        require_reader(principal)
        this_month = _this_month()
        chosen = period or containing(calendar, this_month).before
        if chosen.begins >= this_month:
            raise BadRequest("invalid", NOT_OVER, "period")
        ends = min(chosen.ends, this_month)
        before, counted = chosen.before, len(months_between(chosen.begins, ends))
        # Of a period that is not over: as many months of the one before.
        return Figures(
            _report(chosen, ends), _report(before, shifted(before.begins, counted)), this_month
        )


def require_reader(principal: Principal) -> None:
    """Raise NotPermitted unless it is a lead in person, or a system of the agency with the scope
    that names no one else; and not in practice."""
    rules.require_scope(principal, READS)
    system = principal.is_client and principal.member_id is None
    if principal.practices or not (system or principal.has_role("lead")):
        raise NotPermitted("role_missing", "An agency's figures are read by its leads.")


def _report(period: Period, ends: date) -> OwnReport:
    sides: dict[str, list[tuple[date, str, int]]] = {"from": [], "to": []}
    for begins, side, item, number in _rows("sec.own_counts", period, ends):
        sides[side].append((begins, item, number))
    calls = dict(_rows("sec.own_call_counts", period, ends))
    (cover,) = _rows("sec.own_cover", period, ends)
    return OwnReport(
        period,
        ends,
        _side(sides["from"], months_between(period.begins, ends)),
        _side(sides["to"], months_between(period.begins, ends)),
        calls,
        Cover(*cover),
        [Taught(*row) for row in _rows("sec.own_training_counts", period, ends)],
    )


def _side(cells: Sequence[tuple[date, str, int]], counted: Sequence[date]) -> Side:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    months = dict.fromkeys(counted, 0)
    for begins, item, number in cells:
        family, _colon, code = item.partition(":")
        found[family][code] += number
        if family == "urgency":
            months[begins] += number
    return Side(
        referrals=sum(months.values()),
        by={family: dict(found[family]) for family in FAMILIES},
        months=months,
        answered=times(found["answered"]),
        accepted=times(found["accepted"]),
        late=found["late"]["answer"],
        late_handoffs=found["late"]["handoff"],
    )


def _this_month() -> date:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.reporting_month()")
        ((found,),) = cursor.fetchall()
    month: date = found
    return month


def _rows(function: str, period: Period, ends: date) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}(%s, %s)", [period.begins, ends])  # noqa: S608
        rows: list[tuple] = cursor.fetchall()
        return rows
