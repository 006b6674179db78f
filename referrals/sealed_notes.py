"""How a row is sealed, and how an act seals what it leaves among its agency's own notes (T4)."""

import json
from collections.abc import Mapping
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from permissions.database.uuid7 import uuid7
from permissions.keys import grants
from permissions.keys.keystore import seal
from referrals.act_transaction import ActTransaction
from referrals.models import Note


def seal_context(table: str, row: UUID | str, field: str) -> str:
    """Return the additional data of a seal. A row that is moved or swapped does not open."""
    return f"{table}:{row}:{field}"


def seal_note(
    current: ActTransaction,
    kind: str,
    content: Mapping[str, str | None],
    note_id: UUID | None = None,
) -> UUID:
    """Seal `content` among the agency's own notes, within the act that causes it. Returns the
    note's id: `note_id`, or a new one."""
    key = grants.own_notes_key(
        current.principal, current.referral.id, make=AESGCM.generate_key(256)
    )["notes"].key
    note = Note(
        id=note_id or uuid7(),
        referral=current.referral,
        agency_id=current.principal.agency_id,
        member_id=current.principal.staff_id,
        kind=kind,
        created_at=current.now,
    )
    plain = json.dumps(dict(content)).encode()
    note.ciphertext = seal(key, plain, seal_context("note", note.id, kind))
    note.save(force_insert=True)
    return note.id
