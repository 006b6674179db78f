"""AuditEvent: the access log of the own agency's people and systems, for its auditors."""

from uuid import UUID

from django.http import HttpRequest

from api.fhir import names
from api.fhir.endpoint import FhirEndpoint
from api.fhir.shown import searches
from api.fhir.shown.audit_events import audit_event
from api.http import cursors
from api.http.endpoints import moment_parameter, page_size
from api.http.json_bodies import Answer
from permissions.audit import queries
from permissions.audit.queries import Filters
from permissions.errors import BadRequest
from referrals.queries.lists import Place


class AuditEvents(FhirEndpoint):
    """The entries, newest first. They are those of GET /v1/access-log, under the same rules."""

    query = ("date", "agent", "entity", "patient", "_count", "cursor", "_format")

    def get(self, request: HttpRequest) -> Answer:
        given = searches.parameters_of(request, self.query)
        limit = page_size(given.get("_count"), queries.MAX_PAGE)
        filters = _filters(given)
        scope = f"fhir:AuditEvent:{filters.scope}"
        after = cursors.from_cursor(self.principal, scope, given.get("cursor"))
        page = queries.access_log(self.principal, filters, after=after, limit=limit)
        place = Place(*page.next) if page.next else None
        cursor = cursors.to_cursor(self.principal, scope, place)
        made = [audit_event(entry, page.names) for entry in page.entries]
        following = given | {"cursor": cursor} if cursor else None
        return self.shown(searches.bundle("AuditEvent", given, made, (), following))


def _filters(given: dict[str, str]) -> Filters:
    """Read what is asked for. Raises BadRequest for a value that makes no sense: an auditor could
    take an empty list for "no one did this"."""
    since, until = None, None
    if text := given.get("date"):
        moment = moment_parameter(text[2:], "date")
        match text[:2]:
            case "ge":
                since = moment
            case "lt":
                until = moment
            case _:
                raise BadRequest("invalid", "Enter ge or lt and a time with its zone.", "date")
    referral_id = None
    if "entity" in given:
        referral_id = names.id_in(given["entity"], "Task")
        if referral_id is None:
            raise BadRequest("invalid", "Enter Task/ and its id.", "entity")
    return Filters(
        member_id=_id(given, "agent"),
        subject=_id(given, "patient"),
        referral_id=referral_id,
        since=since,
        until=until,
    )


def _id(given: dict[str, str], name: str) -> UUID | None:
    """Read an id, also one that is written as an identifier, such as |01890000-…"""
    text = given.get(name)
    if text is None:
        return None
    try:
        return UUID(text.rpartition("|")[2])
    except ValueError:
        raise BadRequest("invalid", "Enter an id of the log.", name) from None
