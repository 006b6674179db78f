"""What is counted of the public directory against its rows: by it pages are found."""

from typing import Any

from django.db import connections

from directory.projection import page_anchors

_TOTALS = """
    SELECT counted.kind, counted.rows, kept.rows
      FROM (SELECT 'services' AS kind, count(*) FILTER (WHERE open AND first) AS rows
              FROM directory_place
            UNION ALL
            SELECT 'service_at_locations', count(*) FILTER (WHERE open AND location_id IS NOT NULL)
              FROM directory_place
            UNION ALL
            SELECT 'organizations', count(*) FROM directory_organization_listing) counted
      LEFT JOIN directory_total kept ON kept."table" = counted.kind
     WHERE counted.rows <> coalesce(kept.rows, 0)
    UNION ALL
    SELECT 'milestones of ' || kept."table", kept.rows, coalesce(sum(m.rows), 0)
      FROM directory_total kept LEFT JOIN directory_milestone m ON m.list = kept."table"
     WHERE kept."table" <> 'organizations'
     GROUP BY 1, 2 HAVING kept.rows <> coalesce(sum(m.rows), 0)
"""
# Milestones that have not as many rows to the next as they say, or stand at none.
_MILESTONES = """
    SELECT way.list || ' from ' || way.name, real.rows, way.rows
      FROM (SELECT *, lead(row_id) OVER way IS NULL AS is_last, lead(name) OVER way AS next_name,
                   lead(row_id) OVER way AS next_id
              FROM directory_milestone WHERE list = '{name}'
            WINDOW way AS (ORDER BY name, row_id)) way,
           LATERAL (
               SELECT count(*) AS rows,
                      count(*) FILTER (WHERE (p.name, p.row_id) = (way.name, way.row_id)) AS here
                 FROM (SELECT {order} FROM directory_place WHERE {listed}) p (name, row_id)
                WHERE (p.name, p.row_id) >= (way.name, way.row_id)
                  AND (is_last OR (p.name, p.row_id) < (next_name, next_id))) real
     WHERE real.rows <> way.rows OR way.rows > 2 * {step}
        OR here <> (way.row_id <> '00000000-0000-0000-0000-000000000000')::int
"""


def miscounted(cursor: Any = None) -> list[tuple[str, int, int]]:
    """In one statement, so in one snapshot: (what, how many there are, how many are kept). None of
    it is as it should be."""
    mislaid = [
        _MILESTONES.format(name=name, listed=listed, order=order, step=page_anchors.STEP)
        for name, (listed, order) in page_anchors.LISTS.items()
    ]
    asked = " UNION ALL ".join([_TOTALS, *mislaid])
    if cursor is None:
        with connections["default"].cursor() as ours:
            return miscounted(ours)
    cursor.execute(asked)
    return list(cursor.fetchall())
