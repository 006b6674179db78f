"""Parses an edited document of an entry into rows, without the database.

An entry is an organization, a service or a location with its related rows. A document may nest
other entries (a service's organization or place). These are written at their own address; here each
is a reference, and the document must repeat what the other entry says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from directory.hsds.flattening import ANYWHERE, Row, flatten
from directory.hsds.schema import LISTS, ONES, OURS, TABLES
from permissions.errors import BadRequest

MOST_IN_LIST = 200
ENTRIES = ("organization", "service", "location")
# Lists of other entries; a document's list must equal the stored one.
ELSEWHERE = {"organization": {"locations", "services"}}
# Members that the server computes; a draft's values are ignored.
SERVERS = {
    "service": {"last_modified", "intake", "external_ids", "provenance", "replaced_by"},
    "organization": {"external_ids", "provenance", "stand_in"},
    "location": {"external_ids"},
    "service_capacity": {"updated"},
}
_MORE = {"service": {"answered_by"}}
# Links that a document may give as ids instead of nested objects.
NAMED = {
    "organization": {"parent_organization_id"},
    "service": {"organization_id", "program_id"},
    "location": {"organization_id"},
    "program": {"organization_id"},
    "service_at_location": {"location_id", "service_id"},
    "service_capacity": {"unit_id"},
    "attribute": {"taxonomy_term_id"},
}

Document = Mapping[str, object]
NESTED = "A row belongs to the entry that contains it. Leave this field out."


@dataclass(frozen=True)
class Reference:
    """Another entry that is nested here; `said` is what the document says about it."""

    table: str
    id: UUID | None  # None: a unit without one
    said: Document
    pointer: str
    column: str  # the naming row's column

    @property
    def named_by(self) -> str:
        """The pointer of the row that names it."""
        return self.pointer.rpartition("/")[0]


@dataclass
class Draft:
    """The rows of one entry, the entry's own first."""

    table: str
    rows: list[Row] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    elsewhere: dict[str, object] = field(default_factory=dict)  # member → what it says

    @property
    def entry(self) -> Row:
        return self.rows[0]


def require_bounded(value: object, pointer: str = "") -> None:
    """Raise BadRequest for a list that is too long. Check only what a caller sends: an imported
    entry may have longer lists, and editors must still be able to pause it."""
    if isinstance(value, Mapping):
        for member, inner in value.items():
            require_bounded(inner, f"{pointer}/{member}")
    elif isinstance(value, list):
        if len(value) > MOST_IN_LIST:
            known = pointer if all(map(_could_be_ours, pointer.split("/")[1::2])) else None
            raise BadRequest("too_many", f"A list may have at most {MOST_IN_LIST} items.", known)
        for index, inner in enumerate(value):
            require_bounded(inner, f"{pointer}/{index}")


def parse_draft(table: str, entry_id: UUID, document: Document) -> Draft:
    """Parse the draft of an entry. Raises BadRequest, with a pointer, if the shape is wrong."""
    if document.get("id", str(entry_id)) != str(entry_id):
        raise BadRequest("invalid", "The id differs from the one in the URL.", "/id")
    draft = Draft(table)
    whole = _cut(draft, table, {**document, "id": str(entry_id)}, "")
    draft.rows = flatten(table, whole)
    for row in draft.rows:
        _check(row)
    return draft


def _cut(draft: Draft, table: str, document: Document, pointer: str) -> dict[str, object]:
    """The document with other entries replaced by references."""
    kept: dict[str, object] = {}
    for member, value in document.items():
        at = f"{pointer}/{member.replace('~', '~0').replace('/', '~1')}"
        if member in ELSEWHERE.get(table, ()):
            draft.elsewhere[member] = value
        elif value is None or member in SERVERS.get(table, ()):
            continue
        elif found := ONES.get(table, {}).get(member):
            _refer(draft, *found, value, at, kept, document)
        elif child := _nests(table, member):
            kept[member] = [_cut(draft, child, one, here) for one, here in _list(value, at)]
        else:
            kept[member] = value
    return kept


def _nests(table: str, member: str) -> str | None:
    if member in ANYWHERE and table not in ANYWHERE.values():
        return ANYWHERE[member]
    return LISTS.get(table, {}).get(member, (None, ""))[0]


def _list(value: object, pointer: str) -> Iterator[tuple[Document, str]]:
    if not isinstance(value, list):
        raise BadRequest("invalid", "Send a list.", pointer)
    for index, one in enumerate(value):
        if not isinstance(one, Mapping):
            raise BadRequest("invalid", "Send an object.", f"{pointer}/{index}")
        yield one, f"{pointer}/{index}"


def _refer(
    draft: Draft,
    table: str,
    column: str,
    value: object,
    pointer: str,
    kept: dict[str, object],
    document: Document,
) -> None:
    if not isinstance(value, Mapping):
        raise BadRequest("invalid", "Send an object.", pointer)
    key = value.get("id")
    if key is None and table != "unit":
        raise BadRequest("invalid", "Send the id of the entry.", f"{pointer}/id")
    named = None if key is None else uuid(key, f"{pointer}/id")
    draft.references.append(Reference(table, named, value, pointer, column))
    if named:
        if document.get(column) not in (None, str(named)):
            parent = pointer.rpartition("/")[0]
            raise BadRequest("invalid", "This names two different entries.", f"{parent}/{column}")
        kept[column] = str(named)


def uuid(value: object, pointer: str) -> UUID:
    """Read a UUID from text. Raises BadRequest."""
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    raise BadRequest("invalid", "Enter a UUID.", pointer)


def _check(row: Row) -> None:
    if row.faults:
        raise BadRequest(
            "invalid", "The same id is given twice, with different content.", row.pointer
        )
    if "id" in row.values:
        row.values["id"] = str(uuid(row.values["id"], f"{row.pointer}/id"))
    known = {"id", *TABLES[row.table].columns, *_MORE.get(row.table, ()), *OURS.get(row.table, ())}
    for column in row.values:
        if column not in known:
            shown = f"{row.pointer}/{column}" if _could_be_ours(column) else row.pointer or None
            raise BadRequest("unknown_field", "This field is not documented.", shown)
    for column, link in row.links.items():
        if isinstance(link, str):
            if column not in NAMED.get(row.table, ()):
                raise BadRequest("invalid", NESTED, f"{row.pointer}/{column}")
            row.links[column] = str(uuid(link, f"{row.pointer}/{column}"))


def _could_be_ours(name: str) -> bool:
    return name.isidentifier() and len(name) <= 40


def patched(table: str, document: Document, change: Document) -> dict[str, object]:
    """The document with a merge patch applied. The patch may name another entry by its id or by a
    nested object; the document's other form is then dropped. A place that moves by its address
    loses its point, unless the patch says one."""
    found = merged(document, change)
    assert isinstance(found, dict)
    for member, (_, column) in ONES.get(table, {}).items():
        if member in change:
            found.pop(column, None)
            if change[member] is not None:
                found[member] = change[member]
        elif column in change:
            found.pop(member, None)
    moves = table == "location" and "addresses" in change and _where(document) != _where(found)
    if moves and not _POINT & change.keys():
        for member in _POINT:  # it was the old address's: measuring from it would mislead
            found.pop(member, None)
    return found


_POINT = {"latitude", "longitude"}
_WHERE = ("address_1", "city", "region", "state_province", "postal_code", "country")


def _where(document: Document) -> object:
    """What the addresses of a place say of where it is. Letters may go to another town."""
    addresses = document.get("addresses")
    if not isinstance(addresses, list):
        return addresses
    return [
        [one.get(name) or "" for name in _WHERE] if isinstance(one, Mapping) else one
        for one in addresses
        if not (isinstance(one, Mapping) and one.get("address_type") == "postal")
    ]


def merged(present: object, patch: object) -> object:
    """Apply a merge patch (RFC 7386, section 2)."""
    if not isinstance(patch, Mapping):
        return patch
    found = dict(present) if isinstance(present, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merged(found.get(name), value)
    return found
