"""The sealer: it seals committed entries of the access log in batches with signed checkpoints.

A batch holds every entry of the transactions that ended before the oldest one still in progress
(`pg_snapshot_xmin`), so that no entry of them can commit later. A checkpoint contains the root of
the Merkle tree (RFC 9162) over the batch's leaves; it is signed with Ed25519 and chained to the
previous one. Witnesses hold copies (permissions/ledger/witness.py), and
permissions/ledger/verifier.py checks all of it without this code. It runs as the role `sealer`; if
several run at once, one seals and the others do nothing.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

from django.db import connections, transaction

from permissions.database.advisory_locks import SEALING
from permissions.database.aliases import SEALER
from permissions.errors import Refused
from permissions.keys.keystore import key_store
from permissions.ledger import merkle

BATCH = 50_000  # entries; a transaction is never divided
AT_ONCE = 1_000  # checkpoints read in one query


class NotRestored(Refused):
    """The database was restored from a backup: the server has not reached the transactions that its
    newest checkpoint says have ended. Nothing is sealed until `manage.py database recover`."""

    code = "log_not_restored"
    detail = (
        "A backup was restored: run `manage.py database recover`. Nothing is sealed before that."
    )


class SealerBusy(Refused):
    """Another process is sealing now: it would seal restored entries as if nothing was restored."""

    code = "sealer_at_work"
    detail = "A sealer is running: stop `manage.py worker run` first, then run this again."


class Checkpoint(NamedTuple):
    """One row of log_checkpoint: the entries `first` … `size` - 1, and their signed text."""

    seq: int
    first: int
    size: int
    xact_before: int
    body: str
    key_id: str
    signature: bytes

    @property
    def signed_content(self) -> dict[str, Any]:
        """The signed content: origin, seq, size, root, previous, time; also `gap` after a restore,
        and `retired` when a month left the log."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def hash(self) -> str:
        return sha256(self.body.encode()).hexdigest()


_COLUMNS = ", ".join(Checkpoint._fields)


def step() -> bool:
    """Seal one batch. Returns True if it was full and there are more entries.

    It is safe to kill at any point: then nothing was sealed. Raises Unavailable (the key store),
    NotRestored.
    """
    with transaction.atomic(using=SEALER):
        if not _try_lock():
            return False
        last = newest_checkpoint()
        first, before = (last.size, last.xact_before) if last else (0, 0)
        oldest = _oldest_under_way()
        if oldest < before:
            raise NotRestored
        leaves: list[bytes] = []
        # After a restore, entries that were sealed before may use up a whole batch's numbers.
        while before < oldest and not leaves:
            since, before = before, _upper_bound(before, oldest)
            leaves = _take(first, "xact >= %s AND xact < %s", [since, before])
        if leaves:
            _sign(last, leaves, before)
        return before < oldest


def restore(gap: dict[str, int] | None = None) -> Checkpoint:
    """Seal all unsealed entries after a restore from a backup, before anything serves; their
    transaction numbers from the old cluster do not matter. Sealing can then continue.

    `gap` is what witnesses hold and this database has lost: it is signed into the checkpoint, so
    that everyone can see it. Twice is safe. Raises SealerBusy, Unavailable (the key store).
    """
    with transaction.atomic(using=SEALER):
        if not _try_lock():
            raise SealerBusy
        last = newest_checkpoint()
        before = _oldest_under_way()
        leaves = _take(last.size if last else 0, "true", [])
        return _sign(last, leaves, before, {"gap": gap} if gap else {})


def seal_statement(besides: dict[str, Any]) -> Checkpoint:
    """Sign a checkpoint without entries that contains a statement: that a month left the log
    (permissions/ledger/retention.py). Every call makes another one."""
    with transaction.atomic(using=SEALER):
        _query("SELECT 1 FROM pg_advisory_xact_lock(%s, 0)", [SEALING])
        last = newest_checkpoint()
        return _sign(last, [], last.xact_before if last else 0, besides)


def newest_checkpoint() -> Checkpoint | None:
    """The newest checkpoint; None: nothing is sealed yet."""
    return next(checkpoints(newest_first=True, limit=1), None)


def checkpoints(
    after: int = 0, *, newest_first: bool = False, limit: int | None = None, using: str = SEALER
) -> Iterator[Checkpoint]:
    """The checkpoints after the number `after`, in order; memory is bounded."""
    if newest_first or limit is not None:
        yield from _page(after, "DESC" if newest_first else "ASC", limit, using)
        return
    while page := _page(after, "ASC", AT_ONCE, using):
        yield from page
        after = page[-1].seq


def _page(after: int, order: str, limit: int | None, using: str) -> list[Checkpoint]:
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM log_checkpoint WHERE seq > %s"  # noqa: S608 (fixed parts)
            f" ORDER BY seq {order} LIMIT %s",
            [after, limit],
        )
        return [Checkpoint._make((*row[:-1], bytes(row[-1]))) for row in cursor.fetchall()]


def count_unsealed() -> int:
    """The number of committed entries that are not sealed yet."""
    last = newest_checkpoint()
    return _query(
        "SELECT count(*) FROM access_entry e WHERE e.xact >= %s"
        " AND NOT EXISTS (SELECT FROM log_leaf l WHERE l.entry_id = e.id AND l.entry_at = e.at)",
        [last.xact_before if last else 0],
    )


def is_restored_backup() -> bool:
    """Whether a backup was restored but `restore` has not run: then nothing is sealed, and an
    unsealed entry's transaction number does not show whether the entry was inserted later."""
    last = newest_checkpoint()
    return last is not None and _oldest_under_way() < last.xact_before


def _oldest_under_way() -> int:
    return _query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


def _try_lock() -> bool:
    return bool(_query("SELECT pg_try_advisory_xact_lock(%s, 0)::int", [SEALING]))


def _upper_bound(since: int, oldest: int) -> int:
    """The first transaction that is not in the batch that begins at `since`: the oldest in
    progress, or the one that would make the batch too large."""
    cut = _query(
        "SELECT coalesce((SELECT xact FROM access_entry WHERE xact >= %s AND xact < %s"
        " ORDER BY xact OFFSET %s LIMIT 1), %s)",
        [since, oldest, BATCH, oldest],
    )
    if cut == oldest:
        return cut
    head = _query("SELECT min(xact) FROM access_entry WHERE xact >= %s", [since])
    return cut if cut > head else cut + 1  # a single transaction may be larger than a batch


def _take(first: int, which: str, parameters: list[int]) -> list[bytes]:
    """Give the entries their positions, and return their leaves in that order. Entries that were
    sealed before keep theirs: after a restore, transaction numbers are used again."""
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "INSERT INTO log_leaf (position, entry_id, entry_at, leaf)"  # noqa: S608 (fixed parts)
            " SELECT %s + row_number() OVER (ORDER BY e.xact, e.id) - 1, e.id, e.at, e.leaf"
            f" FROM access_entry e WHERE {which}"
            " AND NOT EXISTS"
            " (SELECT FROM log_leaf l WHERE l.entry_id = e.id AND l.entry_at = e.at)",
            [first, *parameters],
        )
        cursor.execute("SELECT leaf FROM log_leaf WHERE position >= %s ORDER BY position", [first])
        return [bytes(leaf) for (leaf,) in cursor.fetchall()]


def _sign(
    last: Checkpoint | None,
    leaves: list[bytes],
    before: int,
    besides: dict[str, Any] | None = None,
) -> Checkpoint:
    besides = besides or {}
    first = last.size if last else 0
    seq = 1 + (besides["gap"]["to_seq"] if "gap" in besides else last.seq if last else 0)
    said: dict[str, object] = {
        "origin": last.signed_content["origin"] if last else f"cairn/{uuid4()}",
        "previous": last.hash if last else "",
        "root": merkle.root(leaves).hex(),
        "seq": seq,
        "size": first + len(leaves),
        "time": max(_now(), last.signed_content["time"] if last else ""),
    } | besides
    body = json.dumps(said, sort_keys=True, separators=(",", ":"))
    signed = key_store().sign(body.encode())
    made = Checkpoint(
        seq, first, first + len(leaves), before, body, signed.key_id, signed.signature
    )
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO log_checkpoint ({_COLUMNS})"  # noqa: S608 (fixed parts)
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            list(made),
        )
    return made


def _now() -> str:
    """The time in RFC 3339, in seconds. The caller takes the last checkpoint's time if that is
    later, so that a clock that was set back does not reverse the order."""
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "SELECT to_char(sec.clock() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
        )
        row = cursor.fetchone()
    assert row is not None
    return str(row[0])


def _query(question: str, parameters: list[Any] | None = None) -> int:
    with connections[SEALER].cursor() as cursor:
        cursor.execute(question, parameters)
        row = cursor.fetchone()
    return int(row[0]) if row else 0
