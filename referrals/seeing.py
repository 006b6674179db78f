"""What a reader of a sealed thing must know of a referral first, in one statement (design §6)."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from permissions.grants import Held
from permissions.policy import Standing
from permissions.prepared import Ask, Prepared
from permissions.principal import Principal
from referrals.models import VISIBLE_SQL
from referrals.shown import word_shown


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

    def side(self, principal: Principal) -> str:
        """`from` or `to`: which side of it the principal's agency is."""
        return "from" if self.from_agency_id == principal.agency_id else "to"

    def standing(self, principal: Principal) -> Standing:
        """What the principal is to it, as referrals/transitions.py says it of a whole row."""
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


# The lock first, in a statement of its own: what is seen is seen behind it.
_LOCKED = "SELECT pg_advisory_xact_lock_shared(%(lock)s)"
_SEE = Prepared(
    "see_before_opening",
    "SELECT sec.clock(), r.from_agency_id, r.status, r.expires_at, r.accepted_at, r.agreement,"  # noqa: S608 (of fixed parts)
    " r.callback, s.subject, s.holder_id, s.state,"
    " EXISTS (SELECT FROM referral_assignment a WHERE a.content_object_id = r.id"
    "         AND a.agency_id = %(agency)s AND a.membership_id = %(member)s),"
    " g.fields, g.release_id, g.expires_at, g.kek_version, g.key_bundle, g.redisclosure_notice"
    " FROM referral r"
    " LEFT JOIN referral_side s ON s.referral_id = r.id AND s.agency_id = %(agency)s"
    " LEFT JOIN packet_grant g ON g.referral_id = r.id AND g.agency_id = %(agency)s"
    f" WHERE r.id = %(referral)s AND {VISIBLE_SQL}",
)


def behind_the_lock(principal: Principal, referral_id: UUID) -> Ask:
    """To `Seen`, with the referral's lock held shared until the transaction ends."""
    values = {
        "agency": principal.agency_id,
        "member": principal.member_id,
        "referral": referral_id,
        "lock": lock_number(referral_id),
    }
    return Ask(f"{_LOCKED}; {_SEE.text()}", values)


def lock_number(referral_id: UUID) -> int:
    """64 bits of a referral's id, signed, as advisory locks want them."""
    return (referral_id.int & (2**64 - 1)) - 2**63
