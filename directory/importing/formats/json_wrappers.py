"""Finds the documents of the standard inside wrappers, and the rows next to an organization."""

from collections.abc import Iterator, Mapping
from typing import Any

from directory.hsds.schema import LISTS, ONES, TABLES
from directory.importing.formats.json_members import NAMES, Document, as_list

WRAPPERS = ("contents", "data", "payload", "organizations", "results", "items")
DEPTH = 20


def unwrap(document: Any, depth: int) -> Iterator[tuple[str, Document, list[str]]]:
    """Yield (table, document, notes) for each document of the standard, down to DEPTH."""
    if isinstance(document, list):
        for one in document:
            yield from unwrap(one, depth + 1)
    if not isinstance(document, Mapping) or depth > DEPTH:
        return
    said = {key: value for key, value in document.items() if value not in (None, [], {}, "")}
    if _is_wrapper(said):
        yield from _wrapped(said, depth)
    elif table := guess_table(said):
        yield table, dict(document), []


def _is_wrapper(said: Mapping[str, Any]) -> bool:
    if "id" in said or "name" in said:
        return False
    if isinstance(said.get("organization"), Mapping) and isinstance(said.get("service"), Mapping):
        return False  # probably a service_at_location
    inner = {*WRAPPERS, "organization", "services", "service", "locations"}
    return bool(inner & set(said)) and "service_at_locations" not in said


def _wrapped(said: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Document, list[str]]]:
    """One organization with the rows next to it, or several, each with the rows that name it."""
    for member in ("contents", "data", "payload", "results", "items"):
        if member in said:
            yield from unwrap(said[member], depth + 1)
            return
    organizations = [
        dict(one)
        for member in ("organization", "organizations")
        for one in as_list(said.get(member))
        if isinstance(one, Mapping)
    ]
    beside = {
        member: [one for one in as_list(said[member]) if isinstance(one, Mapping)]
        for member in said
        if member
        in {"services", "service", "locations", "location", "phones", "phone", "phone_numbers"}
        | {"contacts", "contact_info", "contact_points", "addresses", "schedules", "programs"}
    }
    if not organizations:
        for one in [*beside.get("services", ()), *beside.get("service", ())]:
            yield "service", dict(one), ["has no organization"]
        return
    by_id = {str(one.get("id")): one for one in organizations if one.get("id")}
    notes: dict[int, list[str]] = {id(one): [] for one in organizations}
    for member, rows in beside.items():
        plural = NAMES["organization"].get(member, member)
        for row in rows:
            owner = by_id.get(str(row.get("organization_id"))) or organizations[0]
            owner[plural] = [*as_list(owner.get(plural)), dict(row)]
            notes[id(owner)].append(f"{member}: was next to the organization, moved into it")
    for one in organizations:
        yield "organization", one, list(dict.fromkeys(notes[id(one)]))


def guess_table(document: Mapping[str, Any]) -> str:
    """The table that a document most likely belongs to; '' if it matches none."""
    best, most = "", 1  # one matching member is not enough
    for table in (
        "organization",
        "service",
        "location",
        "service_at_location",
        "taxonomy",
        "taxonomy_term",
    ):
        kind = TABLES[table]
        members = {*kind.columns, *kind.links, *LISTS.get(table, ()), *ONES.get(table, ())}
        fits = len(members & set(document))
        if fits > most:
            best, most = table, fits
    return best
