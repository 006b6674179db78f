"""Loads one entry for its editors: its rows and their document. It is read on the connection that
edits, after the entry is locked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from directory.editing.draft_parser import ELSEWHERE
from directory.hsds.schema import LISTS, ONES, TABLES
from directory.licensed_terms import licensed_sources
from directory.projection.entry_documents import Document, columns, nested
from directory.projection.prefetch import RelatedRows, Row
from directory.search import retrieval
from permissions.database.aliases import EDITOR
from permissions.principal import Principal


class OwnedRow(NamedTuple):
    """A row of the entry; `member` is the document's member that contains it."""

    table: str
    row: Row
    member: str


@dataclass
class StoredEntry:
    """A stored entry. `text` is its document, which is sent and from which its ETag is made."""

    table: str
    row: Row
    organization_id: UUID
    text: str
    owned: dict[tuple[str, UUID], OwnedRow] = field(default_factory=dict)
    _known: dict[tuple[str, str], Document] | None = None

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.text)
        return found

    @property
    def etag(self) -> str:
        return retrieval.etag(self.text)

    def known(self, table: str, row_id: UUID) -> Document:
        """What the document says about another entry that it nests; {} if it nests none."""
        if self._known is None:
            self._known = {}
            _index(self._known, self.table, self.document)
        return self._known.get((table, str(row_id)), {})


def _index(known: dict[tuple[str, str], Document], table: str, document: Document) -> None:
    for member, value in document.items():
        child = ONES.get(table, {}).get(member) or LISTS.get(table, {}).get(member)
        if member == "attributes":
            child = ("attribute", "")
        if not child:
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                if member in ONES.get(table, ()):
                    known[child[0], str(one.get("id"))] = one
                _index(known, child[0], one)


def find_row(table: str, row_id: UUID | None) -> Row | None:
    """A source row by its id; None also for a licensed term, which no one is shown."""
    rows: Any = TABLES[table].model._default_manager.using(EDITOR)
    found: Row | None = rows.filter(id=row_id).values().first() if row_id else None
    if found and table == "taxonomy_term" and found["source"] in licensed_sources(EDITOR):
        return None
    return found


def organization_of(table: str, row: Row) -> UUID:
    """The organization that owns the row."""
    owner: UUID = row["id"] if table == "organization" else row["part_of_id"]
    return owner


def load_entry(principal: Principal, table: str, entry_id: UUID) -> StoredEntry | None:
    """The stored entry; None if it does not exist or the caller may not see it."""
    row = find_row(table, entry_id)
    if row is None:
        return None
    services = [entry_id] if table == "service" else []
    whole = [entry_id] if table == "organization" else []
    places = [entry_id] if table == "location" else []
    shelf = RelatedRows(services, whole, EDITOR, places)
    if table == "location":
        text: str | None = _location(shelf, row)
    elif table == "service":
        text = retrieval.detail(principal, "service", entry_id, EDITOR)
    else:
        text = retrieval.organization(principal, entry_id, False, EDITOR)
    if text is None:
        return None
    present = StoredEntry(table, row, organization_of(table, row), text)
    for owned in _beneath(shelf, table, row, _is_hidden(shelf, table, row), ""):
        present.owned.setdefault((owned.table, owned.row["id"]), owned)
    return present


def _location(shelf: RelatedRows, row: Row) -> str:
    """A place's document. The standard has none, so it is the place as in an organization's
    document, with the organization's id."""
    document = nested(shelf, "location", row, secret=True)
    if row["organization_id"]:
        document["organization_id"] = str(row["organization_id"])
    return orjson.dumps(document).decode()


def _is_hidden(shelf: RelatedRows, table: str, row: Row) -> bool:
    organization = shelf.row("organization", row.get("organization_id"))
    return bool(row["confidential"] or (organization and organization["confidential"]))


def _beneath(
    shelf: RelatedRows, table: str, row: Row, hidden: bool, member: str
) -> Iterator[OwnedRow]:
    """The rows that the entry's document shows, at any depth. Rows it cannot show (a confidential
    place of a public service) are skipped, so that a draft does not appear to remove them."""
    for name, (child, column) in LISTS.get(table, {}).items():
        if name in ELSEWHERE.get(table, ()):
            continue
        for one in shelf.children_of(child, column, row["id"]):
            place = shelf.row("location", one.get("location_id"))
            if child == "service_at_location" and place and place["confidential"] and not hidden:
                continue
            yield OwnedRow(child, one, member or name)
            yield from _beneath(shelf, child, one, hidden, member or name)
    for kind, name in (("attribute", "attributes"), ("metadata", "metadata")):
        if kind == "metadata" and table == "location" and row["confidential"]:
            continue  # not shown, since it may reveal where the place was
        for one in shelf.attributes_of(kind, table, row["id"]):
            yield OwnedRow(kind, one, member or name)
            yield from _beneath(shelf, kind, one, hidden, member or name)


def unseen_links(present: StoredEntry) -> list[Row]:
    """The links of a service to places that its document cannot show."""
    rows: Any = TABLES["service_at_location"].model._default_manager.using(EDITOR)
    shown = [row_id for table, row_id in present.owned if table == "service_at_location"]
    return list(rows.filter(service_id=present.row["id"]).exclude(id__in=shown).values())


def link_with_rows(present: StoredEntry, link: Row) -> Iterator[OwnedRow]:
    """A service's link to a place, with everything that is said of the service there."""
    shelf = RelatedRows([present.row["id"]], [], EDITOR)
    member = "service_at_locations"
    yield OwnedRow("service_at_location", link, member)
    yield from _beneath(shelf, "service_at_location", link, True, member)


def as_document(table: str, row: Row) -> Document:
    """The row's own columns as in a document."""
    document = columns(table, row)
    if "confidential" in row:
        document["confidential"] = row["confidential"]
    return document
