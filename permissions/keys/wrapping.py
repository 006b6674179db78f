"""Wrapping within a database transaction: the lock that a wrap holds, and the one case in which an
agency's first key may be made. All code that seals calls this; the key store uses no database.

A wrap holds the agency's key lock, shared, until its transaction ends; ending a version takes it
exclusively, once. So no row can commit under a version that was ended meanwhile. Readers hold no
lock: a reader whose version ended between its read and its unwrapping reads again.
"""

from uuid import UUID

from django.db import connections

from permissions.database.advisory_locks import WRAPPING, lock_number
from permissions.errors import Unavailable
from permissions.keys import key_folder
from permissions.keys.keystore import NoKey, Wrapped, key_store
from permissions.principal import key_owner

# The owner of the key that wraps what the background work must open to send. It is not an agency,
# so that the work needs no agency's key. It is a default in referrals/models/webhooks.py.
WEBHOOK_KEY_OWNER = UUID("00000000-0000-4000-8000-000000000001")
_WEBHOOK_SENDER = key_owner(WEBHOOK_KEY_OWNER)


def wrap(agency_id: UUID, plain: bytes, context: str, using: str = "default") -> Wrapped:
    """Wrap for an agency, within a transaction. Make its first key now if it never had one.

    Raises Unavailable: the store does not answer, or has lost a key that the database knows of, or
    this server's folder is not the shared one.
    """
    key_folder.refuse_if_not_shared()
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s, %s)", [WRAPPING, lock_number(agency_id)]
        )
        try:
            return key_store().wrap(agency_id, plain, context)
        except NoKey:
            cursor.execute("SELECT sec.has_bundles(%s)", [agency_id])
            ((known,),) = cursor.fetchall()
    if known:  # a newly begun key would open nothing that the database holds
        raise Unavailable("key_store", "The key store has lost a key.")
    key_folder.confirm(using)
    key_store().begin_version(agency_id)
    return key_store().wrap(agency_id, plain, context)


def unwrap_for_delivery(wrapped: Wrapped, context: str) -> bytes:
    """Unwrap what was wrapped for WEBHOOK_KEY_OWNER, for the background work. Raises KeyGone,
    Unavailable."""
    return key_store().unwrap(_WEBHOOK_SENDER, wrapped, context)
