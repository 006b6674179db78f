"""What an identity provider calls a person: sealed by a key outside the database, with whose name
it is, so that a writer of the database gives no one another's name. The keyed hashes find two that
are the same. Runs as `signin`."""

import hmac
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction

from permissions.errors import Conflict, Unavailable
from permissions.identity import row_macs
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import ScimUser


class Names(NamedTuple):
    """The provider's two names of a person. `external_id` may be empty."""

    user_name: str
    external_id: str = ""


def put(row: ScimUser, names: Names | None) -> None:
    """Save the row with these names, in the open transaction of `signin`. Raises Conflict: the
    provider calls another person of the agency so; Unavailable."""
    names = names or Names("")
    row.user_name_hash = _hash(row.agency_id, "user name", names.user_name.casefold())
    row.external_id_hash = _hash(row.agency_id, "external id", names.external_id)
    row.sealed = seal(derived_key("scim user"), orjson.dumps(list(names)), _context(row))
    try:
        with transaction.atomic(using="signin"):
            row.save(using="signin")
    except IntegrityError:
        raise Conflict(
            "scim_taken", "Another user of your agency has this userName or externalId."
        ) from None


def names_of(row: ScimUser) -> Names:
    """The names of this row. Raises Unavailable (`binding`) for a row that this server did not
    write."""
    try:
        found = unseal(derived_key("scim user"), bytes(row.sealed), _context(row))
    except Unavailable:
        row_macs.refuse("scim_user", row.id)
        raise
    return Names(*orjson.loads(found))


def _hash(agency_id: UUID, what: str, text: str) -> bytes | None:
    if not text:
        return None
    told = f"{agency_id}\0{what}\0{text}".encode()
    return hmac.digest(derived_key("scim names"), told, "sha256")


def _context(row: ScimUser) -> str:
    return f"scim user {row.id} {row.agency_id} {row.invitation_id} {row.member_id}"
