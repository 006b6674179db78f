"""One referral as its side is shown it: state, notice, what can be done now, history."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from api import languages
from api.desk import labels
from api.desk.awake import shown as awake
from api.desk.referral.notice_facts import first_facts, not_stated, other_facts
from api.desk.referral.offers import answer_to_call, offers_of, packet_words
from api.desk.request_context import Visit, live_page, page, signed_in
from directory import listings
from permissions.database.db_identity import identified_transaction
from permissions.errors import Refused, WrongState
from permissions.keys import grants
from permissions.models import Agency
from referrals.acts import availability, private_records, return_releases
from referrals.queries import details
from referrals.queries.details import Detail
from referrals.queries.history import Step, read_history
from referrals.slip import giving


class Next(NamedTuple):
    """A service to turn to next. One that is answered here takes the referral in one tap."""

    listing: listings.Listing
    planned: bool
    suggested: bool
    takes: bool


# In these states no one contacts the survivor any more, and the page shows no number to call.
NO_CONTACT = frozenset({"stopped", "withdrawn", "entered_in_error"})


class Own(NamedTuple):
    """What the page reads in addition to the detail: what belongs to the caller's own side."""

    packet: list[str]  # the fields of the packet that the caller could open now
    returned: bool  # whether their side shares the outcome with the sender
    draft_ends: datetime | None
    next: list[Next]
    ended_by_survivor: bool  # the recipient's: by their slip


@require_safe
@signed_in
def referral(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    return referral_page(request, visit, referral_id)


def referral_page(
    request: HttpRequest, visit: Visit, referral_id: UUID, refusal: Refused | None = None
) -> HttpResponse:
    """Show the referral. With a refusal, show why the act was not done, under the refusal's
    status."""
    seen = details.read_detail(visit.principal, referral_id)
    own = _own(visit, seen)
    assigned = visit.principal.member_id in seen.assigned
    offers = offers_of(seen, own.packet, own.returned)
    context = common(visit, seen) | {
        "offers": offers,
        "called": answer_to_call(seen),
        "no_contact": seen.status in NO_CONTACT,
        "others": other_facts(seen.referral),
        "not_stated": not_stated(seen.referral),
        "refused": _why(refusal, seen) if refusal else "",
        "late": _late(seen),
        "awake": _awake(visit, seen),
        "own": own,
        "packet": packet_words(seen, own.packet, assigned),
        "paper_languages": languages.named("papers")[1:],
        "gives_slip": seen.side == "from" and assigned and seen.status in giving.STATES,
        "ended_by_survivor": own.ended_by_survivor,
    }
    if context["late"] and not context["ring"]:
        context["ring"] = _number_of_service(visit, seen)
    return live_page(request, "desk/referral.html", context, refusal)


def _own(visit: Visit, seen: Detail) -> Own:
    """Read what belongs to the caller's own side, in one transaction. Row-level security shows a
    grant to those who may open it, and a return release to those who answer for it."""
    principal, referral = visit.principal, seen.referral
    shares = seen.side == "to" and "revoke_return_release" in seen.acts
    with identified_transaction(principal):
        grant = grants.live_grant(principal, referral.id) if "open_packet" in seen.acts else None
        returned = shares and return_releases.is_shared(principal, referral.id)
        draft_ends = details.draft_deadline(referral) if seen.status == "draft" else None
        ended = details.is_ended_by_survivor(seen)
        fields = grant.fields if grant else []
        return Own(fields, returned, draft_ends, _next(visit, seen), ended)


def _late(seen: Detail) -> bool:
    """Whether the sender waits for an answer that is overdue."""
    waits = seen.side == "from" and seen.status in ("sent", "acknowledged")
    return waits and seen.escalated_at is not None


def _awake(visit: Visit, seen: Detail) -> awake.Awake | None:
    """Return who of the own side is awake for it; None for what is no emergency that waits."""
    row = seen.referral
    if not awake.waits(visit, seen.side, seen.status, row.urgency, row.ack_by):
        return None
    return awake.of_all(visit, [row.id], seen.names)[str(row.id)]


def _next(visit: Visit, seen: Detail) -> list[Next]:
    """Return where the sender may turn once the recipient cannot take the survivor or has not
    answered. Call it within a transaction."""
    over = seen.status in ("cannot_take", "expired", "withdrawn")
    if seen.side != "from" or not (over or _late(seen)):
        return []
    found = private_records.next_services(visit.principal, seen)
    takes = availability.open_to_referrals(found)
    suggested = seen.referral.suggested_service_id
    return [Next(one, one.id in seen.plan, one.id == suggested, one.id in takes) for one in found]


@require_safe
@signed_in
def sent(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """After an emergency was sent, show the number to call and what to say."""
    seen = details.read_detail(visit.principal, referral_id)
    context = common(visit, seen)
    if not context["ring"]:
        context["ring"] = _number_of_service(visit, seen)
    return page(request, "desk/sent.html", context)


def _number_of_service(visit: Visit, seen: Detail) -> str:
    """The service's own number, for an agency that has no duty line; '' if there is none."""
    with identified_transaction(visit.principal):
        listing = listings.find(visit.principal, seen.referral.service_id)
    return next((phone.number for phone in listing.phones), "") if listing else ""


@require_safe
@signed_in
def history(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Show what the side may know of what happened, newest first. This makes an access entry of its
    own."""
    seen = details.read_detail(visit.principal, referral_id)
    steps = read_history(visit.principal, referral_id)
    context = common(visit, seen) | {"steps": [(step, _code(step)) for step in reversed(steps)]}
    return page(request, "desk/history.html", context)


def other_agency(seen: Detail) -> Agency:
    return seen.to_agency if seen.side == "from" else seen.from_agency


def common(visit: Visit, seen: Detail) -> dict[str, Any]:
    """Return what each page about one referral shows of it."""
    return {
        "seen": seen,
        "facts": first_facts(seen),
        "referral": seen.referral,
        "state": labels.state(seen.side, seen.status),
        "due": labels.due(seen, seen.now),
        "now": seen.now,
        "other": other_agency(seen),
        "ring": _ring(seen),
        "holder": _holder(seen),
        "working": [seen.names.get(member) or gettext("A member") for member in seen.assigned],
    }


def _ring(seen: Detail) -> str:
    """Return the number of the other side: the agency's 24-hour line, or the worker who sent it."""
    return seen.to_agency.duty_phone if seen.side == "from" else seen.referral.callback


def _holder(seen: Detail) -> str:
    holder = seen.own.holder_id if seen.own else None
    return seen.names.get(holder) or gettext("A member") if holder else ""


def _why(refusal: Refused, seen: Detail) -> str:
    if isinstance(refusal, WrongState):
        shown = labels.state(seen.side, seen.status).word.lower()
        return gettext("That cannot be done now. The state is: {state}.").format(state=shown)
    return gettext(refusal.detail)


def _code(step: Step) -> str:
    of = labels.CODES_OF.get(step.act)
    return labels.label(of, step.code) if of and step.code else ""
