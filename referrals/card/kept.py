"""The rows of notices by a card: what is sealed in one, and how it is found.

Everything that counts is sealed by a key outside the database. The columns next to it only find the
row: one that was changed there does not fit what is sealed, and is none. Runs as `signin`.
"""

import hashlib
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.errors import NotVisible
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import CardNotice

ANSWERS_FOR = timedelta(hours=24)  # how long the officer's page answers after the notice was sent
KEPT_UNSENT = timedelta(hours=1)  # from the last call on, so that the page can say what happened
SECRET_BYTES = 32


@dataclass(slots=True)
class Content:
    """What is sealed in a row. `serial` numbers the agency's calls (referrals/card/calls.py)."""

    secret_hash: str
    call_hash: str
    agency_id: UUID
    card_version: int
    service_id: UUID
    urgency: str
    agreement: str
    number: str  # that Cairn calls
    serial: int
    code: str  # on the officer's screen, to be keyed at the number
    code_ends_at: datetime
    begun_at: datetime
    referral_id: UUID | None = None
    refused: str | None = None  # the code of the refusal because of which it was not sent
    sent_at: datetime | None = None


@dataclass(slots=True)
class Kept:
    """A row, and what is sealed in it."""

    row: CardNotice
    content: Content

    @property
    def id(self) -> UUID:
        found: UUID = self.row.id
        return found


def hash_of(secret: str) -> str:
    """Hex SHA-256 of a secret with 256 random bits."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def save(kept: Kept, **options: Any) -> None:
    """Seal and store it, in the open transaction."""
    row, content = kept.row, kept.content
    begins = content.sent_at or content.code_ends_at
    row.gone_at = begins + (ANSWERS_FOR if content.sent_at else KEPT_UNSENT)
    row.secret_hash = bytes.fromhex(content.secret_hash)
    row.call_hash = bytes.fromhex(content.call_hash)
    row.sealed = seal(_key(), orjson.dumps(asdict(content)), str(row.id))
    row.save(using="signin", **options)


def of_page(notice_id: UUID, secret: str, *, lock: bool = False) -> Kept:
    """The notice of this page, if its secret is right and the day is not over. Raises NotVisible,
    Unavailable."""
    return _found(lock, "secret_hash", secret, id=notice_id)


def of_secret(secret: str) -> Kept | None:
    """The notice that was begun with this secret; None if there is none. What is over is deleted,
    in the open transaction."""
    try:
        return _found(False, "secret_hash", secret)
    except NotVisible:
        hashed = bytes.fromhex(hash_of(secret))
        CardNotice.objects.using("signin").filter(secret_hash=hashed).delete()
        return None


def of_call(token: str) -> Kept:
    """The notice of this call, locked. Raises NotVisible, Unavailable."""
    return _found(True, "call_hash", token)


def read(notice_id: UUID) -> Kept | None:
    """The notice; None if there is none."""
    row = CardNotice.objects.using("signin").filter(id=notice_id).first()
    return None if row is None else Kept(row, _opened(row))


def by_id(notice_id: UUID, *, skip_locked: bool = False) -> Kept | None:
    """The notice, locked; None if there is none, or if another process has it (`skip_locked`)."""
    rows = CardNotice.objects.using("signin").select_for_update(skip_locked=skip_locked)
    row = rows.filter(id=notice_id).first()
    return None if row is None else Kept(row, _opened(row))


def waiting(agency_id: UUID) -> Kept | None:
    """The agency's notice that waits for a call, locked; also where its call is over."""
    rows = CardNotice.objects.using("signin").select_for_update()
    row = rows.filter(agency_id=agency_id, waits=True).first()
    return None if row is None else Kept(row, _opened(row))


def _found(lock: bool, column: str, secret: str, **more: Any) -> Kept:
    hashed = hash_of(secret)
    rows = CardNotice.objects.using("signin").filter(**{column: bytes.fromhex(hashed)}, **more)
    row = (rows.select_for_update() if lock else rows).first()
    if row is None:
        raise NotVisible
    kept = Kept(row, _opened(row))
    if getattr(kept.content, column) != hashed or is_gone(kept, database_now("signin")):
        raise NotVisible
    return kept


def is_gone(kept: Kept, now: datetime) -> bool:
    """Whether it is over: the sealed times decide, not the column that deletes the row."""
    content = kept.content
    if content.sent_at is not None:
        return now >= content.sent_at + ANSWERS_FOR
    return now >= content.code_ends_at + KEPT_UNSENT


def _opened(row: CardNotice) -> Content:
    found = orjson.loads(unseal(_key(), bytes(row.sealed), str(row.id)))
    for field in fields(Content):
        value = found[field.name]
        if value is not None and field.name.endswith("_id"):
            found[field.name] = UUID(value)
        elif value is not None and field.name.endswith("_at"):
            found[field.name] = datetime.fromisoformat(value)
    return Content(**found)


def _key() -> bytes:
    return derived_key("card notice")


def step() -> bool:
    """Delete the rows that are over: a job of the background work. The log keeps what happened."""
    with transaction.atomic(using=JOBS):
        over = CardNotice.objects.using(JOBS).filter(gone_at__lte=database_now(JOBS))
        over.delete()
    return False
