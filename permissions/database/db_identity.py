"""A transaction with an identity: the only way to access the protected tables.

The identity is a transaction-local setting. It ends with the transaction, so a pooled connection
keeps nothing of it (ADR 0002).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from permissions.database.clock import database_now
from permissions.database.prepared_statements import RoundTrip
from permissions.principal import Principal

# SET takes half the time of set_config(), since no query is planned.
IDENTIFY = "SET LOCAL cairn.token = %s; SET LOCAL cairn.acting = %s"
IDENTIFY_BY_NAME = IDENTIFY.replace("%s", "%(cairn_token)s", 1).replace("%s", "%(cairn_acting)s", 1)
# How a system says that it names its member by their staff number: the setting is then their id.
BY_STAFF_REF = "staff_ref:"
_IDENTIFY_BY_STAFF_REF = (
    "SET LOCAL cairn.token = %(cairn_token)s; SET LOCAL cairn.acting = '';"
    " SELECT set_config('cairn.acting', sec.acting_id_of(%(cairn_acting)s), true)"
)


def identification(token_hash: str, acting: str) -> RoundTrip:
    """The statements that begin a packet as this caller. One packet is one implicit transaction, in
    which the settings hold. `acting`: the member that a client names, by their id or by
    BY_STAFF_REF and their number; '' for none."""
    by_ref = acting.startswith(BY_STAFF_REF)
    return RoundTrip(
        _IDENTIFY_BY_STAFF_REF if by_ref else IDENTIFY_BY_NAME,
        {"cairn_token": token_hash, "cairn_acting": acting.removeprefix(BY_STAFF_REF)},
    )


@contextmanager
def identified_transaction(
    principal: Principal | None, using: str = "default"
) -> Iterator[datetime]:
    """Open a transaction as `principal` (None: no identity). Yields the database's clock, UTC.

    Durable: it cannot be nested in another transaction, whose rollback would lose the log entry.
    """
    with transaction.atomic(using=using, durable=True):
        yield identify(principal, using)


@contextmanager
def identified_transaction_with_query(
    principal: Principal, ask: RoundTrip | None, using: str = "default"
) -> Iterator[tuple[datetime, list[tuple[Any, ...]]]]:
    """Do the same, and send a query in the same packet. Yields the clock and the query's rows.

    The query's first column is sec.clock(), evaluated after any lock that comes before it.
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


def query_in_transaction(
    ask: RoundTrip | None, using: str = "default"
) -> tuple[datetime, list[tuple[Any, ...]]]:
    """Send the same in the transaction that is open. Returns the clock and the query's rows."""
    if ask is None:
        return database_now(using), []
    with connections[using].cursor() as cursor:
        cursor.execute(ask.sql, ask.values)
        rows = cursor.fetchall()
    return rows[0][0] if rows else database_now(using), rows


def run_in_round_trip(principal: Principal, *asks: RoundTrip) -> list[tuple[Any, ...]]:
    """Send all statements in one packet that is its own transaction; return the rows of the last.
    When this returns, the writes are committed; if a statement fails, nothing was written. Raises
    RuntimeError within another transaction."""
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
    """Set the identity of the open transaction; return `sec.clock()`. One query."""
    token, acting = (principal.token_hash, principal.acting) if principal else ("", "")
    with connections[using].cursor() as cursor:
        cursor.execute(f"{IDENTIFY}; SELECT sec.clock()", [token, acting])
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now
