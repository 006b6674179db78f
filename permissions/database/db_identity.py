"""A transaction with an identity: the only way to the protected tables.

The identity is a transaction-local setting. It ends with the transaction, so a pooled connection
carries nothing over (ADR 0002).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from permissions.database.prepared_statements import RoundTrip
from permissions.principal import Principal

# SET, not set_config(): half the time, for no query is planned.
IDENTIFY = "SET LOCAL cairn.token = %s; SET LOCAL cairn.acting = %s"
IDENTIFY_BY_NAME = IDENTIFY.replace("%s", "%(cairn_token)s", 1).replace("%s", "%(cairn_acting)s", 1)


@contextmanager
def identified_transaction(
    principal: Principal | None, using: str = "default"
) -> Iterator[datetime]:
    """One transaction as `principal` (None: as nobody). Yields the database's clock, UTC.

    Durable: it cannot be nested in another transaction, whose rollback would lose the log entry.
    """
    with transaction.atomic(using=using, durable=True):
        yield identify(principal, using)


@contextmanager
def identified_transaction_with_query(
    principal: Principal, ask: RoundTrip | None, using: str = "default"
) -> Iterator[tuple[datetime, list[tuple[Any, ...]]]]:
    """The same, and a question in the same packet. Yields the clock and the rows that it found.

    The question's first column is sec.clock(), asked behind whatever lock stands before it.
    """
    with transaction.atomic(using=using, durable=True):
        if ask is None:
            yield identify(principal, using), []
            return
        with connections[using].cursor() as cursor:
            identity = {"cairn_token": principal.token_hash, "cairn_acting": principal.acting}
            cursor.execute(f"{IDENTIFY_BY_NAME}; {ask.sql}", {**ask.values, **identity})
            rows = cursor.fetchall()
        yield rows[0][0] if rows else identify(principal, using), rows


def run_in_round_trip(principal: Principal, *asks: RoundTrip) -> list[tuple[Any, ...]]:
    """One packet that is a transaction of its own: when its answer is here, what it wrote has been
    committed; where one statement fails, nothing was written. The rows of the last statement."""
    connection = connections["default"]
    if connection.in_atomic_block:
        raise RuntimeError("Within another transaction it would be committed with that one only.")
    values = {"cairn_token": principal.token_hash, "cairn_acting": principal.acting}
    for ask in asks:
        values |= ask.values
    with connection.cursor() as cursor:
        cursor.execute("; ".join([IDENTIFY_BY_NAME, *(ask.sql for ask in asks)]), values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def identify(principal: Principal | None, using: str = "default") -> datetime:
    """Set the identity of the open transaction; returns `sec.clock()`. One query."""
    token, acting = (principal.token_hash, principal.acting) if principal else ("", "")
    with connections[using].cursor() as cursor:
        cursor.execute(f"{IDENTIFY}; SELECT sec.clock()", [token, acting])
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now
