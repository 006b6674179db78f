"""The call record: a referral by phone to a service that takes none here, or none now."""

from uuid import UUID

from directory import listings
from directory.search import unmet_searches
from permissions.audit import writer
from permissions.errors import BadRequest, NotPermitted, NotPossible
from permissions.policy import disclosure, rules
from permissions.principal import Principal
from referrals import codes, idempotency
from referrals.acts import availability
from referrals.models import READS, CallRecord, sees_referrals
from referrals.queries.lists import Place

MAX_PAGE = 100
# What the county lacks: full, not here, or not there at all. Counted by need and month only.
UNMET = frozenset({"full", "out_of_area", "wrong_number"})


def record_call(
    principal: Principal,
    service_id: UUID,
    outcome: str,
    put_through: bool,
    *,
    key: idempotency.Key | None = None,
) -> UUID:
    """Record the result of a call: coded, without anything about the survivor. Private to the
    caller (T4).

    `put_through`: whether the survivor spoke with the service. A need that was not met is counted
    for the network, without the service, the agency or the day. Returns the record's id. Raises
    NotPermitted, NotPossible (the service takes referrals here now: refer instead), Conflict.
    """
    if outcome not in codes.CALL_OUTCOME:
        raise BadRequest("unknown_code", "Not a code of call_outcome.", "/outcome")
    with writer.logged_act(principal, "call_record.create") as attempt:
        rules.require_scope(principal, "referrals:write")
        _require_caseworker(principal)
        done = idempotency.begin(principal, key)
        if done is not None:
            return done
        listing = listings.find(principal, service_id)
        if listing is None:
            raise NotPossible("service_unknown", "The directory has no such service.")
        # A victim service provider may always call: without a signature it is the only way.
        refers = not disclosure.notice_needs_release(principal.duties)
        if refers and availability.open_to_referrals([listing]) and listing.intake != "full":
            raise NotPossible(
                "answered_here",
                "An agency of this network answers for it. Make a referral instead.",
            )
        record = CallRecord.objects.create(
            agency_id=principal.agency_id,
            member_id=principal.staff_id,
            service_id=service_id,
            outcome=outcome,
            put_through=put_through,
            created_at=attempt.now,
        )
        if outcome in UNMET:
            unmet_searches.record_unmet_call(listing.taxonomy_term_ids, listing.victimization_types)
        idempotency.finish(principal, key, record.id, attempt.now, referral_id=None)
    return record.id


def list_page(
    principal: Principal, *, after: Place | None, limit: int
) -> tuple[list[CallRecord], Place | None]:
    """Return a page of the caller's own records, newest first, and where it ended.

    One access entry. Raises NotPermitted."""
    with writer.logged_act(principal, "call_record.list"):
        _require_caseworker(principal)
        mine = CallRecord.objects.filter(
            agency_id=principal.agency_id, member_id=principal.staff_id
        )
        if after is not None:
            mine = mine.filter(created_at__lte=after.created_at).exclude(
                created_at=after.created_at, id__gte=after.id
            )
        rows = list(mine.order_by("-created_at", "-id")[: limit + 1])
    shown, more = rows[:limit], len(rows) > limit
    return shown, Place(shown[-1].created_at, shown[-1].id) if more else None


def _require_caseworker(principal: Principal) -> None:
    rules.require_scope(principal, READS)
    if not sees_referrals(principal) or principal.member_id is None:
        raise NotPermitted("role_missing", "Call records are for workers and leads.")
    if principal.practices:  # no call is practiced, and none is counted
        raise NotPermitted("not_in_practice", "An exercise has no call records.")
