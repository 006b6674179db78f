"""Cursors: opaque, encrypted, bound to the caller and to the list and filter they were made for."""

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from permissions.errors import BadRequest, Unavailable
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.principal import Principal
from referrals.queries.lists import Place

BLOCK = 128  # bytes; longer than the parts of any list


def _key() -> bytes:
    return derived_key("cursor")


def _context(principal: Principal | None, scope: str) -> str:
    if principal is None:
        return f"public:{scope}"
    return f"{principal.agency_id}:{principal.member_id}:{principal.client_id}:{scope}"


def sealed(principal: Principal | None, scope: str, *parts: str) -> str:
    """Make a cursor from the parts that say where a page ended. Its length tells nothing of them:
    the number of a transaction has a digit more once there were ten times as many."""
    told = json.dumps(parts).encode()
    padded = told.ljust(-(-len(told) // BLOCK) * BLOCK)  # JSON ends before spaces
    cursor = seal(_key(), padded, _context(principal, scope))
    return base64.urlsafe_b64encode(cursor).decode().rstrip("=")


def unsealed(principal: Principal | None, scope: str, text: str, name: str) -> list[str]:
    """Return the parts of a cursor.

    Raises BadRequest (`name`: the query parameter) for a cursor of another caller, of another
    filter, or an invented one.
    """
    try:
        cursor = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        parts: list[str] = json.loads(unseal(_key(), cursor, _context(principal, scope)))
    except (binascii.Error, ValueError, Unavailable):
        raise BadRequest(
            "cursor", "The cursor does not belong to this list and caller. Start without one.", name
        ) from None
    return parts


def to_cursor(principal: Principal, scope: str, place: Place | None) -> str | None:
    if place is None:
        return None
    return sealed(principal, scope, place.created_at.isoformat(), str(place.id))


def from_cursor(principal: Principal, scope: str, text: str | None) -> Place | None:
    if not text:
        return None
    at, row = unsealed(principal, scope, text, "cursor")
    return Place(datetime.fromisoformat(at), UUID(row))
