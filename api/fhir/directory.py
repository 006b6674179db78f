"""HealthcareService, Location and Organization: the directory, from the same documents as /v1.

Public like it, without a token (T0); with one, the network's confidential services are there too
(T1). A confidential place has no address in any of them (R4).
"""

from uuid import UUID

import orjson
from django.http import HttpRequest

from api.fhir import names
from api.fhir.endpoint import FhirEndpoint
from api.fhir.shown import entries, searches
from api.http.endpoints import page_size
from api.http.json_bodies import Answer
from api.v1.directory.answers import read
from directory import listings
from directory.search import retrieval
from directory.search.query import SearchQuery
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotVisible
from permissions.models import Agency

MOST = 50


class HealthcareServices(FhirEndpoint):
    public = True
    query = ("_id", "name", "organization", "_include", "_count", "page", "_format")

    def get(self, request: HttpRequest) -> Answer:
        given = searches.parameters_of(request, self.query)
        if given.get("_include") not in (None, "HealthcareService:location"):
            raise BadRequest("invalid", "Enter HealthcareService:location.", "_include")
        number, per_page = _whole(given.get("page", "1")), page_size(given.get("_count"), MOST)
        asked = SearchQuery(words=given.get("name", ""), organization_id=_organization(given))
        with identified_transaction(self.principal):
            if "_id" in given:
                one = listings.find(self.principal, _service(given["_id"]))
                found, more = [one] if one else [], False
            else:
                page = listings.search(self.principal, asked, page=number, per_page=per_page)
                found, more = list(page.items), not page.last
        following = given | {"page": str(number + 1)} if more else None
        made = map(entries.healthcare_service, found)
        places = entries.locations(found) if "_include" in given else ()
        return self.shown(searches.bundle("HealthcareService", given, made, places, following))


class HealthcareService(FhirEndpoint):
    public = True

    def get(self, request: HttpRequest, service_id: UUID) -> Answer:
        with identified_transaction(self.principal):
            found = listings.find(self.principal, service_id)
        if found is None:
            raise NotVisible
        return self.shown(entries.healthcare_service(found))


class Organization(FhirEndpoint):
    """An organization of the directory, or an agency of the network for who is in it."""

    public = True

    def get(self, request: HttpRequest, organization_id: UUID) -> Answer:
        document = read(
            self.principal,
            lambda using, _now: retrieval.organization(
                self.principal, organization_id, False, using
            ),
        )
        if document is not None:
            return self.shown(entries.organization(orjson.loads(document)))
        if self.principal is not None:
            with identified_transaction(self.principal):
                agency = Agency.objects.filter(
                    id=organization_id, active=True, practice_of=None
                ).first()
            if agency is not None:
                return self.shown(entries.agency(agency))
        raise NotVisible


class Location(FhirEndpoint):
    """Where a service is. Its id is that of the service at this place (HSDS's
    service_at_location)."""

    public = True

    def get(self, request: HttpRequest, place_id: UUID) -> Answer:
        document = read(
            self.principal,
            lambda using, _now: retrieval.detail(
                self.principal, "service_at_location", place_id, using
            ),
        )
        if document is None:
            raise NotVisible
        return self.shown(entries.location(orjson.loads(document)))


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 6 and int(text) > 0):
        raise BadRequest("invalid", "Enter a whole number from 1.", "page")
    return int(text)


def _organization(given: dict[str, str]) -> UUID | None:
    """Read the organization that is asked for. Raises BadRequest."""
    text = given.get("organization")
    if text is None:
        return None
    found = names.id_in(text if "/" in text else f"Organization/{text}", "Organization")
    if found is None:
        raise BadRequest("invalid", "Enter Organization/ and its id.", "organization")
    return found


def _service(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)  # which no service has
