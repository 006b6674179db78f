"""The figures of the network, in bands: made once for each quarter and year, and never changed
(ADR 0144).

The background work makes them a month after the period has ended, of cells that no role that serves
requests can read. The coordinator is shown them, and publishes those of a year. What comes later (a
mistake that is found, an answer) changes nothing in them.

What bars, or ever barred, anyone of either agency is in none of them: whom it bars could find it by
the difference to the exact figures of their own agency (R3).
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from permissions.database.advisory_locks import COUNTING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from referrals.deadlines.jobs_sql import query
from referrals.numbers import cells
from referrals.numbers.bands import Band, band
from referrals.numbers.periods import Period, parse

# Families of the sender's side that are shown. Times in few steps.
FAMILIES = ("kind", "concern", "age_band", "urgency", "outcome", "need", "declined")
ANSWERED: Mapping[str, str] = {
    **dict.fromkeys(("m1", "m2", "m5", "m10", "m15"), "m15"),
    **dict.fromkeys(("m30", "h1"), "h1"),
    **dict.fromkeys(("h2", "h4", "h8", "d1"), "d1"),
    **dict.fromkeys(("d3", "d7", "later"), "later"),
}

# Quarters and years that ended a month ago, of which there is something to count, and no figures.
_DUE = f"""{cells.MONTHS},
    counted AS (
        SELECT m.begins FROM months m
         WHERE EXISTS (SELECT FROM count_cell x WHERE x.begins = m.begins AND x.side = 'net')
        UNION SELECT month FROM directory_unmet_search),
    periods AS (
        SELECT date_trunc('quarter', begins)::date AS begins, 3 AS long FROM counted
        UNION SELECT date_trunc('year', begins)::date, 12 FROM counted)
    SELECT CASE long WHEN 12 THEN to_char(begins, 'YYYY') ELSE to_char(begins, 'YYYY-"Q"Q') END
      FROM periods p
     WHERE begins + make_interval(months => long + 1) <= sec.clock()
       AND NOT EXISTS (SELECT FROM network_figures f
                        WHERE f.begins = p.begins AND f.months = p.long)
     ORDER BY begins, long
"""  # noqa: S608 (a text of that module)
_CELLS = """
    SELECT n.agency_id, n.item, sum(n.number)::int
      FROM (SELECT agency_id, side, begins, item, number FROM count_cell
            UNION ALL
            SELECT agency_id, side, begins, item, number FROM count_line WHERE NOT settled) n
     WHERE n.side = 'net' AND n.begins >= %s AND n.begins < %s
     GROUP BY 1, 2 HAVING sum(n.number) > 0
"""
_GAPS = """
    SELECT code, area, sum(count)::int FROM directory_unmet_search, unnest(codes) code
     WHERE month >= %s AND month < %s GROUP BY 1, 2
"""
# By name only where the agency agreed, and still does.
_NAMED = """
    SELECT a.id, a.name FROM permissions_agency a
     WHERE a.exercise_id IS NULL AND a.active
       AND EXISTS (SELECT FROM figures_agreement g WHERE g.agency_id = a.id AND g.ended_at IS NULL)
     ORDER BY a.name, a.id
"""
# How many agencies of each kind there are, and how many of them agreed to be named.
_KINDS = """
    SELECT a.kind, count(*)::int, count(*) FILTER (WHERE EXISTS (
           SELECT FROM figures_agreement g WHERE g.agency_id = a.id AND g.ended_at IS NULL))::int
      FROM permissions_agency a WHERE a.exercise_id IS NULL AND a.active GROUP BY 1
"""
_BEGAN = "SELECT min(begins) FROM count_cell WHERE side = 'net'"


class Cells(NamedTuple):
    """What a period's cells and searches say, exactly. It is never stored, and never leaves this
    module. `sent` and `received`: referrals by agency. `kinds`: how many agencies there are of a
    kind, and how many of them agreed to be named. `began`: the first month that was counted."""

    items: Mapping[str, int]
    sent: Mapping[UUID, int]
    received: Mapping[UUID, int]
    gaps: Mapping[tuple[str, str], int]  # by code and area
    named: list[tuple[UUID, str]]
    kinds: Mapping[str, tuple[int, int]]
    began: date | None


def step() -> bool:
    """Add up what acts have counted, seal the months of which nothing else is left, and make the
    figures of each period that is due. Returns False: nothing is left to do. Safe to kill at any
    point; of two at once, one does nothing. It is one job, since each has its own connection.
    """
    cells.seal_step()
    with try_lock(JOBS, COUNTING) as free:
        if free:
            for (name,) in query(_DUE, []):
                _make(parse(name))
    return False


def _make(period: Period) -> None:
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        made = content(period, _cells(cursor, period), settings.FIGURES_BAND)
        cursor.execute(
            "INSERT INTO network_figures (id, period, begins, months, content, made_at)"
            " VALUES (%s, %s, %s, %s, %s::jsonb, sec.clock()) ON CONFLICT DO NOTHING",
            [uuid7(), period.name, period.begins, len(period.months), json.dumps(made)],
        )


def content(period: Period, found: Cells, threshold: int) -> dict[str, Any]:
    """Return what is stored of a period: bands, and nothing else that is counted."""

    def shown(number: int, *figure: str) -> Band:
        return band(number, threshold, "\t".join((period.name, *figure)))

    items = _with_kinds_folded(found)
    tables: dict[str, dict[str, Band]] = {family: {} for family in (*FAMILIES, "answered")}
    for family, code, number in _tabled(items):
        tables[family][code] = shown(number, family, code)
    codes: Counter[str] = Counter()
    for (code, _area), number in found.gaps.items():
        codes[code] += number
    began = found.began
    return {
        "threshold": threshold,
        "since": began.isoformat() if began and began > period.begins else None,
        "referrals": shown(_referrals(items), "referrals"),
        "late": shown(items.get("late:answer", 0), "late"),
        "tables": tables,
        "agencies": [
            {
                "id": str(agency_id),
                "name": name,
                "sent": shown(found.sent.get(agency_id, 0), "sent", str(agency_id)),
                "received": shown(found.received.get(agency_id, 0), "received", str(agency_id)),
            }
            for agency_id, name in found.named
        ],
        "gaps": [
            {
                "code": code,
                "searches": shown(number, "gap", code),
                "areas": {
                    area: shown(count, "gap", code, area)
                    for (of, area), count in sorted(found.gaps.items())
                    if of == code
                },
            }
            for code, number in sorted(codes.items())
        ],
    }


def _tabled(items: Mapping[str, int]) -> Iterator[tuple[str, str, int]]:
    answered: Counter[str] = Counter()
    for item, number in sorted(items.items()):
        family, _colon, code = item.partition(":")
        if family in FAMILIES:
            yield family, code, number
        elif family == "answered":
            answered[ANSWERED[code]] += number
    for step_, number in answered.items():
        yield "answered", step_, number


def _referrals(items: Mapping[str, int]) -> int:
    """How many referrals: each has exactly one urgency."""
    return sum(number for item, number in items.items() if item.startswith("urgency:"))


def _with_kinds_folded(found: Cells) -> Mapping[str, int]:
    """The items, with the kinds of which there is one agency only that did not agree to be named as
    one kind, `other`; without any kind, if that would still be one agency."""
    items = dict(found.items)
    alone = [
        kind
        for kind in {item.removeprefix("kind:") for item in items if item.startswith("kind:")}
        if found.kinds.get(kind, (0, 0)) in ((0, 0), (1, 0))
    ]
    if len(alone) == 1:
        return {item: number for item, number in items.items() if not item.startswith("kind:")}
    other = sum(items.pop(f"kind:{kind}") for kind in alone)
    return items | ({"kind:other": other} if other else {})


def _cells(cursor: CursorWrapper, period: Period) -> Cells:
    items: Counter[str] = Counter()
    by_agency: dict[str, dict[UUID, int]] = {"sent": {}, "received": {}}
    for agency_id, item, number in _read(cursor, _CELLS, *_span(period)):
        if agency_id is None:
            items[item] += number
        else:
            by_agency[item.removeprefix("whole:")][agency_id] = number
    ((began,),) = _read(cursor, _BEGAN)
    return Cells(
        items=items,
        sent=by_agency["sent"],
        received=by_agency["received"],
        gaps={(code, area): number for code, area, number in _read(cursor, _GAPS, *_span(period))},
        named=[(id_, name) for id_, name in _read(cursor, _NAMED)],
        kinds={kind: (number, agreed) for kind, number, agreed in _read(cursor, _KINDS)},
        began=began,
    )


def _span(period: Period) -> tuple[date, date]:
    return period.begins, period.ends


def _read(cursor: CursorWrapper, text: str, *values: Any) -> Iterable[tuple[Any, ...]]:
    cursor.execute(text, values)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
