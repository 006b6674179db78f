"""`Idempotency-Key` on writes that create. Only status and id are stored, never a body or a key.

(draft-ietf-httpapi-idempotency-key-header.) A key belongs to one caller on one route. It is text of
the caller's choice, so that the database has its keyed hash alone (ADR 0069).
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from permissions.errors import Conflict, KeyReused
from permissions.keys.derived_keys import derived_key
from permissions.principal import Principal
from referrals.models import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Key:
    """A create with its caller's key, so that a repeated one creates nothing new. `key`: 1 to 128
    characters of the caller's choice."""

    route: str
    key: str
    body: bytes  # canonical bytes of the request; only their keyed hash is stored

    def fingerprint(self) -> bytes:
        return hmac.digest(settings.SECRET_KEY.encode(), self.body, "sha256")

    def stored(self, principal: Principal) -> str:
        """Return what the database has in place of the key: another hash for each caller and route,
        by a key that is not in the database."""
        whose = (str(principal.agency_id), str(principal.caller_id), self.route, self.key)
        told_apart = "\0".join(whose).encode()
        return hmac.digest(derived_key("idempotency-key"), told_apart, "sha256").hex()


def begin(principal: Principal, key: Key | None) -> UUID | None:
    """Return the id that the key led to before, or None to go on. Call it inside the create's
    transaction.

    Raises Conflict while the same key is in flight, KeyReused for another body.
    """
    if key is None:
        return None
    stored = key.stored(principal)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [stored])
        row = cursor.fetchone()
    if not (row and row[0]):
        raise Conflict("in_flight", "The same request is still under way. Wait, then ask again.")
    found = IdempotencyKey.objects.filter(
        agency_id=principal.agency_id,
        caller_id=principal.caller_id,
        route=key.route,
        key=stored,
    ).first()
    if found is None:
        return None
    if not hmac.compare_digest(bytes(found.fingerprint), key.fingerprint()):
        raise KeyReused
    result: UUID = found.result_id
    return result


def finish(
    principal: Principal,
    key: Key | None,
    result_id: UUID,
    now: datetime,
    *,
    referral_id: UUID | None,
) -> None:
    """Store what the key led to, in the create's own transaction, whose clock says `now`: for 30
    days, or until `referral_id` is purged (None: it belongs to no referral)."""
    if key is None:
        return
    IdempotencyKey.objects.create(
        agency_id=principal.agency_id,
        caller_id=principal.caller_id,
        route=key.route,
        key=key.stored(principal),
        fingerprint=key.fingerprint(),
        status=201,
        result_id=result_id,
        referral_id=referral_id,
        created_at=now,
    )
