"""Builds the projection rows of one service, of each of its places, and of one organization."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import orjson

from directory import facets
from directory.models import OPEN_STATUSES
from directory.postcodes import postcode
from directory.projection import opening_hours, points
from directory.projection.entry_documents import (
    Document,
    as_id,
    intake,
    is_hidden,
    organization_detail,
    organization_item,
    place_detail,
    place_item,
    service_detail,
    service_item,
)
from directory.projection.prefetch import RelatedRows, Row
from directory.projection.projection_writer import Rendered
from directory.projection.search_text import of_organization, of_service
from directory.vocabulary import Key, ids_with_all_above


def _json(document: Document) -> str:
    return orjson.dumps(document).decode()


def add_service(shelf: RelatedRows, service: Row, now: datetime, rendered: Rendered) -> None:
    """Add one service to `rendered`: its listing, and a row for each of its places."""
    today = now.astimezone(opening_hours.zone_of(None, now.date())).date()
    organization = shelf.row("organization", service["organization_id"])
    assert organization is not None
    hidden = is_hidden(service, organization)
    links = _links(shelf, service)
    shown = [pair for pair in links if hidden or not pair[1]["confidential"]]
    terms = _terms(shelf, service, shown)
    term_ids = _ids_of(shelf, terms)
    rendered.listings[hidden].append(
        {
            "id": str(service["id"]),
            "organization_id": str(organization["id"]),
            "name": service["name"],
            "organization_name": organization["name"],
            "status": service["status"],
            "answered_by": as_id(service["answered_by_id"]),
            "intake": intake(shelf, service),
            "victimization_types": list(service["victimization_types"]),
            "taxonomy_term_ids": term_ids,
            "phones": _phones_to_ring(shelf, service, shown),
            "assured_date": service["assured_date"] and service["assured_date"].isoformat(),
            "last_modified": service["last_modified"].isoformat(),
            "document": _json(service_item(shelf, service)),
            "full_document": _json(service_detail(shelf, service)),
        }
    )
    for secret, place in _places(shelf, service, hidden, links, shown, terms, term_ids, today):
        rendered.places[secret].append(place)


def _terms(shelf: RelatedRows, service: Row, pairs: list[tuple[Row, Row]]) -> list[Row]:
    """The terms of the service itself, its organization and these places."""
    bearers = [("service", service["id"]), ("organization", service["organization_id"])]
    return shelf.terms_of([*bearers, *(("location", location["id"]) for _, location in pairs)])


def _ids_of(shelf: RelatedRows, terms: list[Row]) -> list[str]:
    return sorted(
        {str(same["id"]) for term in terms for same in shelf.translations_of(term)}
        | {str(one) for term in terms for one in ids_with_all_above(shelf.meanings_of(term))}
    )


def _links(shelf: RelatedRows, service: Row) -> list[tuple[Row, Row]]:
    found = []
    for link in shelf.children_of("service_at_location", "service_id", service["id"]):
        location = shelf.row("location", link["location_id"])
        assert location is not None
        found.append((link, location))
    return found


def _places(
    shelf: RelatedRows,
    service: Row,
    hidden: bool,
    links: list[tuple[Row, Row]],
    shown: list[tuple[Row, Row]],
    terms: list[Row],
    term_ids: list[str],
    today: date,
) -> Iterator[tuple[bool, Document]]:
    """The search rows. A public service's first row covers only its public places; a row of a
    confidential place is for the network, and is never the first."""
    whole = _filters(shelf, service, terms, shown)
    spoken = of_service(shelf, service, terms, shown)
    common: Document = {
        "service_id": str(service["id"]),
        "organization_id": str(service["organization_id"]),
        "name": service["name"],
        "open": service["status"] in OPEN_STATUSES,
        "answered_by": as_id(service["answered_by_id"]),
        "minimum_age": service["minimum_age"],
        "maximum_age": service["maximum_age"],
        "taxonomy_term_ids": term_ids,
        "last_modified": service["last_modified"].isoformat(),
        "hours_until": _until(today),
        **spoken,
    }
    foremost = shown[0] if shown else None
    yield (
        hidden,
        {
            **common,
            **_place(shelf, service, foremost, hidden, today),
            "first": True,
            "alone": len(shown) < 2,
            "position": 0,
            "facets": sorted(whole | (_here(shelf, foremost[1]) if foremost else set())),
            "postcodes": sorted(_postcodes(shelf, service, shown)),
        },
    )
    for position, pair in enumerate(links):
        if pair is foremost:
            continue
        secret = bool(hidden or pair[1]["confidential"])
        bears = term_ids
        if pair not in shown:
            bears = _ids_of(shelf, _terms(shelf, service, [*shown, pair]))
        yield (
            secret,
            {
                **common,
                **_place(shelf, service, pair, secret, today),
                "first": False,
                "alone": False,
                "position": position,
                "taxonomy_term_ids": bears,
                "facets": sorted(whole | _here(shelf, pair[1])),
                "postcodes": sorted(_postcodes(shelf, service, [pair])),
            },
        )


def _place(
    shelf: RelatedRows, service: Row, pair: tuple[Row, Row] | None, secret: bool, today: date
) -> Document:
    """The columns of one place: its id, its documents, its point and its opening hours."""
    link, location = pair or (None, None)
    own = [("service_at_location", link), ("service", service), ("location", location)]
    kept = [(table, row) for table, row in own if row]
    schedules: list[Row] = []
    for table, row in kept:  # the most specific: this service here, the service, the place
        schedules = schedules or shelf.children_of("schedule", f"{table}_id", row["id"])
    holidays = [
        row
        for table, parent in kept
        for row in shelf.children_of("holiday_schedule", f"{table}_id", parent["id"])
    ]
    open_hours = opening_hours.as_multirange(opening_hours.spans(schedules, holidays, today))
    if link is None or location is None:
        return {"id": str(service["id"]), "open_hours": open_hours, **_NOWHERE}
    addresses = shelf.children_of("address", "location_id", location["id"])
    stand = points.NOWHERE if secret else points.stand_of(location, addresses, shelf.middles)
    return {
        "id": str(link["id"]),
        "location_id": str(location["id"]),
        "document": _json(place_item(shelf, link, service, location, secret)),
        "full_document": _json(place_detail(shelf, link, secret)),
        "point": stand.point,
        "middle_of": stand.middle_of,
        "open_hours": open_hours,
    }


_NOWHERE: Document = {
    "location_id": None,
    "document": "",
    "full_document": "",
    **points.NOWHERE._asdict(),
}


def _until(today: date) -> str:
    return (today + timedelta(opening_hours.AHEAD_DAYS)).isoformat()


def _filters(
    shelf: RelatedRows, service: Row, terms: list[Row], pairs: list[tuple[Row, Row]]
) -> set[str]:
    phones = shelf.children_of("phone", "service_id", service["id"])
    languages = shelf.children_of("language", "service_id", service["id"])
    for _, location in pairs:
        languages = languages + shelf.children_of("language", "location_id", location["id"])
    for phone in phones:
        languages = languages + shelf.children_of("language", "phone_id", phone["id"])
    return facets.of_service(
        service,
        intake=intake(shelf, service),
        languages=languages,
        costs=shelf.children_of("cost_option", "service_id", service["id"]),
        keys=_keys(shelf, service, terms),
        accessibility=[
            row
            for _, location in pairs
            for row in shelf.children_of("accessibility", "location_id", location["id"])
        ],
    )


def _keys(shelf: RelatedRows, service: Row, terms: list[Row]) -> set[Key]:
    """The terms of our own taxonomies that it has, or that its other terms mean."""
    own = shelf.own_term_ids("service", service["id"])
    own |= shelf.own_term_ids("organization", service["organization_id"])
    keys: set[Key] = set()
    for term in terms:
        if term["id"] in own:
            taxonomy = shelf.row("taxonomy", term["taxonomy_id"])
            keys |= shelf.meanings_of(term)
            if taxonomy and not shelf.is_licensed(term):
                keys.add((taxonomy["external_id"], term["code"]))
    return keys


def _here(shelf: RelatedRows, location: Row) -> set[str]:
    rows = shelf.children_of("accessibility", "location_id", location["id"])
    return {f"here:{code}" for code in facets.access_codes(rows)}


def _postcodes(shelf: RelatedRows, service: Row, pairs: list[tuple[Row, Row]]) -> set[str]:
    """The postcodes of its addresses and its service areas; US codes with five digits."""
    found = {
        str(row["postal_code"])
        for _, location in pairs
        if not location["confidential"]
        for row in shelf.children_of("address", "location_id", location["id"])
    }
    areas = shelf.children_of("service_area", "service_id", service["id"])
    for link, _ in pairs:
        areas = areas + shelf.children_of("service_area", "service_at_location_id", link["id"])
    for area in areas:
        found |= set(re.findall(r"\b\d{5}\b", f"{area['name']} {area['extent']}"))
    return {postcode(code) for code in found if code.strip()}


def _phones_to_ring(
    shelf: RelatedRows, service: Row, pairs: list[tuple[Row, Row]]
) -> list[Document]:
    """Every number a person can call: the service's first, then its places', its organization's."""
    sources = [("service_id", service["id"])]
    for link, location in pairs:
        sources += [("service_at_location_id", link["id"]), ("location_id", location["id"])]
    sources.append(("organization_id", service["organization_id"]))
    found: dict[tuple[str, str], Document] = {}
    for column, parent in sources:
        for row in shelf.children_of("phone", column, parent):
            if row["type"].lower() != "fax":
                phone: Document = {
                    name: row[name] for name in ("number", "extension", "type", "description")
                }
                digits = re.sub(r"\D", "", row["number"]).removeprefix("1")
                found.setdefault((digits or row["number"], row["extension"]), phone)
    return list(found.values())


def add_organization(
    shelf: RelatedRows, organization: Row, now: datetime, rendered: Rendered
) -> None:
    """Add one organization's row to `rendered`."""
    row_id = organization["id"]
    full = _json(organization_detail(shelf, organization))
    rendered.organizations[organization["confidential"]].append(
        {
            "id": str(row_id),
            "name": organization["name"],
            "last_modified": now.isoformat(),
            "document": _json(organization_item(organization)),
            "full_document": full,
            **of_organization(shelf, organization),
        }
    )
