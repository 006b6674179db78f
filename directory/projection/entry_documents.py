"""Builds the standard's documents from source rows (prefetch.py) by directory/hsds/schema.py.

Each is rendered without the parts that have their own document: a service without its places and
its organization, an organization without its services. Readers compose them
(directory/search/retrieval.py), so that one change is rendered once.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from directory.hsds.schema import LISTS, ONES, OURS, TABLES
from directory.projection.prefetch import RelatedRows, Row

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | dict[str, Json] | None"
Document: TypeAlias = "dict[str, Json]"
_APART = {  # members that are added when a document is read
    "organization": {"services"},
    "service": {"service_at_locations", "organization"},
    "service_at_location": {"service"},
}


def is_hidden(service: Row, organization: Row) -> bool:
    """Whether only the network may see the service, by its marker or its organization's (T1)."""
    return bool(service["confidential"] or organization["confidential"])


def intake(shelf: RelatedRows, service: Row) -> str:
    """The intake state: paused by its agency; full when every capacity is used up; taking; unknown
    where nothing says it: no agency answers, and no capacity is counted."""
    if service["intake_paused"]:
        return "paused"
    capacities = shelf.children_of("service_capacity", "service_id", service["id"])
    if not capacities:
        return "taking" if service["answered_by_id"] else "unknown"
    return "full" if all(row["available"] <= 0 for row in capacities) else "taking"


# -- A row ----------------------------------------------------------------------------------------


def json_value(value: object) -> Json:
    """Convert a column's value to HSDS JSON."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case Decimal() | float():
            return int(value) if value == int(value) else float(value)
        case None | bool() | int() | str():
            return value
        case list():
            return [json_value(part) for part in value]
    return str(value)


def columns(table: str, row: Row) -> Document:
    """The row's own columns, without empty ones, since the standard's schemas allow no null."""
    kind = TABLES[table]
    document: Document = {"id": str(row["id"])}
    ours = OURS.get(table, ())
    for column in kind.columns:
        if column in ours:
            continue
        value = row[kind.field_of(column)]
        if value not in (None, "") or column in kind.required or column in kind.shown:
            document[column] = json_value(value)
    if table == "phone" and row["extension"]:
        document["extension"] = int(row["extension"])  # a number in the standard
    if extra := _PROFILE.get(table):
        document |= extra(row)
    for column in _NAMED.get(table, ()):
        if row[column]:
            document[column] = str(row[column])
    return document


# Links that the standard's documents keep in addition to the nested rows.
_NAMED = {
    "organization": ("parent_organization_id",),
    "taxonomy_term": ("parent_id",),
    "service": ("organization_id", "program_id"),
}


def _external_ids(row: Row) -> Document:
    if row["source"] and row["external_id"] not in ("", str(row["id"])):
        return {"external_ids": [{"source": row["source"], "id": row["external_id"]}]}
    return {}


def _provenance(shelf: RelatedRows, row: Row, *, secret: bool) -> Document:
    """Where an entry came from, if it was imported. A confidential one does not say it (R4): the
    name of a source is a hint, and its link leads to what the source shows of the entry."""
    if secret or not row["source"]:
        return {}
    kept, at = shelf.source(row["source"]), row["imported_at"]
    said: Document = {
        "source": row["source"],
        "license": kept.get("license"),
        "link": kept.get("link"),
        "imported": json_value(at) if at else None,
    }
    return {"provenance": {name: value for name, value in said.items() if value}}


def _of_place(row: Row) -> Document:
    ids = {} if row["confidential"] else _external_ids(row)
    return {"confidential": row["confidential"], **ids}


def _of_organization(row: Row) -> Document:
    found: Document = {"confidential": row["confidential"], **_external_ids(row)}
    return found | {"stand_in": True} if row["stand_in"] else found


def _of_service(row: Row) -> Document:
    document: Document = {
        "answered_by": json_value(row["answered_by_id"]) and str(row["answered_by_id"]),
        "intake_paused": row["intake_paused"],
        "victimization_types": list(row["victimization_types"]),
        **_external_ids(row),
    }
    if row["intake_paused"] and row["intake_paused_until"]:
        document["intake_paused_until"] = json_value(row["intake_paused_until"])
    if row.get("replaced_by"):  # directory/projection/replacements.py
        document["replaced_by"] = str(row["replaced_by"])
    if row["safe_contact_notes"]:
        document["safe_contact_notes"] = row["safe_contact_notes"]
    return document


def _of_schedule(row: Row) -> Document:
    return {"time_zone": row["time_zone"]} if row["time_zone"] else {}


def _of_holiday(row: Row) -> Document:
    return {"closed": row["closed"]}


_PROFILE: dict[str, Callable[[Row], Document]] = {
    "organization": _of_organization,
    "location": _of_place,
    "service": _of_service,
    "schedule": _of_schedule,
    "holiday_schedule": _of_holiday,
}


# -- A document -----------------------------------------------------------------------------------


def nested(shelf: RelatedRows, table: str, row: Row, *, secret: bool) -> Document:
    """The row with all related rows. `secret`: only the network reads it, so that it may include
    confidential places, without anything that shows where they are."""
    document = columns(table, row)
    apart = _APART.get(table, ())
    for member, (child, column) in LISTS.get(table, {}).items():
        if member in apart:
            continue
        rows = shelf.children_of(child, column, row["id"])
        if child == "location":
            rows = [one for one in rows if secret or not one["confidential"]]
        if rows:
            document[member] = [nested(shelf, child, one, secret=secret) for one in rows]
    for member, (target, column) in ONES.get(table, {}).items():
        if member not in apart and (found := shelf.row(target, row[column])):
            document[member] = nested(shelf, target, found, secret=secret)
    for member in ("attribute", "metadata"):
        if marks := shelf.attributes_of(member, table, row["id"]):
            name = "attributes" if member == "attribute" else member
            document[name] = [nested(shelf, member, one, secret=secret) for one in marks]
    if table == "location" and row["confidential"]:
        document = _nowhere(document)
    if table == "service_at_location" and _is_secret(shelf, row):
        document = _without_history(document)
    return document


def _is_secret(shelf: RelatedRows, link: Row) -> bool:
    location = shelf.row("location", link["location_id"])
    return bool(location and location["confidential"])


_WHERE = ("addresses", "latitude", "longitude", "transportation", "external_identifier", "url")


def _nowhere(location: Document) -> Document:
    """Remove what locates a confidential place; the database does not keep it either (R4)."""
    return {
        name: value
        for name, value in _without_history(location).items()
        if name not in (*_WHERE, "external_identifier_type")
    }


def _without_history(document: Document) -> Document:
    """Remove metadata at any depth: it holds old values."""
    return {
        name: [_without_history(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list)
        else _without_history(value)
        if isinstance(value, dict)
        else value
        for name, value in document.items()
        if name != "metadata"
    }


def service_item(shelf: RelatedRows, service: Row) -> Document:
    """The standard's list item of a service: its columns, organization and program."""
    organization = shelf.row("organization", service["organization_id"])
    assert organization is not None
    document = _service_columns(shelf, service, organization)
    document["organization"] = columns("organization", organization)
    if program := shelf.row("program", service["program_id"]):
        document["program"] = columns("program", program)
    return document


def service_detail(shelf: RelatedRows, service: Row) -> Document:
    """A service with all related rows, except its places and its organization."""
    organization = shelf.row("organization", service["organization_id"])
    assert organization is not None
    secret = is_hidden(service, organization)
    document = nested(shelf, "service", service, secret=secret)
    document |= _service_columns(shelf, service, organization)
    return document | _provenance(shelf, service, secret=secret)


def _service_columns(shelf: RelatedRows, service: Row, organization: Row) -> Document:
    return {
        **columns("service", service),
        "confidential": is_hidden(service, organization),
        "intake": intake(shelf, service),
    }


def place_item(
    shelf: RelatedRows, link: Row, service: Row, location: Row, secret: bool
) -> Document:
    """The standard's list item of a service_at_location, with its place and its service."""
    place = columns("location", location)
    return {
        **columns("service_at_location", link),
        "service_id": str(service["id"]),
        "location_id": str(location["id"]),
        "location": _nowhere(place) if location["confidential"] else place,
        "service": service_item(shelf, service),
    }


def place_detail(shelf: RelatedRows, link: Row, secret: bool) -> Document:
    """A service_at_location with its place, without the service."""
    return nested(shelf, "service_at_location", link, secret=secret)


def organization_item(organization: Row) -> Document:
    """The standard's list item of an organization."""
    return columns("organization", organization)


def organization_detail(shelf: RelatedRows, organization: Row) -> Document:
    """An organization with all related rows, without its services."""
    secret = organization["confidential"]
    document = nested(shelf, "organization", organization, secret=secret)
    return document | _provenance(shelf, organization, secret=secret)


def as_id(value: UUID | None) -> str | None:
    """Convert an id to JSON."""
    return str(value) if value else None
