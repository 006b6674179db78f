"""What an auditor may ask the access log for: the query parameters and what they mean."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from api.http.endpoints import moment_parameter, uuid_parameter
from permissions.audit import actions
from permissions.audit.queries import Filters
from permissions.errors import BadRequest

ID = {"type": "string", "format": "uuid"}
_MOMENT = {"type": "string", "format": "date-time"}
FILTERS = (
    *("act", "decision", "member_id", "client_id", "referral_id", "subject", "purpose"),
    *("self_assigned", "since", "until", "agency_id", "practice"),
)
FILTER_PARAMETERS = [
    OpenApiParameter("act", enum=actions.acts(), description="An act of the access log."),
    OpenApiParameter("decision", enum=["allowed", "refused"]),
    OpenApiParameter("member_id", ID),
    OpenApiParameter("client_id", ID),
    OpenApiParameter(
        "referral_id",
        ID,
        description="What was done with this referral. `/v1/access-log/listings` says whose lists"
        " had it, and what was sent to webhooks.",
    ),
    OpenApiParameter(
        "subject",
        ID,
        description="Your agency's handle of a survivor. A refusal, a list, and a look before your"
        " agency's first act on a referral have none: find them by `referral_id`, and lists by"
        " `/v1/access-log/listings`.",
    ),
    OpenApiParameter("purpose", enum=sorted(actions.purposes())),
    OpenApiParameter(
        "self_assigned",
        enum=["true"],
        description="Only entries of members who assigned themselves.",
    ),
    OpenApiParameter("since", _MOMENT),
    OpenApiParameter("until", _MOMENT, description="Not included."),
    OpenApiParameter(
        "practice",
        enum=["true"],
        description="What your people did in exercises, instead of what they did live. Nothing of"
        " it is in any other answer.",
    ),
    OpenApiParameter(
        "agency_id", ID, description="An oversight auditor: whose entries, by their opt-in."
    ),
]


def filters_of(ask: Any) -> Filters:
    """Read the filters of a query. Raises BadRequest for a value that makes no sense: an auditor
    could take an empty list for "no one did this", or all entries for those that they asked for."""
    for name in FILTERS:
        if ask.get(name) == "":
            raise BadRequest("invalid", "It is empty. Enter a value, or leave it out.", name)
    if ask.get("act") not in (None, *actions.acts()):
        raise BadRequest(
            "unknown_code", "The log has no such act. An example is referral.read.", "act"
        )
    if ask.get("purpose") not in (None, *actions.purposes()):
        raise BadRequest(
            "unknown_code", f"One of {', '.join(sorted(actions.purposes()))}.", "purpose"
        )
    decision, self_assigned = ask.get("decision"), ask.get("self_assigned")
    if decision not in (None, "allowed", "refused"):
        raise BadRequest("invalid", "Enter allowed or refused.", "decision")
    if self_assigned not in (None, "true"):
        raise BadRequest("invalid", "Enter true, or leave it out.", "self_assigned")
    if ask.get("practice") not in (None, "true"):
        raise BadRequest("invalid", "Enter true, or leave it out.", "practice")
    return Filters(
        act=ask.get("act"),
        decision=decision,
        member_id=uuid_parameter(ask.get("member_id"), "member_id"),
        client_id=uuid_parameter(ask.get("client_id"), "client_id"),
        referral_id=uuid_parameter(ask.get("referral_id"), "referral_id"),
        subject=uuid_parameter(ask.get("subject"), "subject"),
        purpose=ask.get("purpose"),
        self_assigned=self_assigned is not None,
        since=moment_parameter(ask.get("since"), "since"),
        until=moment_parameter(ask.get("until"), "until"),
        agency_id=uuid_parameter(ask.get("agency_id"), "agency_id"),
        practice=ask.get("practice") is not None,
    )
