"""Services, places and organizations of the directory as FHIR's resources, from their documents in
HSDS. What FHIR has no element for is left to /v1/directory, where nothing is left out."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from api.fhir import names
from directory.listings import Listing
from permissions.models import Agency

Document = dict[str, Any]
_SYSTEMS = {"fax": "fax", "sms": "sms", "textphone": "other", "pager": "pager"}


def healthcare_service(listing: Listing) -> dict[str, Any]:
    """Return a service. Who answers referrals to it is the owner of their Tasks; without one it is
    reached by phone only."""
    document: Document = orjson.loads(listing.document)
    links = document.get("service_at_locations", ())
    made: dict[str, Any] = {
        "resourceType": "HealthcareService",
        "id": str(listing.id),
        "active": listing.status == "active",
        "providedBy": names.reference(
            "Organization", listing.organization_id, listing.organization_name
        ),
        "name": listing.name,
        "comment": document.get("description"),
        "extraDetails": document.get("eligibility_description"),
        "telecom": [_phone(one.number, one.extension, one.type) for one in listing.phones],
        "location": [names.reference("Location", one["id"]) for one in links],
        "availabilityExceptions": document.get("alert"),
        "extension": [
            {
                "url": names.extension("intake"),
                "valueCode": listing.intake,
            }
        ],
    }
    if listing.answered_by is not None:
        made["extension"].append(
            {
                "url": names.extension("answered_by"),
                "valueReference": names.reference("Organization", listing.answered_by),
            }
        )
    if document.get("email"):
        made["telecom"].append({"system": "email", "value": document["email"]})
    return _without_empty(made)


def locations(services: Iterable[Listing]) -> Iterator[dict[str, Any]]:
    """Return the places of these services, each with its own."""
    for service in services:
        document: Document = orjson.loads(service.document)
        for place in document.get("service_at_locations", ()):
            yield location(place | {"service": document})


def location(place: Document) -> dict[str, Any]:
    """Return a service's place from its service_at_location. A confidential one has neither
    address nor point, as in its document (R4)."""
    there = place["location"]
    made: dict[str, Any] = {
        "resourceType": "Location",
        "id": place["id"],
        "status": "active",
        "mode": "instance",
        "name": there.get("name"),
        "description": place.get("description") or there.get("description"),
        "telecom": _phones(place),
        "address": _address(there),
    }
    if "latitude" in there and "longitude" in there:
        made["position"] = {"latitude": there["latitude"], "longitude": there["longitude"]}
    if organization := place.get("service", {}).get("organization"):
        made["managingOrganization"] = names.reference(
            "Organization", organization["id"], organization.get("name")
        )
    return _without_empty(made)


def organization(document: Document) -> dict[str, Any]:
    """Return an organization of the directory."""
    telecom = _phones(document)
    if document.get("email"):
        telecom.append({"system": "email", "value": document["email"]})
    if document.get("website"):
        telecom.append({"system": "url", "value": document["website"]})
    made = {
        "resourceType": "Organization",
        "id": document["id"],
        "active": True,
        "name": document["name"],
        "alias": [document["alternate_name"]] if document.get("alternate_name") else [],
        "telecom": telecom,
    }
    return _without_empty(made)


def agency(found: Agency) -> dict[str, Any]:
    """Return an agency of the network: it sends referrals or answers them."""
    return {
        "resourceType": "Organization",
        "id": str(found.id),
        "active": found.active,
        "name": found.name,
    }


def _phones(document: Document) -> list[dict[str, str]]:
    return [
        _phone(one["number"], str(one.get("extension", "")), one.get("type", ""))
        for one in document.get("phones", ())
    ]


def _phone(number: str, extension: str, kind: str) -> dict[str, str]:
    value = f"{number} x{extension}" if extension else number
    return {"system": _SYSTEMS.get(kind, "phone"), "value": value}


def _address(place: Document) -> dict[str, Any]:
    """Return the first address of a location; {} if it has none that may be shown."""
    for row in place.get("addresses", ()):
        made = {
            "line": [row[name] for name in ("address_1", "address_2") if row.get(name)],
            "city": row.get("city"),
            "state": row.get("state_province"),
            "postalCode": row.get("postal_code"),
            "country": row.get("country"),
        }
        return _without_empty(made)
    return {}


def _without_empty(made: dict[str, Any]) -> dict[str, Any]:
    """FHIR allows no empty element."""
    return {name: value for name, value in made.items() if value not in (None, "", [], {})}
