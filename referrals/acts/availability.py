"""Whether a referral can be put to a service now; where it cannot, it is a number to ring."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from directory import listings
from directory.listings import Listing
from permissions.errors import NotPossible
from permissions.principal import Principal
from referrals.acts import conflict_blocks
from referrals.models import Referral

# Of one agency's at another, of one day: each rings people there.
MOST_WAITING, WITHIN = 50, timedelta(hours=24)


def open_to_referrals(found: Sequence[Listing]) -> frozenset[UUID]:
    """The ids of those of `found` that a referral can be put to now: they take people, and their
    agency takes notices and has somebody to answer (never who). Sending asks the same, and what
    bars whom. Within a transaction of the caller's. One query."""
    agencies = sorted({one.answered_by for one in found if one.answered_by is not None})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a FROM unnest(%s::uuid[]) a WHERE sec.can_answer(a, NULL)", [agencies]
        )
        answer = {agency for (agency,) in cursor.fetchall()}
    return frozenset(one.id for one in found if one.open_to_referrals and one.answered_by in answer)


def require_available(principal: Principal, referral: Referral, now: datetime) -> None:
    """Raise NotPossible unless somebody there can answer it, if it is sent now."""
    listing = listings.find(principal, referral.service_id)
    if listing is None or listing.answered_by != referral.to_agency_id:
        raise NotPossible("service_moved", "This service is no longer answered there.")
    if listing.intake_paused:
        raise NotPossible("service_paused", "This service takes nobody just now. Ring it.")
    if not conflict_blocks.can_answer(referral.to_agency_id, referral.id):
        raise NotPossible("nobody_to_answer", "Nobody there can answer just now. Ring instead.")
    if _too_many_wait(principal, referral.to_agency_id, now):
        raise NotPossible("too_many_waiting", "Many of yours wait there unseen. Ring them.")


def _too_many_wait(principal: Principal, to_agency_id: UUID, now: datetime) -> bool:
    """Whether so many of the caller's agency's came there unseen that one more helps nobody (TH4):
    whoever floods them with alarms buries the one that matters, and where fifty are not looked at,
    only ringing helps. One that was withdrawn before anybody looked has rung there, too.

    It tells the sender nothing new: of each it is shown whether somebody looked. Of those that she
    may see. Requests at once may go over it by their number.
    """
    waiting = Referral.objects.visible_to(principal).filter(
        from_agency_id=principal.agency_id,
        to_agency_id=to_agency_id,
        status__in=("sent", "withdrawn"),
        acknowledged_at=None,
        sent_at__gt=now - WITHIN,
    )
    return len(waiting.values_list("id")[:MOST_WAITING]) == MOST_WAITING
