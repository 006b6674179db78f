"""A transaction with an identity: the only way to the protected tables.

The identity is a transaction-local setting. It ends with the transaction, so a pooled connection
carries nothing over (design §6).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connections, transaction

from permissions.principal import Principal

IDENTIFY = "SELECT set_config('cairn.token', %s, true), set_config('cairn.acting', %s, true)"


@contextmanager
def begin(principal: Principal | None, using: str = "default") -> Iterator[datetime]:
    """One transaction as `principal` (None: as nobody). Yields the database's clock, UTC.

    Durable: it cannot be nested in another transaction, whose rollback would lose the log entry.
    """
    with transaction.atomic(using=using, durable=True):
        yield identify(principal, using)


def identify(principal: Principal | None, using: str = "default") -> datetime:
    """Set the identity of the open transaction; returns `sec.clock()`. One query."""
    token, acting = (principal.token_hash, principal.acting) if principal else ("", "")
    with connections[using].cursor() as cursor:
        cursor.execute(f"{IDENTIFY}, sec.clock()", [token, acting])
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[2]
    return now
