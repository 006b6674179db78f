"""An agency's own number for a referral (T4): sealed for the agency, shown to those of its people
who work on it, and found by exact match (ADR 0110).

The database has the number wrapped by the agency's key, and its keyed hash for the search. Who may
read, store and find one is decided by functions of the database (referrals/sql/functions/
record_numbers.sql).
"""

import hmac
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection

from permissions import displayed_text
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, NotPermitted, NotPossible, Unavailable
from permissions.identity import bound_access, brakes
from permissions.keys import wrapping
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import KeyGone, Wrapped, key_store
from permissions.principal import Principal

log = structlog.get_logger()

MAX_CHARS = 100
_PADDED_TO = 4 * MAX_CHARS  # bytes: the size of a sealed number does not say how long it is
UNKNOWN = "external_ref_unknown"  # in the access log: a search without a match

OF_MEMBER = brakes.Limit("external_ref_of_member", 60, timedelta(hours=1))
OF_CLIENT = brakes.Limit("external_ref_of_client", 600, timedelta(hours=1))


class SealedNumber(NamedTuple):
    """A number as the database has it, with the record of who may open what of its referral."""

    referral_id: UUID | str
    kek_version: int
    key_bundle: bytes | memoryview
    access: bytes | memoryview | None


def normalized(number: str, pointer: str) -> str:
    """Return the number as it is stored and compared: 1 to 100 visible characters in one line.
    Raises BadRequest."""
    text = displayed_text.normalized(number).strip()
    if not 1 <= len(text) <= MAX_CHARS:
        raise BadRequest("invalid", f"Enter 1 to {MAX_CHARS} characters.", pointer)
    if fault := displayed_text.fault_of(text, lines=False):
        raise BadRequest("invalid", fault, pointer)
    return text


def keyed_hash(principal: Principal, number: str) -> bytes:
    """Return what the database has in place of the number: a hash by a key that is not in it,
    another one for each agency."""
    key = derived_key(f"record number of {principal.agency_id}")
    return hmac.digest(key, number.encode(), "sha256")


def store(principal: Principal, referral_id: UUID, number: str) -> None:
    """Store the number in place of the last one, within the act. Twice is safe.

    `number` is normalized. Raises NotPossible if another referral that the member works on has it
    (but in practice, where all have the same), Unavailable.
    """
    plain = number.encode().ljust(_PADDED_TO, b"\0")
    wrapped = wrapping.wrap(principal.agency_id, plain, _context(principal, referral_id))
    values: list[Any] = [uuid7(), referral_id, keyed_hash(principal, number)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sec.store_record_number(%s, %s, %s, %s, %s, %s)",
            [*values, wrapped.kek_version, wrapped.blob, not principal.practices],
        )
        ((stored,),) = cursor.fetchall()
    if not stored:
        raise NotPossible(
            "external_ref_taken",
            "Another referral that you work on has this number already.",
            "/ref",
        )


def opened(principal: Principal, found: Iterable[SealedNumber]) -> dict[str, str]:
    """Return the numbers by the referral's id, within the transaction that has read them.

    One that this server's record does not let the caller work on is left out, and logged loudly.
    From the first that the key store does not open for now, the rest is left out as well: no one
    waits for a number to see a notice.
    """
    numbers = {}
    for one in found:
        referral_id = UUID(str(one.referral_id))
        try:
            if not bound_access.opened(referral_id, one.access).lets_work(principal):
                raise bound_access.refused(referral_id)
            numbers[str(referral_id)] = _unwrapped(principal, one)
        except Unavailable as error:
            log.error("not_answered", error=error.code)
            if error.code == "key_store":
                break
    return numbers


def require_look_up(principal: Principal) -> None:
    """Count one search by a number, in the caller's transaction. Raises NotPermitted (a system that
    names no member), TooOften."""
    if principal.member_id is None:
        raise NotPermitted("acting_member_needed", "Name the acting member: header Acting-Member.")
    if principal.client_id is not None:
        brakes.require_turn(OF_CLIENT, principal.client_id)
    else:
        brakes.require_turn(OF_MEMBER, principal.member_id)


def _sealed(referral_id: UUID) -> list[SealedNumber]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.own_record_numbers(%s::uuid[])", [[str(referral_id)]])
        return [SealedNumber._make(row) for row in cursor.fetchall()]


def _unwrapped(principal: Principal, one: SealedNumber) -> str:
    wrapped = Wrapped(one.kek_version, bytes(one.key_bundle))
    context = _context(principal, one.referral_id)
    try:
        plain = key_store().unwrap(principal, wrapped, context)
    except KeyGone:  # a rotation may have rewrapped it since the read, and ended that version
        again = _sealed(UUID(str(one.referral_id)))
        if not again or again[0].kek_version == one.kek_version:
            raise
        return _unwrapped(principal, again[0])
    return plain.rstrip(b"\0").decode()


def _context(principal: Principal, referral_id: UUID | str) -> str:
    return f"record_number:{referral_id}:{principal.agency_id}"
