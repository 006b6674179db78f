"""The access log with its seals, as lines of text that permissions/ledger/verifier.py checks.

A checkpoint is a JSON object with `body`, `key_id`, `signature`. It follows its entries in their
sealed order, each `<leaf as it was sealed, hex> <the entry as a JSON array>`, or `<leaf> -` with id
and time if the entry is gone. At the end, marked with `+`, are the entries that should have been
sealed but never were. The lines contain no value of a referral, since the log holds none. An
agency's auditor gets the agency's own entries, and only the leaves of all others, which is enough
to check them without help.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.db import connections, transaction

from permissions.audit import queries, writer
from permissions.database import aliases
from permissions.database.aliases import SEALER
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotAuthenticated, Unavailable
from permissions.keys.keystore import key_store
from permissions.ledger import sealer
from permissions.ledger.sealer import Checkpoint
from permissions.principal import Principal

ROWS_AT_ONCE = 5_000


def verifier_lines(after: int = 0) -> Iterator[bytes]:
    """The lines of `lines`, encoded as in a file."""
    return (f"{line}\n".encode() for line in lines(after))


def lines(after: int = 0) -> Iterator[str]:
    """All lines after the checkpoint `after`, in one snapshot; memory is bounded."""
    with transaction.atomic(using=SEALER), connections[SEALER].cursor() as cursor:
        one_long_snapshot(cursor)
        last = None
        for last in sealer.checkpoints(after):
            yield from entry_lines(last)
            yield checkpoint_line(last)
        if last is not None:
            yield from _never_sealed(last)


def own_entries(principal: Principal) -> Iterator[bytes]:
    """All checkpoints with the entries of the caller's own agency as text, and others' as `~`, for
    `verifier.py --own`. The export's own entry commits before this returns. Each part is its own
    transaction: if the right ends, the next part raises NotAuthenticated, and the export is
    incomplete.

    Raises NotPermitted.
    """
    with writer.logged_act(principal, "access_log.export", using=aliases.AUDITOR) as attempt:
        queries.must_review(principal)
        attempt.record()
    return _own(principal)


def _own(principal: Principal) -> Iterator[bytes]:
    after = 0
    while True:
        with _still_reading(principal):
            page = list(sealer.checkpoints(after, limit=sealer.AT_ONCE, using=aliases.AUDITOR))
        if not page:
            return
        lines = _lines_of(principal, page)
        while part := list(islice(lines, ROWS_AT_ONCE)):
            yield "".join(f"{line}\n" for line in part).encode()
        after = page[-1].seq


def _lines_of(principal: Principal, page: list[Checkpoint]) -> Iterator[str]:
    rows = _rows(principal, page[0].first, page[-1].size)
    row = next(rows, None)
    for one in page:
        while row and row[0] < one.size:
            yield row[1]
            row = next(rows, None)
        yield checkpoint_line(one)
    put_in = "SELECT 0, entry FROM sec.unsealed_entries(%s, %s, %s) WHERE entry IS NOT NULL"
    for _, entry in _entry_texts(principal, put_in, [page[0].seq, page[-1].seq, ROWS_AT_ONCE]):
        yield f"+ {entry}"


def _rows(principal: Principal, first: int, end: int) -> Iterator[tuple[int, str]]:
    lines = "SELECT place, line FROM sec.sealed_lines(%s, %s)"
    for since in range(first, end, ROWS_AT_ONCE):
        yield from _entry_texts(principal, lines, [since, min(since + ROWS_AT_ONCE, end)])


def _entry_texts(
    principal: Principal, question: str, parameters: list[int]
) -> list[tuple[int, str]]:
    with _still_reading(principal) as cursor:
        cursor.execute(question, parameters)
        return list(cursor.fetchall())


@contextmanager
def _still_reading(principal: Principal) -> Iterator[Any]:
    """Read a part in its own transaction. The right is checked after the read: if it ended during
    the read, rows would be missing without any sign. Raises NotAuthenticated."""
    with (
        identified_transaction(principal, aliases.AUDITOR),
        connections[aliases.AUDITOR].cursor() as cursor,
    ):
        yield cursor
        cursor.execute("SELECT sec.auditor_agency_id() IS NOT NULL")
        if cursor.fetchone() != (True,):
            raise NotAuthenticated


def one_long_snapshot(cursor: Any) -> None:
    """Let the transaction read one snapshot, no matter how long it takes."""
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


def checkpoint_line(one: Checkpoint) -> str:
    """A checkpoint as a line in the format of the verifier and the witnesses."""
    signature = base64.b64encode(one.signature).decode()
    return json.dumps({"body": one.body, "key_id": one.key_id, "signature": signature})


def public_keys() -> dict[str, str]:
    """The public keys that the verifier needs in addition to the lines, by id, in base64.

    Raises Unavailable, also if there is none, for example because a folder is not mounted.
    """
    if not (keys := key_store().signing_keys()):
        raise Unavailable("key_store", "The key store has no key that seals the log.")
    return {name: base64.b64encode(key).decode() for name, key in keys.items()}


def entry_lines(
    checkpoint: Checkpoint, within: Sequence[Any] = ("-infinity", "infinity")
) -> Iterator[str]:
    """The lines of a batch; an entry from outside of the time `within` is its leaf and `~`."""
    for first in range(checkpoint.first, checkpoint.size, ROWS_AT_ONCE):
        with connections[SEALER].cursor() as cursor:
            cursor.execute(
                "SELECT encode(l.leaf, 'hex'), l.entry_id::text,"
                " to_char(l.entry_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'),"
                " l.entry_at >= %s AND l.entry_at < %s,"
                " CASE WHEN e.id IS NOT NULL THEN sec.entry_leaf_text(e) END"
                " FROM log_leaf l"
                " LEFT JOIN access_entry e ON e.id = l.entry_id AND e.at = l.entry_at"
                " WHERE l.position >= %s AND l.position < %s ORDER BY l.position",
                [*within, first, min(first + ROWS_AT_ONCE, checkpoint.size)],
            )
            for leaf, entry, at, wanted, text in cursor.fetchall():
                if not wanted:
                    yield f"{leaf} ~"
                else:
                    yield f"{leaf} {text}" if text else f"{leaf} - {entry} {at}"


def _never_sealed(last: Checkpoint) -> Iterator[str]:
    if sealer.is_restored_backup():
        return
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "SELECT sec.entry_leaf_text(e) FROM access_entry e"
            " LEFT JOIN log_leaf l ON l.entry_id = e.id AND l.entry_at = e.at"
            " WHERE (l.position IS NULL AND (e.xact < %s"
            "  OR e.xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint))"  # to come
            " OR l.position >= %s"
            " ORDER BY e.at, e.id",
            [last.xact_before, last.size],
        )
        for (text,) in cursor.fetchall():
            yield f"+ {text}"
