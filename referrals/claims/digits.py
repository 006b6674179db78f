"""The two digits that a call to a member's own line asks for. An answering machine cannot key them.

Digits and address of a call are made of its message's id by a key that is in no database: a worker
that dies and calls again says the same, and a reader of the database learns neither.
"""

import base64
import hmac
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connections

from permissions.audit import writer
from permissions.database.uuid7 import uuid7
from permissions.errors import NotVisible
from permissions.keys.derived_keys import derived_key

PATH = "/call/awake/"  # api/desk/urls.py
DIGITS = 2
_MAC_BYTES = 24


class Asked(NamedTuple):
    """What a call asks for: the digits, and the address to which what was keyed goes."""

    digits: str
    link: str


def of_call(message_id: UUID, language: str) -> Asked:
    """The digits and the address of one call; the same whenever it is asked."""
    token = base64.urlsafe_b64encode(message_id.bytes + _mac("address", message_id)[:_MAC_BYTES])
    base = settings.BASE_URL.rstrip("/")
    return Asked(_digits(message_id), f"{base}{PATH}{language}/{token.decode().rstrip('=')}")


def key_in(token: str, digits: str) -> str:
    """Take what was keyed in the call with this token. The right digits record the member's claim,
    once. Returns `claimed`, `wrong` (also to who may not know of the referral), `over` (it waits
    for no one any more) or `ended` (three were wrong). Twice, or twice at once, is safe. Raises
    NotVisible (no such call), Unavailable."""
    message_id = _called(token)
    if message_id is None:
        writer.log_refusal(None, "referral.claim", NotVisible.code)
        raise NotVisible
    is_right = hmac.compare_digest(_digits(message_id).encode(), digits.encode(errors="replace"))
    origin = writer.origin.get()
    with writer.unwritten_is_unavailable(), connections["signin"].cursor() as cursor:
        cursor.execute(
            "SELECT sec.key_claim(%s, %s, %s, %s, %s, %s)",
            [
                *(uuid7(), uuid7(), message_id, is_right),
                *(origin.request_id, origin.address_prefix),
            ],
        )
        keyed: str = cursor.fetchone()[0]
    return keyed


def _called(token: str) -> UUID | None:
    """The message of this token; None: we made no such token."""
    try:
        given = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        message_id = UUID(bytes=given[:16])
    except ValueError:
        return None
    if not hmac.compare_digest(given[16:], _mac("address", message_id)[:_MAC_BYTES]):
        return None
    return message_id


def _digits(message_id: UUID) -> str:
    number = int.from_bytes(_mac("digits", message_id)[:8], "big") % 10**DIGITS
    return f"{number:0{DIGITS}}"


def _mac(use: str, message_id: UUID) -> bytes:
    return hmac.digest(derived_key("claim_call"), f"{use} {message_id}".encode(), "sha256")
