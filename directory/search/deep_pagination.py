"""Where a page deep in a plain list begins, found from the milestone before it.

The part of sql_statements.py that walks; exact in every snapshot, as the milestones are
(directory/projection/page_anchors.py).
"""

from collections.abc import Sequence

DEEP = 1_000  # rows before a page; nearer to the first, the list is simply walked
_NIL = "'00000000-0000-0000-0000-000000000000'::uuid"
FIRST = {"id": _NIL, "name, service_id": f"'', {_NIL}"}  # before any row in that order


def start(places: Sequence[str], rows: str, order: str, name: str) -> str:
    """CTEs `hidden` (how many confidential rows there are) and `start`: the place in `order` from
    which the rows are to be merged, and how many of those to `skip`; no row, where the page lies
    behind the last. `places` are the projections, the public one first; `rows` is what of them
    stands in the list, `name` which list of milestones is theirs.

    With h confidential rows, no page begins before the public row that has as many before it as
    the page has, less h: what is before that is passed by without merging.
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
    """The condition on a row `p`: from `start` on."""
    return f"{_of('p', order)} >= (SELECT {order} FROM start)"


def _of(table: str, order: str) -> str:
    return f"({', '.join(f'{table}.{name}' for name in order.split(', '))})"
