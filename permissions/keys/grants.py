"""Grants: which agency holds which of a packet's keys. Granting is wrapping (ADR 0019).

A bundle is a JSON object {field: [id of the sealed row, its key in hex]}, wrapped for one agency.
The sender has a bundle of all its fields. The recipient gets one of the released fields only: the
*sender's* act makes it, row security hides it until the accept, and revoke, withdraw and stop
destroy it. A field that is written again gets a new row and a new key; no one can open the old row.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from permissions.database.uuid7 import uuid7
from permissions.errors import Unavailable
from permissions.keys import wrapping as agency_keys
from permissions.keys.keystore import KeyGone, Wrapped, key_store
from permissions.models import Grant, PrivateKey
from permissions.principal import Principal, key_owner


class SealedKey(NamedTuple):
    row: str  # id of the sealed row; '' where one key is for many rows (notes)
    key: bytes


Keys = dict[str, SealedKey]  # name of the field → the row that holds it, and its key


class GrantView(NamedTuple):
    """The parts of a grant that a reader needs; a model instance takes longer to build than the
    row to read."""

    referral_id: UUID
    release_id: UUID | None
    fields: list[str]
    expires_at: datetime | None
    kek_version: int | None
    key_bundle: bytes | memoryview | None
    redisclosure_notice: str | None


def _context(kind: str, referral_id: UUID, agency_id: UUID) -> str:
    return f"{kind}:{referral_id}:{agency_id}"


def _wrap(kind: str, referral_id: UUID, agency_id: UUID, keys: Keys) -> Wrapped:
    plain = json.dumps({name: [row, key.hex()] for name, (row, key) in keys.items()}).encode()
    return agency_keys.wrap(agency_id, plain, _context(kind, referral_id, agency_id))


def _unwrap(
    principal: Principal, kind: str, referral_id: UUID, version: int, bundle: bytes | memoryview
) -> Keys:
    context = _context(kind, referral_id, principal.agency_id)
    plain = key_store().unwrap(principal, Wrapped(version, bytes(bundle)), context)
    found = orjson.loads(plain).items()
    return {name: SealedKey(row, bytes.fromhex(key)) for name, (row, key) in found}


def live_grant(principal: Principal, referral_id: UUID) -> Grant | None:
    """The live grant of the principal's own agency on this referral, if row security shows it."""
    grants = Grant.objects.filter(referral_id=referral_id, agency_id=principal.agency_id)
    return grants.first()


def open_bundle(
    principal: Principal,
    grant: Grant | GrantView,
    look_again: Callable[[], Grant | GrantView | None] | None = None,
) -> Keys:
    """The keys in a grant of the principal's own agency. `look_again`: reads the grant again where
    no transaction is open. Raises Unavailable."""
    if grant.kek_version is None or grant.key_bundle is None:
        return {}
    try:
        return _unwrap(principal, "packet", grant.referral_id, grant.kek_version, grant.key_bundle)
    except KeyGone:  # a rotation may have rewrapped it since the read, and ended that version
        again = look_again() if look_again else live_grant(principal, grant.referral_id)
        if again is None or again.kek_version == grant.kek_version:
            raise
        return open_bundle(principal, again, look_again)


def store_own_bundle(
    principal: Principal, referral_id: UUID, grant: Grant | None, keys: Keys
) -> None:
    """Store the sender's own bundle: the keys of the packet's current fields."""
    fields = sorted(keys)
    wrapped = _wrap("packet", referral_id, principal.agency_id, keys)
    if grant is None:
        Grant.objects.create(
            referral_id=referral_id,
            agency_id=principal.agency_id,
            fields=fields,
            kek_version=wrapped.kek_version,
            key_bundle=wrapped.blob,
        )
        return
    Grant.objects.filter(id=grant.id).update(
        fields=fields, kek_version=wrapped.kek_version, key_bundle=wrapped.blob
    )


def wrap_for_recipient(referral_id: UUID, to_agency_id: UUID, release_id: UUID, keys: Keys) -> None:
    """Wrap the released fields' keys for the recipient, by the sender's act. This replaces the
    recipient's last bundle."""
    wrapped = _wrap("packet", referral_id, to_agency_id, keys)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sec.store_grant(%s, %s, %s, %s, %s, %s)",
            [uuid7(), referral_id, release_id, sorted(keys), wrapped.kek_version, wrapped.blob],
        )


def narrow_grant(
    referral_id: UUID,
    to_agency_id: UUID,
    release_id: UUID,
    fields: list[str],
    until: datetime,
    keys: Keys | None,
) -> None:
    """Narrow a release to `fields` and `until`, and the recipient's bundle with it.

    `keys`: all keys that the caller could open; those that are left are wrapped again for the
    recipient. None: the caller could open none; then the bundle is destroyed, unless no field was
    removed.
    """
    left = {name: keys[name] for name in fields if name in keys} if keys else {}
    wrapped = _wrap("packet", referral_id, to_agency_id, left) if left else None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sec.narrow_release(%s, %s, %s, %s, %s)",
            [
                release_id,
                fields,
                until,
                wrapped.kek_version if wrapped else None,
                wrapped.blob if wrapped else None,
            ],
        )


def narrowed_bundle(
    referral_id: UUID, agency_id: UUID, wrapped: Wrapped, fields: list[str]
) -> Wrapped | None:
    """The bundle of this agency with the keys of `fields` only, wrapped again. No content is
    opened, and no one's right is used: the survivor themselves takes something away. None: no key
    is left, or the key store does not answer; then the bundle is destroyed, for no survivor's word
    waits for a key."""
    try:
        keys = _unwrap(
            key_owner(agency_id), "packet", referral_id, wrapped.kek_version, wrapped.blob
        )
        left = {name: keys[name] for name in fields if name in keys}
        return _wrap("packet", referral_id, agency_id, left) if left else None
    except Unavailable:
        return None


def open_recipient_bundle(referral_id: UUID) -> None:
    """Make the recipient's bundle, if there is one, visible to it after its accept."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.activate_grant(%s)", [referral_id])


def destroy_recipient_bundle(referral_id: UUID) -> None:
    """Destroy the recipient's bundle at once. Twice is safe."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.destroy_grant(%s)", [referral_id])


def revoke_before_accept(referral_id: UUID, via: str) -> None:
    """End any release in force, by the recipient before its accept, and destroy the bundle that was
    prepared for it. It does not reveal whether there was one (R1). Twice is safe."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.revoke_before_accept(%s, %s)", [referral_id, via])


def own_notes_key(principal: Principal, referral_id: UUID, *, make: bytes | None = None) -> Keys:
    """The key of the agency's own notes on a referral. If there is none, `make` is stored as the
    key; without `make`, the result is empty."""
    row = PrivateKey.objects.filter(referral_id=referral_id, agency_id=principal.agency_id).first()
    if row is not None:
        try:
            return _unwrap(principal, "notes", referral_id, row.kek_version, row.key_bundle)
        except KeyGone:  # as in open_bundle
            read = row.kek_version
            row.refresh_from_db()
            if row.kek_version == read:
                raise
            return own_notes_key(principal, referral_id)
    if make is None:
        return {}
    keys = {"notes": SealedKey("", make)}
    wrapped = _wrap("notes", referral_id, principal.agency_id, keys)
    PrivateKey.objects.create(
        referral_id=referral_id,
        agency_id=principal.agency_id,
        kek_version=wrapped.kek_version,
        key_bundle=wrapped.blob,
    )
    return keys


# -- What the recipient returns --------------------------------------------------------------------


def wrap_for_sender(referral_id: UUID, to_agency_id: UUID, key: bytes) -> Wrapped:
    """Wrap the key of returned content for the sender, by the recipient's act."""
    return _wrap("returned", referral_id, to_agency_id, {"returned": SealedKey("", key)})


def unwrap_returned_key(principal: Principal, referral_id: UUID, wrapped: Wrapped) -> bytes:
    """The key of content that was returned to the principal's agency. Raises Unavailable."""
    keys = _unwrap(principal, "returned", referral_id, *wrapped)
    return keys["returned"].key
