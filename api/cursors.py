"""Cursors: opaque, sealed, bound to the caller's agency and to the filter they were made under."""

import base64
import binascii
import json
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from permissions.errors import BadRequest, Unavailable
from permissions.keystore import seal, unseal
from permissions.principal import Principal
from referrals.reading import Place


@lru_cache
def _derived(secret: str) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"cursor").derive(secret.encode())


def _key() -> bytes:
    return _derived(settings.SECRET_KEY)


def _context(principal: Principal, scope: str) -> str:
    return f"{principal.agency_id}:{principal.member_id}:{principal.client_id}:{scope}"


def to_cursor(principal: Principal, scope: str, place: Place | None) -> str | None:
    if place is None:
        return None
    plain = json.dumps([place.created_at.isoformat(), str(place.id)]).encode()
    sealed = seal(_key(), plain, _context(principal, scope))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def from_cursor(principal: Principal, scope: str, text: str | None) -> Place | None:
    """Raises BadRequest for a cursor of another caller, another filter, or made up."""
    if not text:
        return None
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        at, row = json.loads(unseal(_key(), sealed, _context(principal, scope)))
        return Place(datetime.fromisoformat(at), UUID(row))
    except (binascii.Error, ValueError, Unavailable):
        raise BadRequest("cursor", "Not a cursor of this list and caller.", "cursor") from None
