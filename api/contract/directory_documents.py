"""The documents of the directory as they are written: every row that may be nested, from the tables
of the standard that also parse them (directory/editing/draft_parser.py)."""

from typing import Any

from directory.editing.draft_parser import ELSEWHERE, ENTRIES, MOST_IN_LIST, NAMED, SERVERS
from directory.editing.validation import MOST_CHARACTERS, MOST_IN_LINE, is_long
from directory.hsds import profile
from directory.hsds.flattening import ANYWHERE
from directory.hsds.plain import ADDED
from directory.hsds.profile import added, column
from directory.hsds.schema import LISTS, ONES, TABLES, Kind

_ID = {"type": ["string", "null"], "format": "uuid"}
_OTHER = {
    "type": ["object", "null"],
    "additionalProperties": True,
    "description": "Another entry, which is changed at its own address: its `id` is enough.",
}
_LINKED = {"attribute": "link_id", "metadata": "resource_id"}
_SCHEMAS = "#/components/schemas/"

_MINIMAL = {
    "type": "object",
    "description": "A service of a list that was asked with `minimal`.",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "modified_date": {"type": "string", "format": "date-time"},
        "distance": {"type": "integer", "description": "In meters, if the search has a place."},
        "somewhere_in": {"type": "string", "description": profile.SOMEWHERE},
    },
    "required": ["id", "modified_date"],
    "additionalProperties": False,
}
# First what is there without `minimal`, `full` and `plain`. A full service or organization has all
# members of a short one; a full place does not repeat the ids of what it holds.
_SHAPES_OF_A_LIST = {
    "DirectoryServicePageOut": ("DirectoryServiceOut", "DirectoryServiceMinimalOut"),
    "DirectoryPlacePageOut": ("DirectoryPlaceOut", "DirectoryPlaceDetailOut"),
    "DirectoryOrganizationPageOut": ("DirectoryOrganizationOut",),
}
_MADE_PLAIN = {  # of what is listed or read by itself: the shape that has a plain one as well
    *("DirectoryServiceOut", "DirectoryPlaceOut", "DirectoryPlaceDetailOut"),
    *("DirectoryOrganizationOut", "DirectoryServiceDetailOut", "DirectoryOrganizationDetailOut"),
}
_OURS = frozenset().union(*ADDED.values())


def close(shapes: dict[str, Any]) -> None:
    """Describe in `shapes` what an entry may hold, in place of objects of any kind."""
    for table in ENTRIES:
        shape = shapes[f"Directory{table.title()}In"]
        said = {name: one.get("description") for name, one in shape["properties"].items()}
        shape["properties"] = _members(table, shapes)
        for name, one in shape["properties"].items():
            if said.get(name) and "description" not in one:
                one["description"] = said[name]
        for name in shape.get("required", ()):
            one = shape["properties"][name]
            one["type"] = next(kind for kind in one["type"] if kind != "null")
    shapes["DirectoryChangesIn"] = {
        "type": "object",
        "additionalProperties": {},
        "description": "Members of an entry with their new values; null empties one (RFC 7386).",
    }


def vary(result: dict[str, Any]) -> None:
    """Describe what a list holds, and what a detail is, however it is asked."""
    shapes = result["components"]["schemas"]
    shapes["DirectoryServiceMinimalOut"] = _MINIMAL
    for page, asked in _SHAPES_OF_A_LIST.items():
        choices = [{"$ref": f"{_SCHEMAS}{name}"} for name in asked]
        choices += [_plain(one, shapes) for one in choices if _name(one) in _MADE_PLAIN]
        shapes[page]["properties"]["contents"]["items"] = {"anyOf": choices}
    for item in result["paths"].values():
        asked = item.get("get", {}).get("parameters", ())
        if "plain" in {one["name"] for one in asked}:
            media = item["get"]["responses"]["200"]["content"]["application/json"]
            if _name(media["schema"]) in _MADE_PLAIN:
                media["schema"] = {"anyOf": [media["schema"], _plain(media["schema"], shapes)]}


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).removeprefix(_SCHEMAS)


def _plain(value: Any, shapes: dict[str, Any]) -> Any:
    """Return a schema, and what it refers to, without the members of our profile. A shape that has
    none stays as it is."""
    if isinstance(value, list):
        return [_plain(one, shapes) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" not in value:
        return {name: _plain(one, shapes) for name, one in value.items()}
    name = _name(value)
    shape = shapes[name]
    members = {
        member: _plain(one, shapes)
        for member, one in shape["properties"].items()
        if member not in _OURS
    }
    if members == shape["properties"]:
        return value
    plain = name.replace("Directory", "DirectoryPlain", 1)
    needed = [one for one in shape.get("required", ()) if one in members]
    shapes[plain] = {
        "type": "object",
        "description": f"`{name}` in an answer that was asked with `plain`.",
        "properties": members,
        "required": needed,
    }
    return {"$ref": f"{_SCHEMAS}{plain}"}


def _members(table: str, shapes: dict[str, Any]) -> dict[str, Any]:
    kind = TABLES[table]
    found: dict[str, dict[str, Any]] = {"id": _ID}
    found |= {name: _column(table, name, of) for name, of in kind.columns.items()}
    found |= {name: _or_null(dict(one)) for name, one in added(table).items()}
    for name in ("distance", "somewhere_in"):  # of a search alone
        found.pop(name, None)
    found |= dict.fromkeys(sorted(NAMED.get(table, ())), _ID)
    if linked := _LINKED.get(table):
        found[linked] = _ID
    found |= {name: _computed(name) for name in sorted(SERVERS.get(table, ()))}
    found |= dict.fromkeys(ONES.get(table, ()), _OTHER)
    nested = {name: child for name, (child, _link) in LISTS.get(table, {}).items()}
    if table not in ANYWHERE.values():
        nested |= ANYWHERE
    for name, child in nested.items():
        item = _OTHER if name in ELSEWHERE.get(table, ()) else _row(child, shapes)
        found[name] = {"type": ["array", "null"], "maxItems": MOST_IN_LIST, "items": item}
    return {name: dict(one) for name, one in sorted(found.items())}


def _row(table: str, shapes: dict[str, Any]) -> dict[str, str]:
    """Return a reference to the shape of a nested row; it is made where it is not there yet."""
    name = f"Directory{''.join(part.title() for part in table.split('_'))}RowIn"
    if name not in shapes:
        shapes[name] = {}  # so that a cycle ends
        shapes[name] = {
            "type": "object",
            "description": f"A row of the standard's `{table}`. A member that is null is absent.",
            "properties": _members(table, shapes),
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{name}"}


def _column(table: str, name: str, kind: Kind) -> dict[str, Any]:
    found = _or_null(column(table, name, kind))
    if "string" in found["type"] and not {"enum", "format"} & set(found):
        long = kind is Kind.TEXT and is_long(name)
        found["maxLength"] = MOST_CHARACTERS if long else MOST_IN_LINE
    return found


def _computed(name: str) -> dict[str, Any]:
    return {"description": f"`{name}` is set by the server; what is sent is ignored."}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type", ())
    if not kinds:
        return schema
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    found = schema | {"type": [*kinds, *(["null"] if "null" not in kinds else [])]}
    if "enum" in found and None not in found["enum"]:
        found["enum"] = [*found["enum"], None]
    return found
