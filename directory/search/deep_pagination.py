"""Finds where a page deep in a plain list begins, from the milestone before it.

Part of the walk in sql_statements.py. It is exact in every snapshot, as the milestones are
(directory/projection/page_anchors.py).
"""

from collections.abc import Sequence

DEEP = 1_000  # rows before a page; pages before that walk the list from its first row
_NIL = "'00000000-0000-0000-0000-000000000000'::uuid"
FIRST = {"id": _NIL, "name, service_id": f"'', {_NIL}"}  # sorts before any row


def start(places: Sequence[str], rows: str, order: str, name: str) -> str:
    """CTEs `hidden` (the number of confidential rows) and `start`: the position in `order` from
    which to merge rows, and how many of those to `skip`; no row if the page is after the last.
    `places` are the projections, the public one first; `rows` is the condition for their rows in
    the list; `name` is the list of milestones.

    With h confidential rows, a page at offset o cannot begin before public row o - h, so the rows
    before that one are passed over without merging.
    """
    public, *confidential = places
    key = "m.row_id" if order == "id" else "m.name, m.row_id"
    hidden, skip = "SELECT 0::bigint AS rows", "0"
    if confidential:
        (network,) = confidential
        hidden = f"SELECT count(*) AS rows FROM {network} p WHERE {rows}"
        before = f"{_of('p', order)} < {_of('a', order)}"
        sooner = f"SELECT count(*) FROM {network} p WHERE {rows} AND {before}"
        skip = f"(SELECT rows FROM hidden) - ({sooner})"
    return f"""hidden AS MATERIALIZED ({hidden}),
        milestone AS MATERIALIZED (
            SELECT m.*, %(offset)s - hidden.rows - m.before AS behind
              FROM (SELECT name, row_id, rows,
                           sum(rows) OVER (ORDER BY name, row_id) - rows AS before
                      FROM directory_milestone WHERE list = '{name}') m, hidden
             WHERE %(offset)s > hidden.rows AND %(offset)s - hidden.rows >= m.before
               AND %(offset)s - hidden.rows < m.before + m.rows),
        start AS MATERIALIZED (
            SELECT {order}, {skip} AS skip FROM (
                SELECT {order} FROM {public} p
                 WHERE {rows} AND {_of("p", order)} >= (SELECT {key} FROM milestone m)
                 ORDER BY {order} LIMIT 1 OFFSET (SELECT behind FROM milestone)) a
            UNION ALL
            SELECT {FIRST[order]}, %(offset)s FROM hidden WHERE %(offset)s <= rows)"""


def after_start(order: str) -> str:
    """The condition that row `p` is at or after `start`."""
    return f"{_of('p', order)} >= (SELECT {order} FROM start)"


def _of(table: str, order: str) -> str:
    return f"({', '.join(f'{table}.{name}' for name in order.split(', '))})"
