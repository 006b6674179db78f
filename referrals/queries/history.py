"""The history of one referral, as the caller's side may know it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from permissions.audit import writer
from permissions.models import Membership
from permissions.policy.rules import require_scope
from permissions.principal import Principal
from referrals.models import READS, Event
from referrals.queries.seen import seen_of, seen_query


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a history. `by` is a name on the own side, None for the other side's people."""

    id: UUID
    at: datetime
    act: str
    side: str  # whose act: "from", "to", or "system"
    by: str | None
    about: str | None  # the member of the own side whom it concerns
    code: str | None


def read_history(principal: Principal, referral_id: UUID) -> list[Step]:
    """Return what the caller's side may know of what happened, oldest first. Raises NotVisible,
    NotPermitted (a client without the scope)."""
    asked = seen_query(principal, referral_id)
    with writer.logged_act(principal, "referral.history", referral_id, ask=asked) as attempt:
        require_scope(principal, READS)
        found = seen_of(attempt.found)
        referral, who = found.referral, found.relation(principal)
        attempt.record(subject=found.own.subject if found.own else None)
        seen = Event.objects.filter(referral=referral)
        seen = seen.filter(from_sees=True) if who.side == "from" else seen.filter(to_sees=True)
        if not (who.assigned or principal.has_role("lead")):
            seen = seen.filter(reserved=False)
        names = _names(principal)
        steps = []
        for event in seen.order_by("at", "id"):
            mine = event.agency_id == principal.agency_id
            doer = "from" if event.agency_id == referral.from_agency_id else "to"
            steps.append(
                Step(
                    id=event.id,
                    at=event.at,
                    act=event.act,
                    side="system" if event.agency_id is None else doer,
                    by=names.get(event.member_id) if mine and event.member_id else None,
                    about=names.get(event.about_id) if mine and event.about_id else None,
                    code=event.code,
                )
            )
        return steps


def _names(principal: Principal) -> dict[UUID, str]:
    """Return the own members by id, ordered by name, as the desk offers them to choose from."""
    own = Membership.objects.filter(agency_id=principal.agency_id).order_by("name", "id")
    return dict(own.values_list("id", "name"))
