"""JSON Schemas (2020-12) of the directory's documents, and merge patches (RFC 7386) for the
standard's own schemas. Both are made from directory/hsds/schema.py and directory/hsds/profile.py.

The standard's files are not repeated here; read there what they say in addition to names, types and
nesting. No database, no HTTP.
"""

from collections.abc import Mapping
from typing import Any

from directory.hsds.profile import HOLIDAYS, PAGE, ROOT, TEXT, TYPES, UUID, Schema, added, column
from directory.hsds.schema import LISTS, ONES, TABLES, Kind

DRAFT = "https://json-schema.org/draft/2020-12/schema"

# Members that a document must have in addition to its table's required and `shown` columns.
_ASKED: Mapping[str, tuple[str, ...]] = {
    "metadata": ("last_action_date",),
    "service_capacity": ("unit", "updated"),
}
_BARE = {"taxonomy", "taxonomy_term", "attribute", "metadata", "holiday_schedule"}  # no attributes
_LINKED: Mapping[str, str] = {"attribute": "link_id", "metadata": "resource_id"}


# -- One object -----------------------------------------------------------------------------------


def _object(table: str, members: Mapping[str, Schema]) -> Schema:
    """The schema of a table's object: its columns, links and profile members, then `members`."""
    kind = TABLES[table]
    properties: Schema = {"id": UUID}
    properties |= {name: column(table, name, of) for name, of in kind.columns.items()}
    if table != "holiday_schedule":
        properties |= dict.fromkeys(kind.links, UUID)
    if linked := _LINKED.get(table):
        properties[linked] = UUID
    properties |= added(table)
    columns = (kind.required - kind.links.keys()) | kind.shown
    columns |= {name for name, of in kind.columns.items() if of in (Kind.STATUS, Kind.PLACE)}
    required = ["id", *sorted({*columns, *_ASKED.get(table, ())})]
    return {
        "type": "object",
        "title": table,
        "properties": {**properties, **members},
        "required": required,
    }


# -- Our patches ----------------------------------------------------------------------------------


def patches() -> dict[str, Schema]:
    """Our merge patches, by the name of the standard's file that each one patches.

    `holiday_schedule` is our own object: its patch is its whole schema.
    """
    found: dict[str, Schema] = {"holiday_schedule": _object("holiday_schedule", {})}
    for table in ("organization", "service", "location", "service_at_location", "schedule"):
        members = added(table)
        if "holiday_schedules" in LISTS.get(table, {}):
            members["holiday_schedules"] = HOLIDAYS
        found[table] = {"properties": members}
    found["openapi"] = {
        "components": {"schemas": {"Page": {"properties": PAGE}}},
        "paths": {
            "/": {
                "get": {
                    "responses": {
                        "200": {"content": {"application/json": {"schema": {"properties": ROOT}}}}
                    }
                }
            }
        },
    }
    return found


# -- A document -----------------------------------------------------------------------------------


class _Document:
    """A document's root and its nested objects, each once, under `$defs`."""

    def __init__(self, table: str, *, flat: bool) -> None:
        self.flat = flat
        self.above = table
        self.defs: dict[str, Schema] = {}
        self.root = _object(table, self._members(table, root=True))

    def _members(self, table: str, *, root: bool = False) -> Schema:
        """The nested members of an object; in a flat (list item) document only single objects."""
        found: Schema = {}
        for member, (child, _) in ONES.get(table, {}).items():
            if self._goes_down(table, member, root):
                found[member] = self._ref(child)
        if self.flat:
            return found
        for member, (child, _) in LISTS.get(table, {}).items():
            if self._goes_down(table, member, root):
                found[member] = {"type": "array", "items": self._ref(child)}
        for member, child in (("attributes", "attribute"), ("metadata", "metadata")):
            if self._is_marked(table, child):
                found[member] = {"type": "array", "items": self._ref(child)}
        return found

    def _goes_down(self, table: str, member: str, root: bool) -> bool:
        """Whether a member is nested here; the document does not repeat its outer objects."""
        if (table, member) in (("organization", "services"), ("service_at_location", "service")):
            return root
        return (table, member) != ("service", "service_at_locations") or (
            self.above != "service_at_location"
        )

    def _is_marked(self, table: str, child: str) -> bool:
        if child == "attribute":
            return table not in _BARE
        return table not in ("metadata", "holiday_schedule")

    def _ref(self, table: str) -> Schema:
        if table not in self.defs:
            self.defs[table] = {}  # so that a cycle ends
            self.defs[table] = _object(table, self._members(table))
        return {"$ref": f"#/$defs/{table}"}


_DOCUMENTS: Mapping[str, tuple[str, bool]] = {  # name → table, whether it is a list item
    "service": ("service", False),
    "service_list": ("service", True),
    "organization": ("organization", False),
    "organization_list": ("organization", True),
    "service_at_location": ("service_at_location", False),
    "service_at_location_list": ("service_at_location", True),
    "taxonomy": ("taxonomy", False),
    "taxonomy_term": ("taxonomy_term", False),
}
SCHEMAS = (*_DOCUMENTS, "page", "root")
PATCHES = tuple(patches())


def schema(name: str, *, base: str = "", closed: bool = False) -> Schema:
    """One of SCHEMAS: the standard's with our additions. `base` is the URL of the schemas.

    `closed` refuses every member that is not named, for tests of a server. Partners should not use
    it, since a later version may add members.
    """
    if name in _DOCUMENTS:
        table, flat = _DOCUMENTS[name]
        document = _Document(table, flat=flat)
        found = document.root | ({"$defs": document.defs} if document.defs else {})
    else:
        found = _page() if name == "page" else _root()
    found = {"$schema": DRAFT, "$id": f"{base}/{name}.json", **found, "title": name}
    return _closed(found) if closed else found


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found["additionalProperties"] = False
    return found


def _page() -> Schema:
    whole, flag = {"type": "integer"}, {"type": "boolean"}
    return {
        "type": "object",
        "properties": {
            **dict.fromkeys(("total_items", "total_pages", "page_number", "size"), whole),
            **dict.fromkeys(("first_page", "last_page", "empty"), flag),
            "contents": {"type": "array", "items": {"type": "object"}},
            **PAGE,
        },
        "required": ["empty"],
    }


def _root() -> Schema:
    url = TYPES[Kind.URL]
    publisher = {
        **dict.fromkeys(("name", "identifier"), TEXT),
        "email": TYPES[Kind.EMAIL],
        "website": url,
        "additional_websites": {"type": "array", "items": url},
    }
    return {
        "type": "object",
        "properties": {
            "version": TEXT,
            **dict.fromkeys(("profile", "openapi_url", "data_guide"), url),
            "description": TEXT,
            "publisher": {"type": "object", "properties": publisher},
            **ROOT,
        },
    }
