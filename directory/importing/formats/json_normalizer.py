"""Normalizes documents that resemble HSDS but have other wrappers, names or shapes.

Its cases come from documents that scrapers and language models write: `{"organization": {…},
"services": […]}` (json_wrappers.py), `street_address` (json_members.py), `coordinates`, one object
where a list belongs. Notes record what was moved or renamed. The reader leaves out unknown members
and says so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from directory.hsds.schema import LISTS, ONES, TABLES
from directory.importing import coercion
from directory.importing.formats.json_members import (
    NAMES,
    Document,
    as_list,
    one_text,
    rename_members,
)
from directory.importing.formats.json_wrappers import unwrap
from directory.importing.formats.legacy_versions import STATES

NEAR = 0.02  # degrees: about two kilometers
RRULE_DAYS = re.compile(r"[-+\d]*[A-Z]{2}(?:,[-+\d]*[A-Z]{2})*")
_ADDRESS = ("address_1", "city", "state_province", "postal_code", "country")
_WHERE = {*_ADDRESS, "address_2", "region", "attention", *NAMES["address"]} - {"address", "type"}


@dataclass
class NormalizedDocument:
    """One document of the standard. `notes`: the corrections, by pointer into the document."""

    table: str
    document: Document
    notes: dict[str, list[str]] = field(default_factory=dict)


def normalize(document: Mapping[str, Any]) -> list[NormalizedDocument]:
    """The standard's documents in `document`; [] if there are none."""
    found = []
    for table, one, notes in unwrap(document, 0):
        put = NormalizedDocument(table, {}, {})
        put.document = _right(table, one, "", put.notes)
        put.notes.setdefault("", [])[:0] = notes
        _nearly_the_same(put)
        found.append(put)
    return found


def _nearly_the_same(put: NormalizedDocument) -> None:
    """Give a repeated place its first coordinates, if they differ a little: geocoders disagree."""
    first: dict[str, Document] = {}
    for at, place in _places_in(put.document, ""):
        there = first.setdefault(str(place["id"]), place)
        for column in ("latitude", "longitude"):
            here, said = there.get(column), place.get(column)
            if isinstance(here, float) and isinstance(said, float) and 0 < abs(here - said) < NEAR:
                place[column] = here
                put.notes.setdefault(at, []).append(f"{column}: elsewhere a little different")


def _places_in(value: Any, at: str) -> Iterator[tuple[str, Document]]:
    if isinstance(value, dict):
        if value.get("id") and "latitude" in value:
            yield at, value
        for member, inside in value.items():
            yield from _places_in(inside, f"{at}/{member}")
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from _places_in(inside, f"{at}/{index}")


def _right(table: str, document: Document, at: str, notes: dict[str, list[str]]) -> Document:
    said = notes.setdefault(at, [])
    found = rename_members(table, document, said)
    if table == "organization":
        _schedules_of_all(found, said)
    if table in ("organization", "service"):
        _places(table, found, said)
    elif table == "location":
        _address_inside(found, said)
        _coordinates(found, said)
    elif table == "address":
        _lines_of(found, said)
    elif table == "schedule":
        _days(found, said)
    elif table == "service_area" and not found.get("name"):
        parts = [str(found[c]) for c in ("city", "state_province", "postal_code") if found.get(c)]
        if parts:
            found["name"] = ", ".join(parts)
            said.append("name: none given, made of its place")
    if table == "service":
        _call_service(found, said)
    _metadata(found, said)
    for member, (child, _) in LISTS.get(table, {}).items():
        if member in found:
            found[member] = [
                _right(child, dict(one), f"{at}/{member}/{index}", notes)
                for index, one in enumerate(_rows(member, child, found[member], said))
            ]
    for member, (other, _) in ONES.get(table, {}).items():
        if isinstance(found.get(member), Mapping):
            found[member] = _right(other, dict(found[member]), f"{at}/{member}", notes)
        elif member in found and member not in TABLES[table].columns:
            said.append(f"{member}: not an object, left out")
            del found[member]
    return found


def _rows(member: str, child: str, value: Any, said: list[str]) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        said.append(f"{member}: one object, taken as a list of one")
    for one in as_list(value):
        if isinstance(one, Mapping):
            yield one
        elif isinstance(one, str) and one and "name" in TABLES[child].columns:
            said.append(f"{member}: a word, taken as its name")
            yield {"name": one}
        elif isinstance(one, str) and one and child == "phone":
            said.append(f"{member}: a number, taken as a telephone")
            yield {"number": one}
        elif one not in (None, ""):
            said.append(f"{member}: neither an object nor a name, left out")


def _schedules_of_all(found: Document, said: list[str]) -> None:
    """Move schedules next to the services into the service that they name, or the only one."""
    services = [one for one in as_list(found.get("services")) if isinstance(one, dict)]
    for schedule in as_list(found.pop("schedules", None)):
        if not isinstance(schedule, Mapping) or not services:
            continue
        named = [s for s in services if s.get("id") and s["id"] == schedule.get("service_id")]
        if named or len(services) == 1:
            service = (named or services)[0]
            member = "schedule" if "schedule" in service else "schedules"
            service[member] = [*as_list(service.get(member)), dict(schedule)]
            said.append("schedules: were next to the services, moved into them")


def _places(table: str, found: Document, said: list[str]) -> None:
    """Turn addresses, and a service's list of places, into locations with addresses."""
    places = [one for one in as_list(found.get("locations")) if one not in (None, "")]
    for one in as_list(found.pop("addresses", None)):
        if isinstance(one, Mapping):
            inside = {k: v for k, v in one.items() if k not in ("id", "coordinates", "metadata")}
            place = {k: one[k] for k in ("id", "coordinates", "location_type") if k in one}
            places.append({**place, "addresses": [inside]})
            said.append("addresses: put into a location")
    if table == "organization":
        for place in places:
            services = place.pop("services", None) if isinstance(place, dict) else None
            for service in as_list(services):
                if isinstance(service, Mapping):
                    moved = {**service, "locations": [dict(place)]}
                    found["services"] = [*as_list(found.get("services")), moved]
                    said.append("services: were inside a location, moved next to it")
        if places:
            found["locations"] = places
        return
    found.pop("locations", None)
    ids = [found.pop("location_id", None), *as_list(found.pop("location_ids", None))]
    links = [*as_list(found.get("service_at_locations"))]
    for place in places:
        if isinstance(place, Mapping):
            links.append({"location": dict(place)})
        else:
            ids.append(place)
    for key in dict.fromkeys(str(one) for one in ids if one):
        links.append({"location_id": key})
    if len(links) > len(as_list(found.get("service_at_locations"))):
        said.append("locations: taken as service_at_locations")
        found["service_at_locations"] = links


def _address_inside(found: Document, said: list[str]) -> None:
    """Move a location's address from its own columns, one object or a text into `addresses`."""
    inside = found.pop("address", None)
    own = {k: found.pop(k) for k in list(found) if k in _WHERE and k not in ("region",)}
    addresses = [*as_list(found.get("addresses")), *as_list(inside)]
    if any(own.get(k) for k in own if NAMES["address"].get(k, k) in _ADDRESS[:4]):
        if isinstance(inside, str):
            addresses = [*as_list(found.get("addresses"))]
            own["address_1"] = inside
        addresses.append(own)
        said.append("its address was in its own columns")
    whole = []
    for one in addresses:
        if isinstance(one, str):
            one = {"address_1": one}
        if isinstance(one, Mapping):
            one = dict(one)
            for member in ("coordinates", "latitude", "longitude", "location_type"):
                value = one.pop(member, None)
                if value not in (None, "") and found.get(member) in (None, "", [], {}):
                    found[member] = value
            if any(v for k, v in one.items() if NAMES["address"].get(k, k) in _ADDRESS[:4]):
                whole.append(one)
            elif any(one.values()):
                said.append("addresses: one without a street or city, left out")
    if whole or "addresses" in found:
        found["addresses"] = whole


def _coordinates(found: Document, said: list[str]) -> None:
    for member in ("coordinates", "geo", "geo_location"):
        value = found.pop(member, None)
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            value = value[0]
        if isinstance(value, list) and len(value) == 2:
            value = {"latitude": value[0], "longitude": value[1]}
        if isinstance(value, Mapping) and found.get("latitude") in (None, ""):
            found["latitude"] = value.get("latitude", value.get("lat"))
            found["longitude"] = value.get("longitude", value.get("lng", value.get("lon")))
            said.append(f"{member}: taken as latitude and longitude")


def _lines_of(found: Document, said: list[str]) -> None:
    lines = found.pop("address_lines", None)
    if isinstance(lines, list) and lines and not found.get("address_1"):
        found["address_1"] = str(lines[0])
        if len(lines) > 1:
            found["address_2"] = ", ".join(str(one) for one in lines[1:])
        said.append("address_lines: taken as address_1 and address_2")
    if not found.get("country") and str(found.get("state_province")).upper() in STATES:
        found["country"] = "US"
        said.append("country: none given, taken as US from the state")


def _days(found: Document, said: list[str]) -> None:
    """Unnest hours from an inner object, write day names as RRULE's two letters, and turn a date
    into a schedule of one day."""
    for member in ("times", "time", "hours", "time_slots"):
        inside = [one for one in as_list(found.get(member)) if isinstance(one, Mapping)]
        if len(inside) == 1:
            del found[member]
            more = rename_members("schedule", dict(inside[0]), [])
            found |= {k: v for k, v in more.items() if found.get(k) in (None, "", [])}
            said.append(f"{member}: taken as its hours")
    for column, member in (("opens_at", "opens"), ("closes_at", "closes")):
        inside_one = found.get(member)
        if isinstance(inside_one, Mapping) and not found.get(column):
            found[column] = inside_one.get("time")
            del found[member]
    if found.get("date") and not found.get("freq"):
        day = found.pop("date")
        found |= {"valid_from": day, "valid_to": day, "dtstart": day}
        said.append("date: taken as a schedule of one day")
    if isinstance(found.get("byday"), str) and not RRULE_DAYS.fullmatch(found["byday"]):
        parts = re.split(r"[,;/]\s*|\s+and\s+", found["byday"])
        days = [str(coercion.weekday(part).value) for part in parts]
        if all(days):
            found["byday"] = ",".join(days)
            found.setdefault("freq", "WEEKLY")


def _call_service(found: Document, said: list[str]) -> None:
    """Name a service without a name by its type."""
    kind = found.get("service_type") or found.get("service_category") or found.get("category")
    kind = one_text(kind) if isinstance(kind, list | dict) else kind
    if not found.get("name") and kind:
        found["name"] = str(kind)
        said.append("name: none given, its type taken")


def _metadata(found: Document, said: list[str]) -> None:
    """Drop metadata that is one object without a history, after using its id if needed."""
    value = found.get("metadata")
    if isinstance(value, Mapping):
        if not found.get("id") and isinstance(value.get("id"), str | int):
            found["id"] = value["id"]
            said.append("id: taken from its metadata")
        del found["metadata"]
        said.append("metadata: no history of changes in it, left out")
