"""Plain HSDS: a document without the members that the victim services profile adds.

Plain HSDS has no marker for what is confidential, so only documents that the public may read are
made plain (ADR 0130). No database, no HTTP.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from directory.hsds.profile import added
from directory.hsds.schema import LISTS, ONES

HOLIDAYS = "holiday_schedules"  # a list of our own objects

# What each object has of ours, and which objects are nested in it.
ADDED: Mapping[str, frozenset[str]] = {
    table: frozenset(added(table)) | ({HOLIDAYS} & LISTS.get(table, {}).keys())
    for table in {*LISTS, *ONES}
}
_NESTED: Mapping[str, Mapping[str, str]] = {
    table: {
        member: child
        for below in (LISTS, ONES)
        for member, (child, _link) in below.get(table, {}).items()
        if child in ADDED
    }
    for table in ADDED
}


def plain(table: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a table's object, and all that is nested in it, without what is ours."""
    if table not in ADDED:
        return dict(document)
    nested = _NESTED[table]
    return {
        member: _below(nested[member], value) if member in nested else value
        for member, value in document.items()
        if member not in ADDED[table]
    }


def _below(table: str, value: Any) -> Any:
    return [plain(table, one) for one in value] if isinstance(value, list) else plain(table, value)


def plain_text(table: str, document: str) -> str:
    """`plain` of a document as JSON text."""
    return orjson.dumps(plain(table, orjson.loads(document))).decode()
