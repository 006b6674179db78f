"""`Idempotency-Key` on writes that make or send something each time (ADR 0111).

(draft-ietf-httpapi-idempotency-key-header.) Only an id is stored, never a body or a key. A key
belongs to one caller on one route. It is text of the caller's choice, so that the database has its
keyed hash alone (ADR 0069). Which routes take one: referrals/act_registry/repeats.py.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from permissions.errors import InFlight, KeyReused
from permissions.keys.derived_keys import derived_key
from permissions.principal import Principal
from referrals.models import IdempotencyKey


@dataclass(slots=True)
class Key:
    """A request with its caller's key, so that a repeated one makes nothing new. `key`: 1 to 128
    characters of the caller's choice."""

    route: str
    key: str
    body: bytes  # canonical bytes of the request; only their keyed hash is stored
    replayed: bool = False  # whether it was found to be a repeat: `begin` says so

    def fingerprint(self) -> bytes:
        return hmac.digest(settings.SECRET_KEY.encode(), self.body, "sha256")

    def stored(self, principal: Principal) -> str:
        """Return what the database has in place of the key: another hash for each caller and route,
        by a key that is not in the database."""
        whose = (str(principal.agency_id), str(principal.caller_id), self.route, self.key)
        told_apart = "\0".join(whose).encode()
        return hmac.digest(derived_key("idempotency-key"), told_apart, "sha256").hex()

    def begin(self, principal: Principal) -> UUID | None:
        """Return the id that the key led to before (permissions/repeated_requests.py)."""
        return begin(principal, self)

    def finish(self, principal: Principal, result_id: UUID, now: datetime) -> None:
        """Store the id of what was made, which belongs to no referral."""
        finish(principal, self, result_id, now, referral_id=None)


def begin(principal: Principal, key: Key | None) -> UUID | None:
    """Return the id that the key led to before, or None to go on. Call it inside the write's
    transaction, after the caller's right to it: a replay is authorized again.

    Raises InFlight while the same key is under way, KeyReused for another body.
    """
    if key is None:
        return None
    stored = key.stored(principal)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [stored])
        row = cursor.fetchone()
    if not (row and row[0]):
        raise InFlight
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
    key.replayed = True
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
    """Store what the key led to, in the write's own transaction, whose clock says `now`: for 30
    days (referrals/deadlines/purge.py), or until `referral_id` is purged (None: it belongs to no
    referral)."""
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
