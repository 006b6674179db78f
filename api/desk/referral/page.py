"""One referral as its side is shown it: state, notice, what can be done now, history."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from api.desk import labels
from api.desk.request_context import Visit, page, signed_in
from directory import listings
from permissions.database.db_identity import identified_transaction
from permissions.errors import Refused, WrongState
from permissions.models import Agency
from referrals.act_registry.registry import ACTS, Group
from referrals.acts import availability, private_records
from referrals.models import Referral
from referrals.queries import details
from referrals.queries.details import Detail


class Offer(NamedTuple):
    """An act as a button: `at_once` needs no answer to any question."""

    act: str
    words: str
    url: str
    at_once: bool


class Next(NamedTuple):
    """A service to turn to next. One that is answered here takes the referral in one tap."""

    listing: listings.Listing
    planned: bool
    suggested: bool
    takes: bool


# The order of the buttons. An act that is not named here comes after those that are.
OFFERED = (
    *("send", "put_notice", "acknowledge", "accept", "decline"),
    *("open_packet", "put_release", "put_packet", "call_me", "set_callback"),
    *("start_handoff", "record_attempt", "handoff_failed", "complete"),
    *("add_note", "open_notes", "set_plan", "set_external_ref", "same_person_as"),
    *("assign", "hand_over", "take_over", "account_disclosures", "set_hold", "end_hold"),
    *("record_report", "record_disclosure", "block", "unblock", "leads_only", "end_leads_only"),
    *("unable", "withdraw", "mark_error", "revoke_release", "narrow_release"),
    *("put_return_release", "revoke_return_release", "stop"),
)
PAGES = {
    name: found
    for name in (*OFFERED, *(act for act in ACTS if act not in OFFERED))
    if (found := ACTS[name].page)
}


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
    context = common(visit, seen) | {
        "offers": _offers(seen),
        "notice": notice_facts(seen.referral),
        "not_stated": _not_stated(seen.referral),
        "refused": _why(refusal, seen) if refusal else "",
        "next": _next(visit, seen),
        "draft_ends": _draft_ends(visit, seen),
    }
    return page(request, "desk/referral.html", context, refusal)


def _draft_ends(visit: Visit, seen: Detail) -> datetime | None:
    if seen.status != "draft":
        return None
    with identified_transaction(visit.principal):
        return details.draft_deadline(seen.referral)


def _next(visit: Visit, seen: Detail) -> list[Next]:
    """Return where the sender may turn once the recipient cannot take the survivor or has not
    answered."""
    over = seen.status in ("cannot_take", "expired", "withdrawn")
    late = seen.status in ("sent", "acknowledged") and seen.escalated_at is not None
    if seen.side != "from" or not (over or late):
        return []
    with identified_transaction(visit.principal):
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
    if not context["ring"]:  # the agency has no duty line: use the service's number
        with identified_transaction(visit.principal):
            listing = listings.find(visit.principal, seen.referral.service_id)
        context["ring"] = next((one.number for one in listing.phones), "") if listing else ""
    return page(request, "desk/sent.html", context)


@require_safe
@signed_in
def history(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Show what the side may know of what happened, newest first. This makes an access entry of its
    own."""
    seen = details.read_detail(visit.principal, referral_id)
    steps = details.history(visit.principal, referral_id)
    context = common(visit, seen) | {"steps": [(step, _code(step)) for step in reversed(steps)]}
    return page(request, "desk/history.html", context)


def other_agency(seen: Detail) -> Agency:
    return seen.to_agency if seen.side == "from" else seen.from_agency


def common(visit: Visit, seen: Detail) -> dict[str, Any]:
    """Return what each page about one referral shows of it."""
    return {
        "seen": seen,
        "referral": seen.referral,
        "state": labels.state(seen.side, seen.status),
        "due": labels.due(seen, seen.now),
        "now": seen.now,
        "other": other_agency(seen),
        "ring": _ring(seen),
        "holder": _holder(seen),
        "working": [seen.names.get(one, "Somebody") for one in seen.assigned],
    }


def _ring(seen: Detail) -> str:
    """Return the number of the other side: the agency's 24-hour line, or the worker who sent it."""
    return seen.to_agency.duty_phone if seen.side == "from" else seen.referral.callback


def _holder(seen: Detail) -> str:
    holder = seen.own.holder_id if seen.own else None
    return seen.names.get(holder, "Somebody") if holder else ""


def _why(refusal: Refused, seen: Detail) -> str:
    if isinstance(refusal, WrongState):
        shown = labels.state(seen.side, seen.status).word.lower()
        return f"That cannot be done now: it is {shown}. This is how it stands."
    return refusal.detail


def _offers(seen: Detail) -> dict[str, list[Offer]]:
    """Return the acts that the domain says are open, as buttons: to do now, also possible, for the
    record, and to end it."""
    useful = [act for act, says in PAGES.items() if act in seen.acts and says.useful(seen)]
    shown = (seen.side, seen.status)
    likely = {act: rank for act in useful if (rank := PAGES[act].likely.get(shown))}
    groups = {"now": sorted(likely, key=likely.__getitem__)} | {
        name: [act for act in useful if act not in likely and PAGES[act].group is group]
        for name, group in (("also", Group.ALSO), ("rare", Group.RARE), ("endings", Group.ENDING))
    }
    return {name: [_offer(act, seen.referral.id) for act in acts] for name, acts in groups.items()}


def _offer(act: str, referral_id: UUID) -> Offer:
    says = PAGES[act]
    return Offer(act, says.offer, reverse(f"desk_{act}", args=[referral_id]), says.at_once)


# -- The notice ------------------------------------------------------------------------------------

CODED = (
    ("Concern", "concern"),
    ("Adult or minor", "age_band"),
    ("How many people", "household_size"),
    ("Language", "language"),
    ("Interpreter", "interpreter"),
)


def notice_facts(referral: Referral) -> list[tuple[str, list[str]]]:
    """Return what the notice says, the urgent first. What it does not state is left to one line."""
    facts = [
        ("Urgency", [labels.label("urgency", referral.urgency)]),
        ("Needs", labels.labels("needs", referral.needs)),
        ("Wanted", [labels.label("wanted", referral.wanted)]),
    ]
    if referral.survivor_can_talk_now is not None:
        facts.append(("Can she talk now", ["Yes" if referral.survivor_can_talk_now else "No"]))
    if referral.agreement:
        facts.append(("Her agreement", [labels.label("agreement", referral.agreement)]))
    for title, name in CODED:
        code = getattr(referral, name)
        said = [] if code == "not_stated" else [labels.label(name, code)]
        if name == "interpreter" and referral.interpreter_not_local:
            said.append("Not a local one: nobody who may know her")
        if said:
            facts.append((title, said))
    if referral.access_needs:
        facts.append(("Access", labels.labels("access_needs", referral.access_needs)))
    return facts


def _not_stated(referral: Referral) -> str:
    missing = [title for title, name in CODED if getattr(referral, name) == "not_stated"]
    if referral.survivor_can_talk_now is None:
        missing.append("Can she talk now")
    return ", ".join(missing).lower()


def _code(step: details.Step) -> str:
    of = labels.CODES_OF.get(step.act)
    return labels.label(of, step.code) if of and step.code else ""
