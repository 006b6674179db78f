"""Consent: the survivor's releases of one referral, to those who answer for it."""

from uuid import UUID

from django.http import HttpRequest

from api.fhir import names
from api.fhir.endpoint import FhirEndpoint
from api.fhir.shown import searches
from api.fhir.shown.consents import consent
from api.http.json_bodies import Answer
from permissions.errors import BadRequest
from referrals.releases import records


class Consents(FhirEndpoint):
    """The releases of one referral, newest first, with those that ended. A release is recorded in
    a transaction, and changed by the acts of /v1."""

    query = ("data", "_format")

    def get(self, request: HttpRequest) -> Answer:
        given = searches.parameters_of(request, self.query)
        referral_id = names.id_in(given.get("data", ""), "Task")
        if referral_id is None:
            raise BadRequest("invalid", "Enter Task/ and its id.", "data")
        kept = records.list_releases(self.principal, referral_id)
        return self.shown(searches.bundle("Consent", given, map(consent, kept), (), None))


class Consent(FhirEndpoint):
    def get(self, request: HttpRequest, release_id: UUID) -> Answer:
        return self.shown(consent(records.read_release(self.principal, release_id)))
