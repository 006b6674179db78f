"""One referral as its side is shown it: state, notice, what can be done now, history."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from api.desk import words
from api.desk.visit import Visit, page, signed_in
from directory import listings
from permissions.errors import Refused, WrongState
from permissions.models import Agency
from permissions.session import begin
from referrals import answering, own, reading
from referrals.models import Referral
from referrals.reading import Detail


class Offer(NamedTuple):
    """An act as a button: `at_once` needs no answer to any question."""

    act: str
    words: str
    url: str
    at_once: bool


class Next(NamedTuple):
    """A service to turn to next; one that is answered here takes the referral in one tap."""

    listing: listings.Listing
    planned: bool
    suggested: bool
    takes: bool


OFFERS = {  # act: (words on the button, whether it asks nothing)
    "send": ("Send it", False),
    "put_notice": ("Change the notice", False),
    "acknowledge": ("I am looking at it", True),
    "accept": ("Accept", True),
    "decline": ("We cannot take it", False),
    "open_packet": ("Open the packet", False),
    "put_release": ("Record her permission", False),
    "put_packet": ("Write the packet", False),
    "call_me": ("Ask them to ring", True),
    "set_callback": ("Another number to ring", False),
    "start_handoff": ("Begin the hand-off", False),
    "record_attempt": ("You tried to reach her", False),
    "handoff_failed": ("The hand-off failed", False),
    "complete": ("It is done", False),
    "add_note": ("Add a note", False),
    "open_notes": ("Open our notes", False),
    "set_plan": ("Where to turn next", False),
    "set_external_ref": ("Your own number for it", False),
    "same_person_as": ("The same person, twice", False),
    "assign": ("Put a colleague on it", False),
    "hand_over": ("Hand it over", False),
    "take_over": ("Take it over", False),
    "account_disclosures": ("Account to her: who was told", False),
    "set_hold": ("Hold it for the law", False),
    "end_hold": ("End the legal hold", False),
    "record_report": ("Record a mandated report", False),
    "record_disclosure": ("Record a compelled disclosure", False),
    "block": ("She says: not this person", False),
    "unblock": ("Let somebody in again", False),
    "leads_only": ("She says: somebody who works there", False),
    "end_leads_only": ("Not for leads only any more", False),
    "unable": ("It did not come about", False),
    "withdraw": ("Take it back", False),
    "mark_error": ("It was a mistake", False),
    "revoke_release": ("She ends her permission", False),
    "narrow_release": ("Share less", False),
    "put_return_release": ("She lets us tell the sender", False),
    "revoke_return_release": ("Tell the sender no more", False),
    "stop": ("Stop: no contact", False),
}
ENDINGS = ("unable", "withdraw", "mark_error", "revoke_release", "revoke_return_release", "stop")
RARE = (  # folded away: nobody looks for them at night
    *("set_external_ref", "same_person_as", "account_disclosures", "set_hold", "end_hold"),
    *("record_report", "record_disclosure"),
)
NEXT = {  # (side, state): what is to be done now, the likeliest first
    ("from", "draft"): ("send", "put_notice"),
    ("from", "accepted"): ("put_packet", "put_release"),
    ("to", "sent"): ("accept", "acknowledge", "decline"),
    ("to", "acknowledged"): ("accept", "decline"),
    ("from", "cannot_take"): ("set_plan",),
    ("from", "expired"): ("set_plan",),
    ("to", "accepted"): ("open_packet", "start_handoff", "record_attempt"),
    ("to", "in_handoff"): ("record_attempt", "complete", "open_packet", "handoff_failed"),
}


@require_safe
@signed_in
def referral(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    return referral_page(request, visit, referral_id)


def referral_page(
    request: HttpRequest, visit: Visit, referral_id: UUID, refusal: Refused | None = None
) -> HttpResponse:
    """The referral; with a refusal, under its status, why the act was not done."""
    seen = reading.detail(visit.principal, referral_id)
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
    with begin(visit.principal):
        return reading.draft_ends(seen.referral)


def _next(visit: Visit, seen: Detail) -> list[Next]:
    """Where the sender may turn, once these cannot take her or have not answered."""
    over = seen.status in ("cannot_take", "expired", "withdrawn")
    late = seen.status in ("sent", "acknowledged") and seen.escalated_at is not None
    if seen.side != "from" or not (over or late):
        return []
    with begin(visit.principal):
        found = own.next_services(visit.principal, seen)
        takes = answering.open_now(found)
    suggested = seen.referral.suggested_service_id
    return [Next(one, one.id in seen.plan, one.id == suggested, one.id in takes) for one in found]


@require_safe
@signed_in
def sent(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """After an emergency was sent: the number to ring, and what to say."""
    seen = reading.detail(visit.principal, referral_id)
    context = common(visit, seen)
    if not context["ring"]:  # an agency without a duty line: the number of the service
        with begin(visit.principal):
            listing = listings.find(visit.principal, seen.referral.service_id)
        context["ring"] = next((one.number for one in listing.phones), "") if listing else ""
    return page(request, "desk/sent.html", context)


@require_safe
@signed_in
def history(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """What the side may know of what happened, the newest first. An access entry of its own."""
    seen = reading.detail(visit.principal, referral_id)
    steps = reading.history(visit.principal, referral_id)
    context = common(visit, seen) | {"steps": [(step, _code(step)) for step in reversed(steps)]}
    return page(request, "desk/history.html", context)


def other_agency(seen: Detail) -> Agency:
    return seen.to_agency if seen.side == "from" else seen.from_agency


def common(visit: Visit, seen: Detail) -> dict[str, Any]:
    """What each page about one referral shows of it."""
    return {
        "seen": seen,
        "referral": seen.referral,
        "state": words.state(seen.side, seen.status),
        "due": words.due(seen, seen.now),
        "now": seen.now,
        "other": other_agency(seen),
        "ring": _ring(seen),
        "holder": _holder(seen),
        "working": [seen.names.get(one, "Somebody") for one in seen.assigned],
    }


def _ring(seen: Detail) -> str:
    """The number of the other side: the agency's 24-hour line, or the worker who sent it."""
    return seen.to_agency.duty_phone if seen.side == "from" else seen.referral.callback


def _holder(seen: Detail) -> str:
    holder = seen.own.holder_id if seen.own else None
    return seen.names.get(holder, "Somebody") if holder else ""


def _why(refusal: Refused, seen: Detail) -> str:
    if isinstance(refusal, WrongState):
        shown = words.state(seen.side, seen.status).word.lower()
        return f"That cannot be done now: it is {shown}. This is how it stands."
    return refusal.detail


def _offers(seen: Detail) -> dict[str, list[Offer]]:
    """The acts that the domain says are open, as buttons: to do now, also possible, for the record,
    to end it."""
    useful = [act for act in OFFERS if act in seen.acts]
    unseen = seen.side == "to" and seen.status in ("sent", "acknowledged")  # there may be one
    if not unseen and (seen.release is None or seen.release_ended):
        useful = [act for act in useful if act != "revoke_release"]
    if not seen.release_in_force:
        useful = [act for act in useful if act not in ("put_packet", "narrow_release")]
    useful = [act for act in useful if _of_use(act, seen)]
    now = [act for act in NEXT.get((seen.side, seen.status), ()) if act in useful]
    rare = [act for act in useful if act in RARE]
    also = [act for act in useful if act not in {*now, *rare, *ENDINGS}]
    endings = [act for act in useful if act in ENDINGS]
    groups = {"now": now, "also": also, "rare": rare, "endings": endings}
    return {name: [_offer(act, seen.referral.id) for act in acts] for name, acts in groups.items()}


def _of_use(act: str, seen: Detail) -> bool:
    """What there is to lift is offered for lifting, what is marked is not marked again, and nobody
    is asked to reach her who has no part in it yet, or any more."""
    marked = any(one.ours and one.kind == "leads_only" for one in seen.blocks)
    barred = any(one.ours and one.kind != "leads_only" for one in seen.blocks)
    reaching = seen.status in ("accepted", "in_handoff")
    known = {
        "unblock": barred,
        "leads_only": not marked,
        "end_leads_only": marked,
        "record_attempt": reaching,
        "same_person_as": reaching,
        "set_plan": seen.status in ("draft", "sent", "acknowledged", "cannot_take", "expired"),
    }
    return known.get(act, True)


def _offer(act: str, referral_id: UUID) -> Offer:
    said, at_once = OFFERS[act]
    return Offer(act, said, reverse(f"desk_{act}", args=[referral_id]), at_once)


# -- The notice ------------------------------------------------------------------------------------

CODED = (
    ("Concern", "concern"),
    ("Adult or minor", "age_band"),
    ("How many people", "household_size"),
    ("Language", "language"),
    ("Interpreter", "interpreter"),
)


def notice_facts(referral: Referral) -> list[tuple[str, list[str]]]:
    """What the notice says, the urgent first; what it does not state is left to one line."""
    facts = [
        ("Urgency", [words.label("urgency", referral.urgency)]),
        ("Needs", words.labels("needs", referral.needs)),
        ("Wanted", [words.label("wanted", referral.wanted)]),
    ]
    if referral.survivor_can_talk_now is not None:
        facts.append(("Can she talk now", ["Yes" if referral.survivor_can_talk_now else "No"]))
    if referral.agreement:
        facts.append(("Her agreement", [words.label("agreement", referral.agreement)]))
    for title, name in CODED:
        code = getattr(referral, name)
        said = [] if code == "not_stated" else [words.label(name, code)]
        if name == "interpreter" and referral.interpreter_not_local:
            said.append("Not a local one: nobody who may know her")
        if said:
            facts.append((title, said))
    if referral.access_needs:
        facts.append(("Access", words.labels("access_needs", referral.access_needs)))
    return facts


def _not_stated(referral: Referral) -> str:
    missing = [title for title, name in CODED if getattr(referral, name) == "not_stated"]
    if referral.survivor_can_talk_now is None:
        missing.append("Can she talk now")
    return ", ".join(missing).lower()


def _code(step: reading.Step) -> str:
    of = words.CODES_OF.get(step.act)
    return words.label(of, step.code) if of and step.code else ""
