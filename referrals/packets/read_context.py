"""What a reader of a sealed thing must know of a referral first, in one statement (ADR 0030)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from permissions.database.prepared_statements import Along, Ask, Prepared
from permissions.identity import credentials
from permissions.keys.grants import Held
from permissions.policy.rules import Standing
from permissions.principal import Principal
from referrals.models import VISIBLE_SQL
from referrals.referral_lock import lock
from referrals.visible_status import word_shown


class Seen(NamedTuple):
    """One referral, the caller's own side of it, what she is to it, and her agency's live grant."""

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
    budget_wait: timedelta | None  # a system's, until it may open this one; None: it may now

    def side(self, principal: Principal) -> str:
        """`from` or `to`: which side of it the principal's agency is."""
        return "from" if self.from_agency_id == principal.agency_id else "to"

    def standing(self, principal: Principal) -> Standing:
        """What the principal is to it, as referrals/act_registry/transitions.py says it of a whole
        row."""
        holder = self.holder_id == principal.member_id is not None
        return Standing(self.side(principal), self.assigned, holder, self.accepted_at is not None)

    def status_shown(self, principal: Principal) -> str:
        """The state as the principal's side is shown it."""
        return word_shown(
            self.side(principal),
            self.status,
            self.own_state,
            expires_at=self.expires_at,
            accepted_at=self.accepted_at,
            now=self.now,
        )

    def grant(self, referral_id: UUID) -> Held | None:
        """What `grants.held` reads, as it was read here."""
        if self.granted is None:
            return None
        return Held(
            referral_id,
            self.release_id,
            self.granted,
            self.granted_until,
            self.kek_version,
            self.key_bundle,
            self.notice,
        )


_SEE = Prepared(
    "see_before_opening",
    f"SELECT {credentials.WHO}, seen.* FROM {credentials.OF_WHOM} LEFT JOIN LATERAL ("  # noqa: S608 (of fixed parts)
    "SELECT r.from_agency_id, r.status, r.expires_at, r.accepted_at, r.agreement,"
    " r.callback, own.subject, own.holder, own.state, own.assigned, own.fields, own.release,"
    " own.until, own.kek, own.bundle, own.notice,"
    " CASE WHEN me.client_id IS NOT NULL THEN sec.openings_wait(r.id) END"
    " FROM referral r CROSS JOIN LATERAL sec.own_part(r.id) own"
    f" WHERE r.id = %(referral)s AND {VISIBLE_SQL.replace('%(agency)s', 'me.agency_id')}"
    ") seen ON true",
)


def see(referral_id: UUID) -> Ask:
    """To `Seen`, as it stands now."""
    return Ask(_SEE.text(), {"referral": referral_id})


def along(referral_id: UUID) -> Along:
    """The same, to be asked along with who calls."""
    return Along(_SEE, {"referral": referral_id})


def seen_in(rows: Sequence[tuple[Any, ...]]) -> Seen | None:
    """What `see` found; None: nothing that the caller may see."""
    if not rows or rows[0][credentials.WHO_COLUMNS] is None:
        return None
    return Seen._make((rows[0][0], *rows[0][credentials.WHO_COLUMNS :]))


def behind_the_lock(referral_id: UUID) -> Ask:
    """Both. The lock first, in a statement of its own: what is seen is seen behind it."""
    locked, seen = lock(referral_id), see(referral_id)
    return Ask(f"{locked.sql}; {seen.sql}", {**locked.values, **seen.values})
