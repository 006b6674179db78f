"""The advisory lock of one referral. Every read of sealed content holds it shared; every act that
closes something to its readers holds it exclusively."""

from uuid import UUID

from django.db import connection

from permissions.database.prepared_statements import RoundTrip

_SHARED_LOCK = "SELECT pg_advisory_xact_lock_shared(%(lock)s)"


def shared_lock_query(referral_id: UUID) -> RoundTrip:
    """Return the query that takes the referral's lock, shared until the transaction ends. An act
    that closes something to readers waits for them, and they wait for it."""
    return RoundTrip(_SHARED_LOCK, {"lock": lock_number(referral_id)})


def lock_number(referral_id: UUID) -> int:
    """Return 64 bits of a referral's id, signed, as advisory locks expect them."""
    return (referral_id.int & (2**64 - 1)) - 2**63


def lock_readers(referral_id: UUID, *, shared: bool) -> None:
    """Take the referral's advisory lock until the transaction ends: shared for every packet read,
    exclusive for every act that closes, so that no read commits after a revoke has (ADR 0029)."""
    name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name}(%s)", [lock_number(referral_id)])
