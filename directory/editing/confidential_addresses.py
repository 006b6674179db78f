"""Stores the address of a confidential place, if its agency wants to keep it here at all (R4).

Storing it is the agency's opt-in. It is sealed with the agency's key. Members of the agency open it
one at a time; each opening first writes an access entry (R11). No document, search, export or log
contains it. Two agencies that edit one place keep one address each, and neither learns of the
other's. It is deleted with the place, and when the place is no longer confidential.
"""

from collections.abc import Mapping
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from directory import models as m
from directory.editing.edit import editing_transaction, load_for_editing
from permissions.audit import writer
from permissions.database.aliases import EDITOR
from permissions.database.uuid7 import uuid7
from permissions.enrollment import resets
from permissions.errors import NotPossible, NotVisible
from permissions.keys import wrapping
from permissions.keys.keystore import KeyGone, Wrapped, key_store, seal, unseal
from permissions.models import CASEWORK
from permissions.principal import Principal

READERS = (*CASEWORK, "directory_editor")


def _context(row_id: UUID) -> str:
    return f"directory_confidential_address:{row_id}:address"


def put_address(principal: Principal, location_id: UUID, address: Mapping[str, str]) -> None:
    """Seal the address of a confidential place for the caller's own agency; replaces the last one.

    For editors of the place. Twice is safe. Raises NotVisible, NotPermitted, NotPossible if the
    place is not confidential (its address belongs in its document), Unavailable.
    """
    with editing_transaction(principal, "location", location_id, "address.put") as attempt:
        if not load_for_editing(principal, "location", location_id).row["confidential"]:
            raise NotPossible("not_confidential", "This place is public, and so is its address.")
        kept = m.ConfidentialAddress.objects.using(EDITOR).filter(
            location_id=location_id, agency_id=principal.agency_id
        )
        there = kept.values_list("id", flat=True).first()
        row_id = there or uuid7()
        key = AESGCM.generate_key(256)
        wrapped = wrapping.wrap(principal.agency_id, key, _context(row_id), using=EDITOR)
        values = {
            "kek_version": wrapped.kek_version,
            "key_bundle": wrapped.blob,
            "sealed": seal(key, orjson.dumps(dict(address)), _context(row_id)),
            "updated": attempt.now,
        }
        if there:
            kept.update(**values)
        else:
            m.ConfidentialAddress.objects.using(EDITOR).create(
                id=row_id, location_id=location_id, agency_id=principal.agency_id, **values
            )


def open_address(principal: Principal, location_id: UUID) -> dict[str, str]:
    """The address in clear, for a worker, lead or directory editor of the agency that stored it.

    Clients cannot open it. Each opening is an access entry. For all other callers it does not exist
    (R3). Raises NotVisible, NotPossible (the caller's reset waits), Unavailable.
    """
    with writer.logged_act(principal, "address.open", directory_id=location_id) as attempt:
        if principal.is_client or not principal.has_role(*READERS):
            raise NotVisible
        resets.require_confirmed(principal)
        attempt.record()
        row = m.ConfidentialAddress.objects.filter(
            location_id=location_id, agency_id=principal.agency_id
        ).first()
        if row is None:
            raise NotVisible
        key = _key(principal, row)
        found: dict[str, str] = orjson.loads(unseal(key, bytes(row.sealed), _context(row.id)))
        return found


def _key(principal: Principal, row: m.ConfidentialAddress) -> bytes:
    wrapped = Wrapped(row.kek_version, bytes(row.key_bundle))
    try:
        return key_store().unwrap(principal, wrapped, _context(row.id))
    except KeyGone:  # a key rotation has rewrapped it since this read and ended that version
        row.refresh_from_db()
        if row.kek_version == wrapped.kek_version:
            raise
        return _key(principal, row)


def remove_address(principal: Principal, location_id: UUID) -> None:
    """Delete the address that the caller's agency has sealed for this place. Twice is safe."""
    with editing_transaction(principal, "location", location_id, "address.remove"):
        load_for_editing(principal, "location", location_id)
        m.ConfidentialAddress.objects.using(EDITOR).filter(
            location_id=location_id, agency_id=principal.agency_id
        )._raw_delete(EDITOR)
