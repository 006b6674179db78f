"""The advisory lock of one referral. Every read of sealed content holds it shared; every act that
closes something to its readers holds it exclusively."""

from uuid import UUID

from django.db import connection

from permissions.database.prepared_statements import RoundTrip
from permissions.errors import NotVisible

_SHARED_LOCK = "SELECT pg_advisory_xact_lock_shared(%(lock)s)"
_VISIBLE = " WHERE sec.visible_referral_id(%(referral)s) IS NOT NULL"


def shared_lock_query(referral_id: UUID, *, if_visible: bool = False) -> RoundTrip:
    """Return the query that takes the referral's lock, shared until the transaction ends. An act
    that closes something to readers waits for them, and they wait for it. `if_visible`: a caller
    who may not see the referral takes no lock and waits for no one (ADR 0071)."""
    query = _SHARED_LOCK + (_VISIBLE if if_visible else "")
    return RoundTrip(query, {"lock": lock_number(referral_id), "referral": referral_id})


def exclusive_lock_query(referral_id: UUID) -> RoundTrip:
    """Return the query that takes the referral's lock exclusively, until the transaction ends, for
    an act that closes something to its readers. A caller who may not see the referral takes no lock
    and waits for no one: the wait would tell them that others work with it, and their lock would
    hold those up (ADR 0071)."""
    values = {"lock": lock_number(referral_id), "referral": referral_id}
    return RoundTrip(f"SELECT pg_advisory_xact_lock(%(lock)s){_VISIBLE}", values)


def lock_number(referral_id: UUID) -> int:
    """Return 64 bits of a referral's id, signed, as advisory locks expect them."""
    return (referral_id.int & (2**64 - 1)) - 2**63


def lock_readers_by_slip(referral_id: UUID) -> None:
    """Take the referral's lock exclusively, for the survivor: their code and word have let them in,
    and no credential (referrals/slip/)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_number(referral_id)])


def lock_shared(referral_id: UUID) -> None:
    """Take the referral's lock shared until the transaction ends, as every read of sealed content
    does, so that none commits after a revoke has (ADR 0029). Raises NotVisible, without waiting,
    for a referral that the caller may not see (`if_visible`)."""
    asked = shared_lock_query(referral_id, if_visible=True)
    with connection.cursor() as cursor:
        cursor.execute(asked.sql, asked.values)
        if cursor.fetchone() is None:
            raise NotVisible
