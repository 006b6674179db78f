"""Normalizes documents that resemble HSDS but have other wrappers, names or shapes.

Its cases come from documents that scrapers and language models write: `{"organization": {…},
"services": […]}`, `street_address`, `coordinates`, one object where a list belongs. Notes record
what was moved or renamed. The reader leaves out unknown members and says so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from directory.hsds.schema import LISTS, ONES, TABLES
from directory.importing import coercion
from directory.importing.legacy_versions import STATES

Document: TypeAlias = dict[str, Any]

WRAPPERS = ("contents", "data", "payload", "organizations", "results", "items")
DEPTH = 20
NEAR = 0.02  # degrees: about two kilometers
RRULE_DAYS = re.compile(r"[-+\d]*[A-Z]{2}(?:,[-+\d]*[A-Z]{2})*")

_NAMES: Mapping[str, Mapping[str, str]] = {  # other names of a member → its name
    "organization": {
        "nickname": "alternate_name",
        "alternate_names": "alternate_name",
        "aliases": "alternate_name",
        "emails": "email",
        "email_addresses": "email",
        "url": "website",
        "urls": "website",
        "websites": "website",
        "phone": "phones",
        "phone_numbers": "phones",
        "contact_phones": "phones",
        "address": "addresses",
        "location": "locations",
        "service": "services",
        "contact": "contacts",
        "contact_info": "contacts",
        "contact_points": "contacts",
        "oid": "id",
        "hs_id": "id",
    },
    "service": {
        "service_name": "name",
        "service_status": "status",
        "alternate_names": "alternate_name",
        "emails": "email",
        "urls": "url",
        "phone": "phones",
        "schedule": "schedules",
        "location": "locations",
        "service_area": "service_areas",
        "language": "languages",
        "address": "addresses",
        "eligibility": "eligibility_description",
        "eligibility_requirements": "eligibility_description",
        "hs_id": "id",
    },
    "location": {
        "location_id": "id",
        "location_name": "name",
        "alternate_names": "alternate_name",
        "urls": "url",
        "phone": "phones",
        "schedule": "schedules",
        "contact": "contacts",
        "language": "languages",
    },
    "address": {
        "type": "address_type",
        "street": "address_1",
        "street1": "address_1",
        "street_address": "address_1",
        "street_address_1": "address_1",
        "line1": "address_1",
        "address": "address_1",
        "street2": "address_2",
        "street_2": "address_2",
        "street_address_2": "address_2",
        "line2": "address_2",
        "locality": "city",
        "state_province_code": "state_province",
        "state": "state_province",
        "zip": "postal_code",
        "zip_code": "postal_code",
        "country_code": "country",
    },
    "phone": {
        "phone_number": "number",
        "phone_type": "type",
        "ext": "extension",
        "notes": "description",
        "language": "languages",
    },
    "contact": {"phone": "phones", "contact_name": "name", "emails": "email"},
    "schedule": {
        "start_time": "opens_at",
        "open_time": "opens_at",
        "time_open": "opens_at",
        "time_start": "opens_at",
        "end_time": "closes_at",
        "close_time": "closes_at",
        "time_close": "closes_at",
        "time_end": "closes_at",
        "days": "byday",
        "day": "byday",
        "days_of_week": "byday",
        "day_of_week": "byday",
        "weekday": "byday",
        "start_date": "valid_from",
        "effective_date": "valid_from",
        "end_date": "valid_to",
        "exception_note": "notes",
    },
    "service_area": {"area_type": "extent_type", "notes": "description"},
}
_ADDRESS = ("address_1", "city", "state_province", "postal_code", "country")
_WHERE = {*_ADDRESS, "address_2", "region", "attention", *_NAMES["address"]} - {"address", "type"}


@dataclass
class NormalizedDocument:
    """One document of the standard. `notes`: the corrections, by pointer into the document."""

    table: str
    document: Document
    notes: dict[str, list[str]] = field(default_factory=dict)


def normalize(document: Mapping[str, Any]) -> list[NormalizedDocument]:
    """The standard's documents in `document`; [] if there are none."""
    found = []
    for table, one, notes in _unwrapped(document, 0):
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


# -- Unwrapping -----------------------------------------------------------------------------------


def _unwrapped(document: Any, depth: int) -> Iterator[tuple[str, Document, list[str]]]:
    if isinstance(document, list):
        for one in document:
            yield from _unwrapped(one, depth + 1)
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
            yield from _unwrapped(said[member], depth + 1)
            return
    organizations = [
        dict(one)
        for member in ("organization", "organizations")
        for one in _as_list(said.get(member))
        if isinstance(one, Mapping)
    ]
    beside = {
        member: [one for one in _as_list(said[member]) if isinstance(one, Mapping)]
        for member in said
        if member
        in {"services", "service", "locations", "location", "phones", "phone", "phone_numbers"}
        | {"contacts", "contact_info", "contact_points", "addresses", "schedules", "programs"}
    }
    if not organizations:
        for one in [*beside.get("services", ()), *beside.get("service", ())]:
            yield "service", dict(one), ["stands without an organization"]
        return
    by_id = {str(one.get("id")): one for one in organizations if one.get("id")}
    notes: dict[int, list[str]] = {id(one): [] for one in organizations}
    for member, rows in beside.items():
        plural = _NAMES["organization"].get(member, member)
        for row in rows:
            owner = by_id.get(str(row.get("organization_id"))) or organizations[0]
            owner[plural] = [*_as_list(owner.get(plural)), dict(row)]
            notes[id(owner)].append(f"{member}: stood beside it, put inside")
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


# -- Contents -------------------------------------------------------------------------------------


def _right(table: str, document: Document, at: str, notes: dict[str, list[str]]) -> Document:
    said = notes.setdefault(at, [])
    found = _renamed(table, document, said)
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


def _renamed(table: str, document: Document, said: list[str]) -> Document:
    names = _NAMES.get(table, {})
    found: Document = {}
    for member, value in document.items():
        name = names.get(member, member)
        if name in TABLES[table].columns and isinstance(value, list | dict):
            value = _one(value)
        if name == member:
            found[name] = value if found.get(name) in (None, "", []) else found[name]
        elif found.get(name) in (None, "", []) and document.get(name) in (None, "", []):
            found[name] = value
            if value not in (None, "", []):
                said.append(f"{member}: taken as {name}")
    return found


def _one(value: Any) -> Any:
    """One text from a list of texts, or from an object that contains a text."""
    if isinstance(value, Mapping):
        for member in ("description", "text", "name", "url", "email", "address", "value", "notes"):
            if isinstance(value.get(member), str):
                return value[member]
        return None
    parts = [_one(one) if isinstance(one, Mapping) else one for one in value]
    return ", ".join(str(part) for part in parts if part not in (None, "")) or None


def _rows(member: str, child: str, value: Any, said: list[str]) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        said.append(f"{member}: one object, taken as a list of one")
    for one in _as_list(value):
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


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _schedules_of_all(found: Document, said: list[str]) -> None:
    """Move schedules next to the services into the service that they name, or the only one."""
    services = [one for one in _as_list(found.get("services")) if isinstance(one, dict)]
    for schedule in _as_list(found.pop("schedules", None)):
        if not isinstance(schedule, Mapping) or not services:
            continue
        named = [s for s in services if s.get("id") and s["id"] == schedule.get("service_id")]
        if named or len(services) == 1:
            service = (named or services)[0]
            member = "schedule" if "schedule" in service else "schedules"
            service[member] = [*_as_list(service.get(member)), dict(schedule)]
            said.append("schedules: stood beside the services, put inside")


def _places(table: str, found: Document, said: list[str]) -> None:
    """Turn addresses, and a service's list of places, into locations with addresses."""
    places = [one for one in _as_list(found.get("locations")) if one not in (None, "")]
    for one in _as_list(found.pop("addresses", None)):
        if isinstance(one, Mapping):
            inside = {k: v for k, v in one.items() if k not in ("id", "coordinates", "metadata")}
            place = {k: one[k] for k in ("id", "coordinates", "location_type") if k in one}
            places.append({**place, "addresses": [inside]})
            said.append("addresses: put into a location")
    if table == "organization":
        for place in places:
            services = place.pop("services", None) if isinstance(place, dict) else None
            for service in _as_list(services):
                if isinstance(service, Mapping):
                    moved = {**service, "locations": [dict(place)]}
                    found["services"] = [*_as_list(found.get("services")), moved]
                    said.append("services: stood inside a location, put beside it")
        if places:
            found["locations"] = places
        return
    found.pop("locations", None)
    ids = [found.pop("location_id", None), *_as_list(found.pop("location_ids", None))]
    links = [*_as_list(found.get("service_at_locations"))]
    for place in places:
        if isinstance(place, Mapping):
            links.append({"location": dict(place)})
        else:
            ids.append(place)
    for key in dict.fromkeys(str(one) for one in ids if one):
        links.append({"location_id": key})
    if len(links) > len(_as_list(found.get("service_at_locations"))):
        said.append("locations: taken as service_at_locations")
        found["service_at_locations"] = links


def _address_inside(found: Document, said: list[str]) -> None:
    """Move a location's address from its own columns, one object or a text into `addresses`."""
    inside = found.pop("address", None)
    own = {k: found.pop(k) for k in list(found) if k in _WHERE and k not in ("region",)}
    addresses = [*_as_list(found.get("addresses")), *_as_list(inside)]
    if any(own.get(k) for k in own if _NAMES["address"].get(k, k) in _ADDRESS[:4]):
        if isinstance(inside, str):
            addresses = [*_as_list(found.get("addresses"))]
            own["address_1"] = inside
        addresses.append(own)
        said.append("its address stood in its own columns")
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
            if any(v for k, v in one.items() if _NAMES["address"].get(k, k) in _ADDRESS[:4]):
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
        inside = [one for one in _as_list(found.get(member)) if isinstance(one, Mapping)]
        if len(inside) == 1:
            del found[member]
            more = _renamed("schedule", dict(inside[0]), [])
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
    kind = _one(kind) if isinstance(kind, list | dict) else kind
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
