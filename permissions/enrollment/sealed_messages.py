"""Messages with a secret in them, to an address that is no channel yet: the link of an invitation,
a code that is spoken. Address and secret are sealed by a key outside the database until the message
has left, and erased then. referrals/notifications/sealed_messages.py sends them.
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson

from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from permissions.identity.contact_channels import normalize_address
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import SealedMessage

MOST_TRIES = 8
FIRST_REST = timedelta(seconds=5)


class Address(NamedTuple):
    """Where a message goes: `kind` is mail, sms or voice."""

    kind: str
    address: str
    language: str = "en"


class Content(NamedTuple):
    address: str
    language: str
    template: str
    secret: str  # the link, or the code


def checked(to: Address) -> Address:
    """The address as it is stored. Raises BadRequest."""
    return to._replace(address=normalize_address(to.kind, to.address))


def queue(
    about_id: UUID, to: Address, template: str, secret: str, expires_at: datetime, using: str
) -> None:
    """Queue one message, in the open transaction of `using`; what waited about the same is
    replaced. Raises Unavailable."""
    SealedMessage.objects.using(using).filter(about_id=about_id).delete()
    add(about_id, to, template, secret, expires_at, using)


def add(
    about_id: UUID, to: Address, template: str, secret: str, expires_at: datetime, using: str
) -> None:
    """The same, next to what waits."""
    message_id, now = uuid7(), database_now(using)
    content = Content(to.address, to.language, template, secret)
    SealedMessage.objects.using(using).create(
        id=message_id,
        about_id=about_id,
        kind=to.kind,
        sealed=seal(_key(), orjson.dumps(list(content)), _context(message_id)),
        created_at=now,
        due_at=now,
        expires_at=expires_at,
    )


def content_of(message: SealedMessage) -> Content:
    """What was sealed. Raises Unavailable if this server did not seal it."""
    found = orjson.loads(unseal(_key(), bytes(message.sealed or b""), _context(message.id)))
    return Content(*found)


def _key() -> bytes:
    return derived_key("sealed message")


def _context(message_id: UUID) -> str:
    return f"sealed message {message_id}"
