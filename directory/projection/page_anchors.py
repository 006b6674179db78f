"""Maintains the milestones of the plain lists, which locate pages deep in a list.

A milestone is at a listed public row and has the number of rows from it to the next one. To reach
row 25,000, a query adds up some fifty numbers instead of walking the rows
(directory/search/deep_pagination.py). The first milestone is before any row. Call it with the lock
of projection_writer.py held, so that each snapshot has the exact milestones of its rows.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

STEP = 1_000  # rows between milestones when created; the distance may grow to twice as many
Key = tuple[str, UUID]  # a row's position in the order of its list; for places the name is ""
Moved = dict[str, Counter[Key]]  # list → key → 1 for an added row, -1 for a removed one
LISTS = {  # list → the condition for its rows, and its order
    "services": ("open AND first", "name, service_id"),
    "service_at_locations": ("open AND location_id IS NOT NULL", "''::text AS name, id"),
}


def moved() -> Moved:
    return defaultdict(Counter)


def count_moves(cursor: Any, rows: Mapping[str, Counter[Key]]) -> None:
    """Count the rows added and removed, and remove the milestones at rows no longer listed."""
    for name, keys in rows.items():
        told = [
            {"name": text, "row_id": str(row_id), "rows": more}
            for (text, row_id), more in keys.items()
            if more
        ]
        if told:
            values = {"list": name, "moved": orjson.dumps(told).decode()}
            for statement in (_FIRST, _COUNT, _MERGE):
                cursor.execute(statement, values)
            add_anchors(cursor, name)


def add_anchors(cursor: Any, name: str) -> None:
    """Add milestones where the distance to the next one has become too long."""
    listed, order = LISTS[name]
    cursor.execute(_SPLIT.format(listed=listed, order=order), {"list": name, "step": STEP})


_FIRST = """
    INSERT INTO directory_milestone (list, name, row_id, rows)
    SELECT %(list)s, '', '00000000-0000-0000-0000-000000000000', 0
     WHERE NOT EXISTS (SELECT FROM directory_milestone WHERE list = %(list)s)
"""
_MOVED = "jsonb_to_recordset(%(moved)s) AS moved (name text, row_id uuid, rows int)"
_COUNT = f"""
    UPDATE directory_milestone m SET rows = m.rows + more.rows
      FROM (SELECT before.id, sum(moved.rows) AS rows
              FROM {_MOVED}, LATERAL (
                   SELECT id FROM directory_milestone
                    WHERE list = %(list)s AND (name, row_id) <= (moved.name, moved.row_id)
                    ORDER BY name DESC, row_id DESC LIMIT 1) before
             GROUP BY before.id) more
     WHERE m.id = more.id
"""
# Merges the milestones whose rows are gone into the nearest remaining one before them.
_MERGE = f"""
    WITH gone AS (
        DELETE FROM directory_milestone m USING {_MOVED}
         WHERE m.list = %(list)s AND moved.rows < 0
           AND (m.name, m.row_id) = (moved.name, moved.row_id)
        RETURNING m.id, m.name, m.row_id, m.rows)
    UPDATE directory_milestone m SET rows = m.rows + more.rows
      FROM (SELECT before.id, sum(gone.rows) AS rows
              FROM gone, LATERAL (
                   SELECT id FROM directory_milestone
                    WHERE list = %(list)s AND (name, row_id) < (gone.name, gone.row_id)
                      AND id NOT IN (SELECT id FROM gone)
                    ORDER BY name DESC, row_id DESC LIMIT 1) before
             GROUP BY before.id) more
     WHERE m.id = more.id
"""
_SPLIT = """
    WITH far AS (
        SELECT * FROM (
            SELECT id, name, row_id, rows, lead(name) OVER way AS next_name,
                   lead(row_id) OVER way AS next_id
              FROM directory_milestone WHERE list = %(list)s
            WINDOW way AS (ORDER BY name, row_id)) m
         WHERE rows > 2 * %(step)s),
    laid AS (
        INSERT INTO directory_milestone (list, name, row_id, rows)
        SELECT %(list)s, at.name, at.row_id, least(%(step)s, far.rows - at.before)
          FROM far, LATERAL (
               SELECT p.*, row_number() OVER (ORDER BY p.name, p.row_id) - 1 AS before
                 FROM (SELECT {order} FROM directory_place WHERE {listed}) p (name, row_id)
                WHERE (p.name, p.row_id) >= (far.name, far.row_id)
                  AND (far.next_id IS NULL OR (p.name, p.row_id) < (far.next_name, far.next_id))
               ) at
         WHERE at.before > 0 AND at.before %% %(step)s = 0)
    UPDATE directory_milestone m SET rows = %(step)s FROM far WHERE m.id = far.id
"""
