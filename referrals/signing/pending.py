"""The rows of signatures that are being asked for: what is sealed in one, and how it is found.

The page's secret is on the worker's page and in the picture that the survivor's phone reads, and
nowhere in the database: a row is found by the secret's hash and sealed by a key that is made of the
secret and of the server's own. So a copy of the database opens nothing, not even together with the
server's key. A row that is moved or changed is none, and one that was used or ended is in the
journal of closings: an older copy of it comes to nothing. Runs as `signin`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction

from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from permissions.errors import NotVisible, Unavailable
from permissions.keys import closings
from permissions.keys.derived_keys import derived_from, derived_key
from permissions.keys.keystore import seal, unseal
from referrals.models import Signing

LIVES = timedelta(minutes=10)  # until it is signed
RECORDED_WITHIN = timedelta(hours=1)  # from then on
SECRET_BYTES = 32
OVER = closings.CREDENTIAL_VERSION  # in the journal, which forgets it after half a day


@dataclass(slots=True)
class Content:
    """What is sealed in a row."""

    signature_id: UUID
    referral_id: UUID
    agency_id: UUID
    member_id: UUID  # who asks for it, and who alone records it
    act: str  # put_release, put_notice_release or put_return_release
    way: str  # screen, own_phone
    language: str
    terms: dict[str, Any]  # signed_record.terms_json
    paper: list[list[str]]
    signers: list[str]  # in the order in which they sign
    asks_name: bool  # the law asks for the name on the paper
    begun_at: datetime
    signed_at: datetime | None = None
    record: str | None = None

    def is_over(self, now: datetime) -> bool:
        if self.signed_at is not None:
            return now >= self.signed_at + RECORDED_WITHIN
        return now >= self.begun_at + LIVES


def make(content: Content) -> str:
    """Store it in place of the one that was asked for this release before, whose page is dead from
    now on. Returns the page's secret."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = Signing(
        about_hash=_about(content.referral_id, content.act),
        signature_id=content.signature_id,
        secret_hash=_hash_of(secret),
    )
    _fill(row, content, secret)
    columns = ["signature_id", "secret_hash", "gone_at", "sealed"]
    with transaction.atomic(using="signin"):
        Signing.objects.using("signin").bulk_create(
            [row], update_conflicts=True, unique_fields=["about_hash"], update_fields=columns
        )
    return secret


def new_id() -> UUID:
    """The id of a signature: of its row here, and of its sealed record later."""
    return uuid7()


def find(secret: str) -> Content:
    """The signature that is asked for on this page. Raises NotVisible: there is none, or it is
    over."""
    return _opened(secret, lock=False)[1]


@contextmanager
def locked(secret: str) -> Iterator[tuple[Signing, Content]]:
    """The same, its row locked in a transaction of `signin` that ends with the block."""
    with transaction.atomic(using="signin"):
        yield _opened(secret, lock=True)


def save(row: Signing, content: Content, secret: str) -> None:
    """Store what has changed, in the open transaction."""
    _fill(row, content, secret)
    row.save(using="signin", update_fields=["gone_at", "sealed"])


def end(row: Signing) -> None:
    """End it in the open transaction: its page is dead, also in an older copy of the database."""
    row.delete(using="signin")
    subject = row.signature_id.hex, OVER
    transaction.on_commit(lambda: closings.close([subject]), using="signin")


def step() -> bool:
    """Delete the rows that are over: a job of the background work. Twice is safe."""
    with transaction.atomic(using=JOBS):
        Signing.objects.using(JOBS).filter(gone_at__lte=database_now(JOBS)).delete()
    return False


def _opened(secret: str, *, lock: bool) -> tuple[Signing, Content]:
    rows = Signing.objects.using("signin").filter(secret_hash=_hash_of(secret))
    row = (rows.select_for_update() if lock else rows).first()
    if row is None:
        raise NotVisible
    try:
        sealed = unseal(_key(secret), bytes(row.sealed), str(row.signature_id))
    except Unavailable:  # a row that was moved or changed is none
        raise NotVisible from None
    found = _read(sealed)
    about = _about(found.referral_id, found.act)
    if bytes(row.about_hash) != about or found.is_over(database_now("signin")):
        raise NotVisible
    if closings.least_version(row.signature_id.hex) >= OVER:
        raise NotVisible
    return row, found


def _fill(row: Signing, content: Content, secret: str) -> None:
    signed = content.signed_at
    row.gone_at = signed + RECORDED_WITHIN if signed else content.begun_at + LIVES
    row.sealed = seal(_key(secret), orjson.dumps(asdict(content)), str(content.signature_id))


def _read(plain: bytes) -> Content:
    found = orjson.loads(plain)
    for field in fields(Content):
        value = found[field.name]
        if value is not None and field.name.endswith("_id"):
            found[field.name] = UUID(value)
        elif value is not None and field.name.endswith("_at"):
            found[field.name] = datetime.fromisoformat(value)
    return Content(**found)


def _hash_of(secret: str) -> bytes:
    """SHA-256. The secret has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _key(secret: str) -> bytes:
    # Not `derived_key`: it would keep the secret in this process.
    own = hashlib.sha256(b"signing " + secret.encode(errors="replace")).hexdigest()
    return derived_from(settings.SECRET_KEY.encode(), f"signing {own}")


def _about(referral_id: UUID, act: str) -> bytes:
    """Which release is asked for: by a key outside the database, so that the row tells no one."""
    return hmac.digest(derived_key("signing"), f"{referral_id} {act}".encode(), "sha256")
