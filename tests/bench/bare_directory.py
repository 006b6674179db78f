"""The directory's limit: each query is SQL of its own, and passes stored JSON text on.

It has no row-level security, validation, refusals of the contract or ETags. A member's query reads
the confidential tables in addition to the public ones, as ours does.
"""

from typing import Any
from urllib.parse import parse_qs

PER_PAGE = 20
NAMES = (  # organization listings bear other names
    ("directory_listing", "directory_place", "directory_organization_listing"),
    ("directory_network_listing", "directory_network_place", "directory_network_organization"),
)
ORGANIZATIONS = (
    "(SELECT id, full_document FROM directory_organization_listing"
    " UNION ALL SELECT id, full_document FROM directory_network_organization)"
)
HERE = "directory_point(%(latitude)s, %(longitude)s)"
TERMS = "(SELECT directory_query(%(words)s))"
RESPELT = "(SELECT directory_query_without(directory_units(string_to_array(%(words)s, ' ')), 0))"
ITEMS = "SELECT l.id, l.document FROM {l} l WHERE l.id IN (SELECT service_id FROM hit)"
NESTED = (
    "SELECT l.id, l.full_document, (SELECT string_agg(q.full_document, ',' ORDER BY q.position,"
    " q.id) FROM {p} q WHERE q.service_id = l.id AND q.location_id IS NOT NULL), o.full_document"
    " FROM {l} l JOIN {o} o ON o.id = l.organization_id"
    " WHERE l.id IN (SELECT service_id FROM hit)"
)
BY_NAME = (
    "(SELECT service_id, name FROM {p} WHERE open AND first ORDER BY name, service_id"
    " LIMIT %(some)s)"
)
TOTAL = "(SELECT rows FROM directory_total WHERE \"table\" = 'services')"
TOTAL_HIDDEN = "(SELECT count(*) FROM directory_network_place WHERE open AND first)"
# Of a word that many bear three hundred of one row in sixteen are looked at, as ours does.
SAMPLE = (
    "SELECT service_id, id, name, ts_rank(named, {terms}) AS rank FROM directory_place"
    " WHERE open AND first AND uuid_hash(id) & 15 = 0 AND named @@ {terms} LIMIT 301"
)
NAMED = (
    "(SELECT service_id, id, name, ts_rank(named, {terms}) AS rank FROM {p}"
    " WHERE open AND first AND named @@ {terms}"
    " AND ({confidential} OR NOT (SELECT count(*) > 300 FROM sample)) LIMIT 301)"
)
ELSEWHERE = (
    "(SELECT service_id, id, name, 0 AS rank FROM {p} WHERE open AND first AND search @@ {terms}"
    " AND NOT named @@ {terms} AND (SELECT count(*) FROM named) <= 300 LIMIT 301)"
)
# What is confidential stands nowhere: a member's distances are everybody's.
FITTING = (
    "(SELECT 1 FROM directory_place WHERE open AND first AND uuid_hash(id) & 15 = 0"
    f" AND search @@ {TERMS} LIMIT 51)"
)
NEAREST = (
    f"(SELECT service_id, id, point <-> {HERE} AS chord FROM directory_place p WHERE open"
    f" AND point IS NOT NULL AND search @@ {TERMS} AND (alone OR NOT EXISTS ("
    "SELECT FROM directory_place q"
    " WHERE q.service_id = p.service_id AND q.open AND q.point IS NOT NULL"
    f" AND q.search @@ {TERMS} AND (q.point <-> {HERE}, q.id) < (p.point <-> {HERE}, p.id)))"
    f" ORDER BY point <-> {HERE} LIMIT 21)"
)


def answer(cursor: Any, path: str, query: str, *, member: bool) -> str:
    """The body, as ours has it."""
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    if not path.endswith("/services"):
        row_id = path.rsplit("/", 1)[1]
        sql = f"WITH hit AS (SELECT %s::uuid AS service_id) {_each(NESTED, member)}"
        cursor.execute(sql, [row_id])
        return _nested(cursor.fetchone()[1:])
    if "latitude" in asked:
        return _near(cursor, asked)
    if "search" in asked:
        return _words(cursor, asked, member)
    return _list(cursor, asked, member)


def _each(sql: str, member: bool, **names: str) -> str:
    """The same of the public tables and, for a member, of the confidential ones."""
    listing, place, organization = NAMES[0]
    found = [sql.format(l=listing, p=place, o=organization, confidential="false", **names)]
    if member:
        listing, place, _ = NAMES[1]
        found.append(sql.format(l=listing, p=place, o=ORGANIZATIONS, confidential="true", **names))
    return " UNION ALL ".join(found)


def _list(cursor: Any, asked: dict[str, str], member: bool) -> str:
    page, size = int(asked.get("page", 1)), int(asked.get("per_page", PER_PAGE))
    full = "full" in asked
    values = {"some": page * size + 1, "offset": (page - 1) * size, "limit": size + 1}
    cursor.execute(
        f"WITH hit AS MATERIALIZED (SELECT service_id, name FROM ({_each(BY_NAME, member)}) n"
        " ORDER BY name, service_id OFFSET %(offset)s LIMIT %(limit)s)"
        f" SELECT {TOTAL} + {TOTAL_HIDDEN if member else '0'}, d.* FROM hit"
        f" JOIN ({_each(NESTED if full else ITEMS, member)}) d ON d.id = hit.service_id"
        " ORDER BY hit.name, hit.service_id",
        values,
    )
    rows = cursor.fetchall()
    documents = [_nested(row[2:]) if full else row[2] for row in rows[:size]]
    return _page(documents, rows[0][0], page, size, last=len(rows) <= size)


def _words(cursor: Any, asked: dict[str, str], member: bool) -> str:
    rows: list[Any] = []
    for terms in (TERMS, RESPELT):
        cursor.execute(
            f"WITH sample AS MATERIALIZED ({SAMPLE.format(terms=terms)}),"
            " named AS MATERIALIZED (SELECT * FROM sample WHERE (SELECT count(*) > 300 FROM sample)"
            f" UNION ALL {_each(NAMED, member, terms=terms)}),"
            " fitting AS MATERIALIZED (SELECT * FROM named UNION ALL"
            f" {_each(ELSEWHERE, member, terms=terms)}),"
            " hit AS MATERIALIZED (SELECT * FROM fitting ORDER BY rank DESC, name, id LIMIT 21)"
            " SELECT (SELECT count(*) FROM fitting), d.* FROM hit"
            f" JOIN ({_each(ITEMS, member)}) d ON d.id = hit.service_id"
            " ORDER BY rank DESC, name, hit.id",
            {"words": asked["search"]},
        )
        if rows := cursor.fetchall():
            break
    documents = [row[2] for row in rows[:PER_PAGE]]
    return _page(documents, rows[0][0], 1, PER_PAGE, last=len(rows) <= PER_PAGE, cap=300)


def _near(cursor: Any, asked: dict[str, str]) -> str:
    """Of a word that many have."""
    cursor.execute(
        f"WITH hit AS MATERIALIZED (SELECT * FROM {NEAREST} n"
        " ORDER BY chord, id LIMIT 21)"
        f" SELECT (SELECT count(*) FROM {FITTING} f),"
        " directory_metres(hit.chord), d.* FROM hit"
        f" JOIN ({_each(ITEMS, False)}) d ON d.id = hit.service_id ORDER BY hit.chord, hit.id",
        {
            "words": asked["search"],
            "latitude": float(asked["latitude"]),
            "longitude": float(asked["longitude"]),
        },
    )
    rows = cursor.fetchall()
    documents = [f'{row[3][:-1]},"distance":{round(row[1])}}}' for row in rows[:PER_PAGE]]
    return _page(documents, rows[0][0], 1, PER_PAGE, last=len(rows) <= PER_PAGE, cap=50)


def _nested(parts: Any) -> str:
    own, places, organization = parts
    found = f'"service_at_locations":[{places}],' if places else ""
    return f'{own[:-1]},{found}"organization":{organization}}}'


def _page(
    documents: list[str], total: int, page: int, size: int, *, last: bool, cap: int = 0
) -> str:
    capped = ',"total_items_capped":true' if cap and total > cap else ""
    total = min(total, cap) if cap else total
    return (
        f'{{"total_items":{total},"total_pages":{-(-total // size)},"page_number":{page},'
        f'"size":{len(documents)},"first_page":{str(page == 1).lower()},'
        f'"last_page":{str(last).lower()},"empty":{str(not documents).lower()},'
        f'"contents":[{",".join(documents)}]{capped}}}'
    )
