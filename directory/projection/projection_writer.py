"""Stores rendered rows, and writes the change feed for the public and for the network."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from django.db import connections

from directory.projection import page_anchors
from directory.projection.entry_documents import Document

Half = dict[bool, list[Document]]  # key: whether the rows are confidential
Seen = dict[UUID, str]  # the old or new rows of one projection: id → digest of its documents
FEED = 0x0CA1  # the advisory lock that orders the change feed by commits


def _half() -> Half:
    return {False: [], True: []}


@dataclass
class Rendered:
    """Everything that one transaction renders, until `publish`."""

    listings: Half = field(default_factory=_half)
    places: Half = field(default_factory=_half)
    organizations: Half = field(default_factory=_half)
    changes: list[tuple[str, UUID, str | None, str]] = field(default_factory=list)
    changed_organizations: set[UUID] = field(default_factory=set)
    totals: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    moved: page_anchors.Moved = field(default_factory=page_anchors.moved)  # in plain lists
    words: set[str] = field(default_factory=set)  # texts of public entries
    gone: list[str] = field(default_factory=list)  # documents that are no longer public


_TABLES = {  # kind → public table, network table
    "listings": ("directory_listing", "directory_network_listing"),
    "places": ("directory_place", "directory_network_place"),
    "organizations": ("directory_organization_listing", "directory_network_organization"),
}
_COLUMNS = {
    "listings": (
        "id uuid, organization_id uuid, name text, organization_name text, status text,"
        " answered_by uuid, intake text, victimization_types text[], taxonomy_term_ids uuid[],"
        " phones jsonb, assured_date date, last_modified timestamptz, document text,"
        " full_document text"
    ),
    "places": (
        "id uuid, service_id uuid, location_id uuid, organization_id uuid, name text,"
        " open boolean, first boolean, alone boolean, position int, answered_by uuid,"
        " minimum_age float, maximum_age float, taxonomy_term_ids uuid[], facets text[],"
        " postcodes text[], point cube, middle_of text, open_hours tstzmultirange,"
        " hours_until timestamptz, last_modified timestamptz, document text, full_document text"
    ),
    "organizations": (
        "id uuid, name text, taxonomy_term_ids uuid[], last_modified timestamptz,"
        " document text, full_document text"
    ),
}


_TEXTS = ", a text, b text, c text, d text"  # by weight (search_text.py)
_NAMED = "setweight(directory_words(a), 'A') || setweight(directory_words(b), 'B')"
# Stripped: this column only decides matches (`named` ranks them), and positions double its size.
_SEARCH = "strip(directory_words(concat_ws(' ', a, b, c, d)))"
_VECTORS = {  # kind → further columns and their expressions
    "listings": ("", ""),
    "places": (", named, search", f", {_NAMED}, {_SEARCH}"),
    "organizations": (", search", f", {_SEARCH}"),
}


def _insert(kind: str, table: str) -> str:
    columns = _COLUMNS[kind]
    names = ", ".join(column.split()[0] for column in columns.split(","))
    more, made = _VECTORS[kind]
    texts = _TEXTS if more else ""
    return (
        f"INSERT INTO {table} ({names}{more}) SELECT {names}{made}"
        f" FROM jsonb_to_recordset(%s::jsonb) AS row ({columns}{texts})"
    )


# -- One batch ------------------------------------------------------------------------------------


def store(
    rendered: Rendered, services: Sequence[UUID], organizations: Sequence[UUID], using: str
) -> None:
    """Replace the rows of one batch with those in `rendered`, and empty it.

    The caller's locks keep other transactions from doing this at the same time.
    """
    listings = _Replaced("listings", "id", services, rendered.listings, using)
    places = _Replaced("places", "service_id", services, rendered.places, using)
    own = _Replaced("organizations", "id", organizations, rendered.organizations, using)
    for replaced in (own, listings, places):
        rendered.gone += replaced.gone
    rendered.totals["organizations"] += len(own.after[False]) - len(own.before[False])
    for name, keys in places.moved.items():
        rendered.totals[name] += sum(keys.values())
        rendered.moved[name].update(keys)  # adds them up
    _tell(rendered, "organization", own)
    _tell(rendered, "service_at_location", places)
    _tell(rendered, "service", listings.with_places(places))
    rendered.changed_organizations |= {
        row_id for kind, row_id, *_ in rendered.changes if kind == "organization"
    }
    for row in rendered.places[False]:
        rendered.words |= set("\n".join(str(row[weight]) for weight in "abc").split("\n"))
    for half in (rendered.listings, rendered.places, rendered.organizations):
        half[False], half[True] = [], []


class _Replaced:
    """One kind of rows, deleted and inserted again, with the digests before and after."""

    def __init__(self, kind: str, key: str, ids: Sequence[UUID], rows: Half, using: str) -> None:
        self.kind = kind
        self.before: dict[bool, Seen] = {}
        self.after: dict[bool, Seen] = {}
        self.service_of: dict[UUID, UUID] = {}
        self.moved = page_anchors.moved()
        self.gone: list[str] = []
        with connections[using].cursor() as cursor:
            for hidden, table in enumerate(_TABLES[kind]):
                self._replace(cursor, bool(hidden), table, key, ids, rows[bool(hidden)])

    def _replace(
        self,
        cursor: Any,
        hidden: bool,
        table: str,
        key: str,
        ids: Sequence[UUID],
        rows: list[Document],
    ) -> None:
        extra = ", service_id, location_id, open, first, name" if self.kind == "places" else ""
        cursor.execute(
            f"DELETE FROM {table} WHERE {key} = ANY (%s::uuid[])"
            f" RETURNING id, document || full_document{extra}",
            [[str(one) for one in ids]],
        )
        old = cursor.fetchall()
        if rows:
            cursor.execute(_insert(self.kind, table), [orjson.dumps(rows).decode()])
        self.before[hidden] = {row[0]: _digest(row[1]) for row in old}
        self.after[hidden] = {
            UUID(str(row["id"])): _digest(f"{row['document']}{row['full_document']}")
            for row in rows
        }
        if not hidden:
            self.gone = [row[1] for row in old if row[0] not in self.after[False]]
        if self.kind == "places":
            self._places(hidden, old, rows)

    def _places(self, hidden: bool, old: list[Any], rows: list[Document]) -> None:
        """Record each row's service and the changes of the lists. A row without a place is not a
        service_at_location, so it is left out of `before` and `after`."""
        for row_id, _, service_id, location_id, is_open, first, name in old:
            self.service_of[row_id] = service_id
            if not location_id:
                del self.before[hidden][row_id]
            if not hidden and is_open:
                self.moved["services"][name, service_id] -= first
                self.moved["service_at_locations"]["", row_id] -= location_id is not None
        for row in rows:
            row_id, service_id = UUID(str(row["id"])), UUID(str(row["service_id"]))
            self.service_of[row_id] = service_id
            if not row["location_id"]:
                del self.after[hidden][row_id]
            if not hidden and row["open"]:
                self.moved["services"][str(row["name"]), service_id] += bool(row["first"])
                self.moved["service_at_locations"]["", row_id] += row["location_id"] is not None

    def with_places(self, places: "_Replaced") -> "_Replaced":
        """Mix the places into the services' digests: a service's detail contains its places."""
        for mine, theirs in ((self.before, places.before), (self.after, places.after)):
            for hidden in (False, True):
                for row_id, told in sorted(theirs[hidden].items()):
                    service = places.service_of[row_id]
                    if service in mine[hidden]:
                        mine[hidden][service] = _digest(f"{mine[hidden][service]}{row_id}{told}")
        return self


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# -- The change feed ------------------------------------------------------------------------------


def _tell(rendered: Rendered, kind: str, replaced: _Replaced) -> None:
    """Record a change for each row that differs for the public or for the network."""
    before, after = replaced.before, replaced.after
    for row_id in sorted({*before[False], *before[True], *after[False], *after[True]}):
        public = _action(before[False].get(row_id), after[False].get(row_id))
        network = _action(
            before[False].get(row_id) or before[True].get(row_id),
            after[False].get(row_id) or after[True].get(row_id),
        )
        if public or network:
            rendered.changes.append((kind, row_id, public, network or "updated"))


def _action(before: str | None, after: str | None) -> str | None:
    if before == after:
        return None
    if before is None:
        return "created"
    return "deleted" if after is None else "updated"


def publish(rendered: Rendered, using: str) -> None:
    """Write words, totals, milestones and the change feed. A lock, held until the commit, lets in
    one transaction at a time."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FEED])
        if rendered.words:
            cursor.execute("SELECT directory_add_words(%s)", ["\n".join(sorted(rendered.words))])
        if rendered.gone:
            gone = _ESCAPED.sub(" ", "\n".join(rendered.gone))
            cursor.execute("SELECT directory_remove_words(%s)", [gone])
        for name, more in rendered.totals.items():
            if more:
                cursor.execute(_ADD, [name, more])
        page_anchors.count_moves(cursor, rendered.moved)
        _services_of_changed(cursor, rendered)
        if rendered.changes:
            cursor.execute(_CHANGES, [orjson.dumps(_lines(rendered.changes)).decode()])


_ESCAPED = re.compile(r"\\[bfnrt]")  # white space in JSON, not part of the next word

_ADD = """
    INSERT INTO directory_total AS t ("table", rows) VALUES (%s, %s)
    ON CONFLICT ("table") DO UPDATE SET rows = t.rows + excluded.rows
"""
_CHANGES = """
    INSERT INTO directory_change (kind, entity_id, network, action, at)
    SELECT kind, entity_id, network, action, sec.clock()
      FROM jsonb_to_recordset(%s::jsonb) AS row (
           kind text, entity_id uuid, network boolean, action text, place bigint)
     ORDER BY place
"""
_SERVICES = """
    SELECT id, true FROM directory_listing WHERE organization_id = ANY (%(ids)s::uuid[])
    UNION ALL
    SELECT id, false FROM directory_network_listing WHERE organization_id = ANY (%(ids)s::uuid[])
    ORDER BY 1
"""


def _services_of_changed(cursor: Any, rendered: Rendered) -> None:
    """Record a change for each service of a changed organization, since its detail contains the
    organization."""
    if not rendered.changed_organizations:
        return
    told = {row_id for kind, row_id, *_ in rendered.changes if kind == "service"}
    cursor.execute(_SERVICES, {"ids": [str(one) for one in rendered.changed_organizations]})
    for row_id, public in cursor.fetchall():
        if row_id not in told:
            action = "updated" if public else None
            rendered.changes.append(("service", row_id, action, "updated"))


def _lines(changes: Iterable[tuple[str, UUID, str | None, str]]) -> list[Document]:
    """Each change as one line for the network and, if it is public, one for the public."""
    told = (
        (kind, row_id, network, action)
        for kind, row_id, *actions in changes
        for network, action in zip((False, True), actions, strict=True)
        if action
    )
    return [
        {
            "kind": kind,
            "entity_id": str(row_id),
            "network": network,
            "action": action,
            "place": place,
        }
        for place, (kind, row_id, network, action) in enumerate(told)
    ]
