"""Reads documents by id, organizations, taxonomies, and whole lists as streams.

Call inside `permissions.database.db_identity.identified_transaction(principal)`, like
directory/search/matches.py.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, connections

from directory.licensed_terms import SHOWN
from directory.search.documents import (
    PageOfResults,
    ProjectionTables,
    compose,
    load_parts,
    places_of,
    select,
    visible_halves,
)
from directory.search.query import WITHIN_RADIUS, SearchQuery, Value, condition
from directory.search.readings import AS_WRITTEN, Reading
from permissions.errors import NotAuthenticated
from permissions.principal import Principal

STREAMED = 200  # documents per statement


def detail(
    principal: Principal | None, kind: str, row_id: UUID, using: str = "default"
) -> str | None:
    """One service or service_at_location with all related rows, whatever its status; None if it
    does not exist or the caller may not see it."""
    row = load_parts(principal, kind, "full", row_id, using)
    return compose(kind, "full", row[1:]) if row else None


def etag(document: str) -> str:
    """The strong validator of a detail (RFC 9110, section 8.8.3): a hash of its bytes."""
    return f'"{sha256(document.encode()).hexdigest()[:32]}"'


# -- Pages ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Documents(PageOfResults):
    """One page of documents."""

    contents: tuple[str, ...]


def organization(
    principal: Principal | None, row_id: UUID, full_service: bool, using: str = "default"
) -> str | None:
    """One organization with all its own rows and its services, in short or in full; None if it
    does not exist or the caller may not see it."""
    shape = "full_service" if full_service else "full"
    _, found = _organizations(principal, "SELECT %(id)s::uuid AS id", {"id": row_id}, shape, using)
    return found[0] if found else None


def organizations(
    principal: Principal | None,
    asked: SearchQuery,
    shape: str,
    page: int,
    per_page: int,
    using: str = "default",
) -> Documents:
    """A page of organizations by name; `shape` is item, full or full_service.

    A taxonomy term matches organizations that have it themselves or through one of their services.
    """
    where, values = _of_organizations(asked)
    values |= {
        "offset": (page - 1) * per_page,
        "limit": per_page + 1,
        "some": page * per_page + 1,
    }
    sides = [f"{half.organization} o WHERE {where}" for half in visible_halves(principal)]
    in_order = " UNION ALL ".join(
        f"(SELECT o.name, o.id FROM {side} ORDER BY o.name, o.id LIMIT %(some)s)" for side in sides
    )
    counts = [f"(SELECT count(*) FROM {side})" for side in sides]
    if asked.is_plain:  # stored for the public; the confidential ones are few
        counts[0] = (
            "coalesce((SELECT rows FROM directory_total WHERE \"table\" = 'organizations'), 0)"
        )
    total, found = _organizations(
        principal,
        f"SELECT id FROM ({in_order}) o ORDER BY name, id OFFSET %(offset)s LIMIT %(limit)s",
        values,
        shape,
        using,
        count=" + ".join(counts),
    )
    last = len(found) <= per_page
    return Documents(
        contents=tuple(found[:per_page]),
        total=total,
        capped=False,
        last=last,
        page=page,
        per_page=per_page,
    )


def _of_organizations(asked: SearchQuery) -> tuple[str, dict[str, Value]]:
    parts, values = ["true"], dict[str, Value]()
    if asked.text:
        parts.append("o.search @@ directory_query(%(words)s)")
        values["words"] = asked.text
    if asked.needs or asked.taxonomy_id:
        only = replace(SearchQuery(), needs=asked.needs, taxonomy_id=asked.taxonomy_id)
        terms = condition(only)
        own, services = terms.on("o"), terms.on("p")
        parts.append(
            f"({own} OR EXISTS (SELECT FROM directory_place p WHERE p.organization_id = o.id"
            f" AND {services}))"
        )
        values |= terms.values
    return " AND ".join(parts), values


_SHORT = (
    """'{"id":"' || s.id || '","name":' || to_json(s.name)::text || ',"status":"' """
    """|| s.status || '"}'"""
)


def _with_places(half: ProjectionTables) -> str:
    places = places_of(half, "s")
    return (
        "left(s.full_document, -1)"
        f" || coalesce(',\"service_at_locations\":[' || {places} || ']', '') || '}}'"
    )


def _organizations(
    principal: Principal | None,
    chosen: str,
    values: dict[str, Value],
    shape: str,
    using: str = "default",
    count: str = "0",
) -> tuple[int, list[str]]:
    """Returns `count` and the documents of the `chosen` ids by name, each with its services if the
    shape has them."""
    column = "document" if shape == "item" else "full_document"
    sides = visible_halves(principal)
    organizations = " UNION ALL ".join(
        f"SELECT o.id, o.name, o.{column} AS document FROM {half.organization} o"
        " WHERE o.id IN (SELECT id FROM page)"
        for half in sides
    )
    services = "NULL"
    if shape != "item":
        each = " UNION ALL ".join(
            "SELECT s.name, s.id,"
            f" {_with_places(half) if shape == 'full_service' else _SHORT} AS document"
            f" FROM {half.listing} s WHERE s.organization_id = o.id"
            for half in sides
        )
        services = f"(SELECT string_agg(document, ',' ORDER BY name, id) FROM ({each}) s)"
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"WITH page AS MATERIALIZED ({chosen}) SELECT {count}, o.document, {services}"
            f" FROM (SELECT 1) once LEFT JOIN ({organizations}) o ON true ORDER BY o.name, o.id",
            values,
        )
        rows = cursor.fetchall()
    return rows[0][0], [
        f'{document[:-1]},"services":[{found}]}}' if found else document
        for _, document, found in rows
        if document is not None
    ]


# -- Taxonomies -----------------------------------------------------------------------------------

_TAXONOMY = """jsonb_strip_nulls(jsonb_build_object('id', t.id, 'name', t.name,
    'uri', nullif(t.uri, ''), 'version', nullif(t.version, '')))
    || jsonb_build_object('description', t.description)"""
_TERM = f"""jsonb_strip_nulls(jsonb_build_object('id', t.id, 'code', nullif(t.code, ''),
    'name', t.name, 'parent_id', t.parent_id, 'taxonomy', nullif(t.taxonomy_name, ''),
    'language', nullif(t.language, ''), 'term_uri', nullif(t.term_uri, ''), 'taxonomy_detail',
    (SELECT {_TAXONOMY} FROM directory_taxonomy t WHERE t.id = taxonomy_id AND {SHOWN})))
    || jsonb_build_object('description', t.description)"""
_KINDS = {
    "taxonomy": ("directory_taxonomy", _TAXONOMY),
    "taxonomy_term": ("directory_taxonomyterm", _TERM),
}


def vocabulary(
    kind: str,
    *,
    row_id: UUID | None = None,
    words: str = "",
    taxonomy_id: UUID | None = None,
    parent_id: UUID | None = None,
    top_only: bool = False,
    page: int = 1,
    per_page: int,
    using: str = "default",
) -> Documents:
    """A page of taxonomies or taxonomy terms by name. It is the same for every caller.

    `words` are searched in name, code and description, ignoring accents and case. `top_only`: only
    terms without a parent.
    """
    table, document = _KINDS[kind]
    parts, values = [SHOWN], dict[str, Value](limit=per_page, offset=(page - 1) * per_page)
    for number, word in enumerate(words.split()):
        code = " || ' ' || t.code" if kind == "taxonomy_term" else ""
        parts.append(
            f"lower(unaccent(t.name || ' ' || t.description{code}))"
            f" LIKE '%%' || lower(unaccent(%(word{number})s)) || '%%'"
        )
        values[f"word{number}"] = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    for part, name, value in (
        ("t.id = %(id)s", "id", row_id),
        ("t.taxonomy_id = %(taxonomy)s", "taxonomy", taxonomy_id),
        ("t.parent_id = %(parent)s", "parent", parent_id),
    ):
        if value:
            parts.append(part)
            values[name] = value
    if top_only:
        parts.append("t.parent_id IS NULL")
    where = " AND ".join(parts)
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT (SELECT count(*) FROM {table} t WHERE {where}), found.document"
            " FROM (SELECT 1) once LEFT JOIN (SELECT"
            f" row_number() OVER (ORDER BY t.name, t.id) AS place, ({document})::text AS document"
            f" FROM {table} t WHERE {where} ORDER BY t.name, t.id"
            " LIMIT %(limit)s OFFSET %(offset)s) found ON true"
            " ORDER BY found.place",
            values,
        )
        rows = cursor.fetchall()
    total = rows[0][0]
    contents = tuple(row[1] for row in rows if row[1] is not None)
    return Documents(
        contents=contents,
        total=total,
        capped=False,
        last=page * per_page >= total,
        page=page,
        per_page=per_page,
    )


# -- Streams --------------------------------------------------------------------------------------


def require_live_credential(principal: Principal | None) -> None:
    """Raise NotAuthenticated if the caller's credential has ended; call it for each part of a
    stream. Otherwise the confidential half would be missing from there on without a sign."""
    if len(visible_halves(principal)) > 1:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.is_in_network()")
            if cursor.fetchone() != (True,):
                raise NotAuthenticated


def next_documents(
    principal: Principal | None,
    asked: SearchQuery,
    kind: str,
    shape: str,
    after: UUID | None,
    reading: Reading = AS_WRITTEN,
    using: str = "default",
) -> tuple[list[str], UUID | None]:
    """The next matching documents by id, and the last id (None: there are no more). For streams,
    which need no page and no count. `reading`: how the words are read, as for a page
    (directory/search/readings.py)."""
    at_place = kind == "service_at_location"
    sides = visible_halves(principal)
    terms = condition(asked, at_place=at_place, tables=[half.place for half in sides])
    key = "id" if at_place else "service_id"
    parts = [terms.on("p"), "p.open", "p.location_id IS NOT NULL" if at_place else "p.first"]
    values: dict[str, Any] = {
        **terms.values,
        **asked.where,
        **asked.question.values,
        "limit": STREAMED,
        "after": after,
    }
    if after:
        parts.append(f"p.{key} > %(after)s")
    if asked.text:
        parts.append(f"p.search @@ (SELECT {reading.query})")
    if asked.near:
        near = " UNION ALL ".join(
            f"SELECT q.service_id FROM {half.place} q WHERE {WITHIN_RADIUS.format(p='q')}"
            for half in sides
        )
        parts.append(WITHIN_RADIUS.format(p="p") if at_place else f"p.service_id IN ({near})")
    ids = " UNION ALL ".join(
        f"(SELECT p.service_id, p.id FROM {half.place} p WHERE {' AND '.join(parts)}"
        f" ORDER BY p.{key} LIMIT %(limit)s)"
        for half in sides
    )
    documents = " UNION ALL ".join(f"({select(kind, shape, half)})" for half in sides)
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"WITH hit AS MATERIALIZED (SELECT * FROM ({ids}) i ORDER BY {key} LIMIT %(limit)s)"
            f" SELECT document.* FROM ({documents}) document ORDER BY 1",
            values,
        )
        rows = cursor.fetchall()
    found = [compose(kind, shape, row[1:]) for row in rows]
    return found, rows[-1][0] if len(rows) == STREAMED else None
