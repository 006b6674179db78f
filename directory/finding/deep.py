"""Where a page deep in a plain list begins, found from the nearer end of its index.

The part of statements.py that walks; exact in every snapshot, as the kept total is
(directory/rendering/publishing.py).
"""

from collections.abc import Sequence

DEEP = 1_000  # rows before a page; nearer to the first, the list is simply walked
_NIL = "'00000000-0000-0000-0000-000000000000'::uuid"
FIRST = {"id": _NIL, "name, service_id": f"'', {_NIL}"}  # before any row in that order


def start(places: Sequence[str], rows: str, order: str, kept: str) -> str:
    """CTEs `hidden` (how many confidential rows there are) and `start`: the place in `order` from
    which the rows are to be merged, and how many of those to `skip`; no row, where the page lies
    behind the last. `places` are the projections, the public one first; `rows` is what of them
    stands in the list, `kept` how many of it are public.

    With h confidential rows, no page begins before the public row that has as many before it as
    the page has, less h: what is before that is passed by without merging. The kept total tells
    how far that row is from either end.
    """
    public, *confidential = places
    back = ", ".join(f"{name} DESC" for name in order.split(", "))
    walk = f"SELECT {order} FROM {public} p WHERE {rows} ORDER BY"
    hidden, skip = "SELECT 0::bigint AS rows", "0"
    if confidential:
        (network,) = confidential
        hidden = f"SELECT count(*) AS rows FROM {network} p WHERE {rows}"
        before = f"{_of('p', order)} < {_of('a', order)}"
        sooner = f"SELECT count(*) FROM {network} p WHERE {rows} AND {before}"
        skip = f"(SELECT rows FROM hidden) - ({sooner})"
    return f"""hidden AS MATERIALIZED ({hidden}),
        far AS MATERIALIZED (
            SELECT %(offset)s - rows AS before, ({kept}) - 1 - (%(offset)s - rows) AS behind
              FROM hidden),
        way AS MATERIALIZED (
            SELECT CASE WHEN before <= 0 THEN 'all' WHEN behind < 0 THEN 'none'
                        WHEN before <= behind THEN 'on' ELSE 'back' END AS goes FROM far),
        start AS MATERIALIZED (
            SELECT {order}, {skip} AS skip FROM (
                SELECT * FROM ({walk} {order} LIMIT 1
                               OFFSET (SELECT greatest(before, 0) FROM far)) forward
                 WHERE (SELECT goes FROM way) = 'on'
                UNION ALL
                SELECT * FROM ({walk} {back} LIMIT 1
                               OFFSET (SELECT greatest(behind, 0) FROM far)) backward
                 WHERE (SELECT goes FROM way) = 'back') a
            UNION ALL
            SELECT {FIRST[order]}, %(offset)s WHERE (SELECT goes FROM way) = 'all')"""


def later(order: str) -> str:
    """The condition on a row `p`: from `start` on."""
    return f"{_of('p', order)} >= (SELECT {order} FROM start)"


def _of(table: str, order: str) -> str:
    return f"({', '.join(f'{table}.{name}' for name in order.split(', '))})"
