"""Cells of counts that outlive the purge, and the check of them (ADR 0138).

The database counts, in the transaction of each act (referrals/sql/functions/numbers.sql). Here the
background work adds up what acts have counted, and seals the months of which no referral is left.
A cell says whose, when and one thing; it is read by no person.
"""

import hmac
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db import connections, transaction

from permissions.database.advisory_locks import COUNTING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.keys.derived_keys import derived_key
from referrals.deadlines.jobs_sql import execute, query

# One statement: what it takes from the lines it adds to the cells, or neither.
_ADD_UP = """
    WITH gone AS (DELETE FROM count_line RETURNING agency_id, side, begins, item, number, settled)
    INSERT INTO count_cell AS c (id, agency_id, side, begins, item, number, settled)
    SELECT gen_random_uuid(), agency_id, side, begins, item,
           coalesce(sum(number) FILTER (WHERE NOT settled), 0),
           coalesce(sum(number) FILTER (WHERE settled), 0)
      FROM gone GROUP BY agency_id, side, begins, item
    ON CONFLICT (agency_id, side, begins, item)
    DO UPDATE SET number = c.number + excluded.number, settled = c.settled + excluded.settled
"""
# The months that have cells, and a NULL: from one to the next by an index, so that looking costs
# the months and not the cells.
MONTHS = """
    WITH RECURSIVE months (begins) AS (
        SELECT min(begins) FROM count_cell
        UNION ALL
        SELECT (SELECT min(x.begins) FROM count_cell x WHERE x.begins > m.begins)
          FROM months m WHERE m.begins IS NOT NULL)
"""
# Months, and years of the network, that are over everywhere and of which no referral is left.
_FINISHED = f"""{MONTHS}
    SELECT m.begins, y.yearly
      FROM months m, (VALUES (false, interval '1 month'), (true, '1 year')) y (yearly, long)
     WHERE m.begins + y.long + interval '1 day' <= sec.clock()
       AND NOT EXISTS (SELECT FROM count_seal s WHERE s.begins = m.begins AND s.yearly = y.yearly)
       AND NOT EXISTS (SELECT FROM counted_referral c
                        WHERE c.month >= m.begins AND c.month < m.begins + y.long)
       AND EXISTS (SELECT FROM count_cell x
                    WHERE x.begins = m.begins AND (x.agency_id IS NULL
                          AND x.side IN ('from', 'to')) = y.yearly)
     ORDER BY 1, 2
"""  # noqa: S608 (a text of this module)
_CELLS = """
    SELECT agency_id, side, item, number, settled FROM count_cell
     WHERE begins = %s AND (agency_id IS NULL AND side IN ('from', 'to')) = %s
     ORDER BY agency_id::text NULLS FIRST, side, item
"""


class Cell(NamedTuple):
    """One cell, without its number. `item` is empty where a whole month does not add up."""

    agency_id: UUID | None
    side: str
    begins: date
    item: str


class Seal(NamedTuple):
    begins: date
    yearly: bool


class Checked(NamedTuple):
    """What the check found. `wrong`: cells that are not what the rows say that are not purged;
    `uneven`: cells that contradict each other; `broken`: seals of other cells."""

    cells: int
    sealed: int
    wrong: list[Cell]
    uneven: list[Cell]
    broken: list[Seal]

    @property
    def is_right(self) -> bool:
        return not (self.wrong or self.uneven or self.broken)


def seal_step() -> bool:
    """Add up what acts have counted, and seal the months of which nothing is left but their cells.
    Returns False: nothing is left to do. Safe to kill at any point; of two at once, one does
    nothing."""
    with try_lock(JOBS, COUNTING) as free:
        if free:
            _add_up()  # a purge may have settled the last of a month just now
            _seal_finished()
    return False


def check() -> Checked:
    """Compare the cells with the rows that are not purged, with each other, and with their seals.
    Changes nothing."""
    with transaction.atomic(using=JOBS):
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", [])
        ((cells, sealed),) = query(
            "SELECT (SELECT count(*) FROM count_cell), (SELECT count(*) FROM count_seal)", []
        )
        wrong = [Cell(*row) for row in query("SELECT * FROM sec.wrong_cells()", [])]
        uneven = [Cell(*row) for row in query("SELECT * FROM sec.uneven_cells()", [])]
        return Checked(cells, sealed, wrong, uneven, list(_broken()))


def _broken() -> Iterable[Seal]:
    """The seals that are not of their cells."""
    for begins, yearly, total, mac in query(
        "SELECT begins, yearly, total, mac FROM count_seal ORDER BY begins, yearly", []
    ):
        seal = Seal(begins, yearly)
        number, made = _sealed(seal)
        if number != total or not hmac.compare_digest(bytes(mac), made):
            yield seal


def _add_up() -> None:
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute(_ADD_UP)
        # What a mistake has emptied does not say that there was something.
        if cursor.rowcount:
            cursor.execute("DELETE FROM count_cell WHERE number = 0 AND settled = 0")


def _seal_finished() -> None:
    for begins, yearly in query(_FINISHED, []):
        with transaction.atomic(using=JOBS):
            number, mac = _sealed(Seal(begins, yearly))
            execute(
                "INSERT INTO count_seal (id, begins, yearly, total, mac)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [uuid7(), begins, yearly, number, mac],
            )


def _sealed(seal: Seal) -> tuple[int, bytes]:
    """The sum of the cells of a month or a year of the network, and their keyed hash."""
    rows = query(_CELLS, [seal.begins, seal.yearly])
    lines = [f"{seal.begins} {seal.yearly}", *("\t".join(map(str, row)) for row in rows)]
    mac = hmac.digest(derived_key("count-seal"), "\n".join(lines).encode(), "sha256")
    return sum(row[3] for row in rows), mac
