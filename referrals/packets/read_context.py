"""What a reader of sealed content must first know of a referral, in one statement (ADR 0030)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from permissions.database.prepared_statements import PreparedStatement, RoundTrip
from permissions.keys.grants import GrantView
from permissions.policy.rules import CallerRelation
from permissions.principal import Principal
from referrals.models import VISIBLE_SQL
from referrals.referral_lock import shared_lock_query
from referrals.visible_status import status_word


class ReadContext(NamedTuple):
    """One referral, the caller's side and relation to it, and their agency's live grant."""

    now: datetime
    from_agency_id: UUID
    status: str
    expires_at: datetime | None
    accepted_at: datetime | None
    agreement: str | None
    callback: str
    subject: UUID | None
    holder_id: UUID | None
    own_state: str | None
    assigned: bool
    granted: list[str] | None  # None: nothing is open
    release_id: UUID | None
    granted_until: datetime | None
    kek_version: int | None
    key_bundle: bytes | memoryview | None
    notice: str | None
    access: bytes | memoryview | None  # sealed (permissions/identity/bound_access.py)
    budget_wait: timedelta | None  # until a system may open this one; None: it may open it now

    def side(self, principal: Principal) -> str:
        """Return which side the principal's agency is: `from` or `to`."""
        return "from" if self.from_agency_id == principal.agency_id else "to"

    def standing(self, principal: Principal) -> CallerRelation:
        """Return the principal's relation to the referral, as referrals/act_registry/transitions.py
        does for a whole row."""
        holder = self.holder_id == principal.member_id is not None
        return CallerRelation(
            self.side(principal), self.assigned, holder, self.accepted_at is not None
        )

    def status_shown(self, principal: Principal) -> str:
        """Return the state as the principal's side is shown it."""
        return status_word(
            self.side(principal),
            self.status,
            self.own_state,
            expires_at=self.expires_at,
            accepted_at=self.accepted_at,
            now=self.now,
        )

    def grant(self, referral_id: UUID) -> GrantView | None:
        """Return the same as `grants.live_grant`, from what was read here."""
        if self.granted is None:
            return None
        return GrantView(
            referral_id,
            self.release_id,
            self.granted,
            self.granted_until,
            self.kek_version,
            self.key_bundle,
            self.notice,
        )


_CONTEXT = PreparedStatement(
    "see_before_opening",
    "SELECT sec.clock(), r.from_agency_id, r.status, r.expires_at, r.accepted_at, r.agreement,"  # noqa: S608 (of fixed parts)
    " r.callback, own.subject, own.holder, own.state, own.assigned, own.fields, own.release,"
    " own.until, own.kek, own.bundle, own.notice, own.access,"
    " CASE WHEN %(is_client)s THEN sec.client_quota_wait(r.id) END"
    " FROM referral r CROSS JOIN LATERAL sec.own_side_context(r.id) own"
    f" WHERE {VISIBLE_SQL}",
)


def context_query(principal: Principal, referral_id: UUID) -> RoundTrip:
    """Return the query for a `ReadContext` as it is now."""
    values = {
        "referral": referral_id,
        "agency": principal.agency_id,
        "is_client": principal.is_client,
    }
    return RoundTrip(_CONTEXT.text(), values)


def context_of(rows: Sequence[tuple[Any, ...]]) -> ReadContext | None:
    """Return what `context_query` found. None: nothing that the caller may see."""
    return ReadContext._make(rows[0]) if rows else None


def locked_context_query(principal: Principal, referral_id: UUID) -> RoundTrip:
    """Return both queries. The lock comes first, in its own statement, so that the view is from
    after it."""
    locked = shared_lock_query(referral_id, if_visible=True)
    seen = context_query(principal, referral_id)
    return RoundTrip(f"{locked.sql}; {seen.sql}", {**locked.values, **seen.values})
