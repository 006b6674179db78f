"""Whether a referral can be sent to a service now. If not, the service is only a number to call."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from directory import listings
from directory.listings import Listing
from permissions.database.clock import database_now
from permissions.enrollment import terms
from permissions.errors import NotPossible
from permissions.principal import Principal
from referrals.acts import conflict_blocks
from referrals.models import Referral

# The limit for one agency's referrals to another within one day: each one notifies people there.
MOST_WAITING, WITHIN = 50, timedelta(hours=24)


def open_to_referrals(found: Sequence[Listing]) -> frozenset[UUID]:
    """Return the ids of those in `found` that a referral can be sent to now: they take people, and
    their agency takes notices, has signed the network's terms and has a member to answer (never
    who). Sending checks the same and, in addition, the conflict blocks. Call it within a
    transaction of the caller. One query; two more if the network has terms."""
    agencies = sorted({listing.answered_by for listing in found if listing.answered_by is not None})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a FROM unnest(%s::uuid[]) a WHERE sec.has_staff_to_answer(a, NULL)", [agencies]
        )
        answer = {agency for (agency,) in cursor.fetchall()}
    if answer and terms.current() is not None:
        answer &= terms.may_work(answer, database_now("default"))
    return frozenset(one.id for one in found if one.open_to_referrals and one.answered_by in answer)


def require_available(principal: Principal, referral: Referral, now: datetime) -> None:
    """Raise NotPossible unless a member there can answer it if it is sent now."""
    listing = listings.find(principal, referral.service_id)
    if listing is None or listing.answered_by != referral.to_agency_id:
        raise NotPossible(
            "service_moved",
            "That agency no longer answers for this service. Choose another service.",
        )
    if listing.intake_paused:
        raise NotPossible(
            "service_paused", "This service is not accepting referrals right now. Call it."
        )
    if not terms.may_work([referral.to_agency_id], now):
        raise NotPossible(
            "terms_unsigned_there",
            "That agency has not signed the network's terms, so it cannot accept. Call it.",
        )
    if not conflict_blocks.can_answer(referral.to_agency_id, referral.id):
        raise NotPossible("nobody_to_answer", "No one there can answer right now. Call instead.")
    if _too_many_wait(principal, referral.to_agency_id, now):
        raise NotPossible(
            "too_many_waiting", "Many of your referrals wait there unseen. Call them."
        )


def _too_many_wait(principal: Principal, to_agency_id: UUID, now: datetime) -> bool:
    """Return whether so many referrals from the caller's agency wait there unseen that one more
    helps no one (TH4). An agency that floods the other with alarms buries the one that matters.
    Where fifty have not been looked at, only a phone call helps. A referral that was withdrawn
    before anyone looked has notified people there too.

    The answer tells the sender nothing new, since each referral already shows whether the recipient
    looked. It counts only those that the caller may see. Concurrent requests may exceed the limit
    by their number.
    """
    waiting = Referral.objects.visible_to(principal).filter(
        from_agency_id=principal.agency_id,
        to_agency_id=to_agency_id,
        status__in=("sent", "withdrawn"),
        acknowledged_at=None,
        sent_at__gt=now - WITHIN,
    )
    return len(waiting.values_list("id")[:MOST_WAITING]) == MOST_WAITING
