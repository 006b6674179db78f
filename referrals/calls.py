"""The call record: a referral made by phone to a service that nobody here answers."""

from uuid import UUID

from directory import listings
from directory.finding import gaps
from directory.listings import Listing
from permissions import log
from permissions.errors import BadRequest, NotPermitted, NotPossible
from permissions.principal import Principal
from referrals import blocks, codes, idempotency
from referrals.models import CallRecord, sees_referrals

# What the county lacks: full, not here, or not there at all. Counted by need and month alone.
UNMET = frozenset({"full", "out_of_area", "wrong_number"})


def record_call(
    principal: Principal,
    service_id: UUID,
    outcome: str,
    put_through: bool,
    *,
    key: idempotency.Key | None = None,
) -> UUID:
    """Keep what came of a call: coded, without a word about her. Private to the caller (T4).

    `put_through`: whether the survivor herself spoke with the service. A need that was not met is
    counted for the network, without the service, the agency or the day. Returns the record's id.
    Raises NotPermitted, NotPossible (the service is answered here: refer instead), Conflict.
    """
    if outcome not in codes.CALL_OUTCOME:
        raise BadRequest("unknown_code", "Not a code of call_outcome.", "/outcome")
    with log.attempt(principal, "call_record.create") as attempt:
        _require_caseworker(principal)
        done = idempotency.begin(principal, key)
        if done is not None:
            return done
        listing = listings.find(principal, service_id)
        if listing is None:
            raise NotPossible("service_unknown", "No such service in the directory.")
        if is_answered_here(listing):
            raise NotPossible("answered_here", "This service is answered here: make a referral.")
        record = CallRecord.objects.create(
            agency_id=principal.agency_id,
            member_id=principal.staff_id,
            service_id=service_id,
            outcome=outcome,
            put_through=put_through,
            created_at=attempt.now,
        )
        if outcome in UNMET:
            gaps.count_unmet(listing.taxonomy_term_ids, listing.victimization_types)
        idempotency.finish(principal, key, record.id, attempt.now, referral_id=None)
    return record.id


def is_answered_here(listing: Listing) -> bool:
    """Whether a referral can be put to this service now and somebody there can answer it; else it
    is rung, and the call is recorded."""
    agency_id = listing.answered_by
    return agency_id is not None and listing.open_to_referrals and blocks.can_answer(agency_id)


def list_calls(principal: Principal, limit: int = 100) -> list[CallRecord]:
    """The caller's own records, newest first, at most `limit`. One access entry."""
    with log.attempt(principal, "call_record.list"):
        _require_caseworker(principal)
        rows = CallRecord.objects.filter(
            agency_id=principal.agency_id, member_id=principal.staff_id
        )
        return list(rows.order_by("-created_at", "-id")[:limit])


def _require_caseworker(principal: Principal) -> None:
    if not sees_referrals(principal) or principal.member_id is None:
        raise NotPermitted("role_missing", "Call records are kept by workers and leads.")
