"""The end of the access log's retention: a month is written to an archive, signed off in the log
itself, and only then dropped.

The positions and leaves of its entries stay in log_leaf, so that every seal, and every proof of
another entry in the same batch, still verifies. The archive consists of lines for the verifier
(`--part`) and proves its entries by itself. `manage.py ledger retire` retires one month at a time.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections, transaction
from psycopg2.errors import DeadlockDetected, LockNotAvailable

from permissions.database.advisory_locks import RETIRING, try_lock
from permissions.database.aliases import SEALER
from permissions.keys.secret_files import sync_folder
from permissions.ledger import sealed_export, sealer, verifier
from permissions.ledger.sealer import Checkpoint

LOCK_WAIT = "5s"  # while this waits for the lock, writers of the log wait behind it


class RetentionRefused(Exception):
    """The month was not dropped; the message tells the operator why."""


@dataclass(frozen=True)
class Month:
    """A month of the log, in UTC, and the partition that holds it."""

    first: date

    @classmethod
    def read(cls, text: str) -> "Month":
        """Parse a text like `2020-01`. Raises ValueError."""
        return cls(date.fromisoformat(f"{text}-01"))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def table(self) -> str:
        return f"access_entry_{self.first:%Y_%m}"

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Its beginning (inclusive) and its end (exclusive), in UTC."""
        year, month = self.first.year, self.first.month
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return datetime(year, month, 1, tzinfo=UTC), following

    def is_over(self, today: date) -> bool:
        """Whether all of it is past the retention period (45 CFR 164.316(b)(2)(i): six years)."""
        kept_since = (today.year - settings.LOG_KEPT_YEARS, today.month)
        return (self.first.year, self.first.month) < kept_since


@dataclass(frozen=True)
class RetiredMonth:
    """What was signed about a month that left the database; `dropped`: this call dropped it."""

    entries: int
    archive: str  # SHA-256
    dropped: bool


def retire_month(month: Month, folder: Path, say: Callable[[str], Any]) -> RetiredMonth:
    """Archive a month, sign it off and drop it. After a kill at any point, running it again
    finishes it; twice is safe.

    Raises RetentionRefused: the month is too recent, missing, not sealed or not as it was sealed,
    the owner cannot log in, or another process is retiring a month. Then nothing was dropped.
    """
    with try_lock(SEALER, RETIRING) as free:
        if not free:  # two at once would write one file, and sign the hash of half of it
            raise RetentionRefused(
                "Another process is retiring a month. Run this again when it has ended."
            )
        return _retire(month, folder, say)


def _retire(month: Month, folder: Path, say: Callable[[str], Any]) -> RetiredMonth:
    signed = _signed(month)
    if not _is_there(month):
        if signed is None:
            raise RetentionRefused(
                f"The log has no entries of {month}: it has no partition for that month."
            )
        return RetiredMonth(signed["entries"], signed["archive"], dropped=False)
    if not month.is_over(_today()):
        raise RetentionRefused(
            f"{month} is too recent: the log is kept for {settings.LOG_KEPT_YEARS} years."
        )
    _require_owner_access()
    path = folder / f"access-log-{month}.txt"
    if signed is None:
        signed = _archive(month, path, say)
        sealer.seal_statement({"retired": signed})
        say(f"{signed['entries']} entries archived and signed off.")
    else:
        _require_archive(month, path, signed, say)
    if _entries(month) != signed["entries"]:
        raise RetentionRefused(
            f"{month} has other entries than were archived and signed. Nothing was dropped."
        )
    _drop(month)
    return RetiredMonth(signed["entries"], signed["archive"], dropped=True)


def _archive(month: Month, path: Path, say: Callable[[str], Any]) -> dict[str, Any]:
    """Write the archive to disk and return the statement to sign. Running it again gives the same
    result. Raises RetentionRefused."""
    say(f"Writing {path} …")
    leaves = sha256()
    count = 0
    part = path.with_suffix(".part")
    chain = verifier.Chain(sealed_export.public_keys(), part=True)
    with open(part, "wb", opener=_owner_only_opener) as file:

        def written() -> Iterator[bytes]:
            nonlocal count
            for line in lines(month):
                if len(line) > 64 and line[65] == "[":
                    leaves.update(bytes.fromhex(line[:64]))
                    count += 1
                file.write(whole := f"{line}\n".encode())
                yield whole

        faults = list(verifier.check(written(), chain))
        file.flush()
        os.fsync(file.fileno())
    if faults:
        part.unlink()
        raise RetentionRefused(f"{month} is not as it was sealed: {': '.join(faults[0])}.")
    if count != _entries(month):
        part.unlink()
        raise RetentionRefused(
            f"Some entries of {month} are not sealed yet. Is `manage.py worker run` running?"
        )
    part.replace(path)
    sync_folder(path.parent)
    return {
        "month": str(month),
        "entries": count,
        "leaves": leaves.hexdigest(),
        "archive": _sha256(path),
    }


def _require_archive(
    month: Month, path: Path, signed: dict[str, Any], say: Callable[[str], Any]
) -> None:
    """Check that the archive of a signed-off month exists; if not, write it again. If the month
    were dropped without it, it would be lost. Raises RetentionRefused."""
    if path.exists() and _sha256(path) == signed["archive"]:
        return
    if _archive(month, path, say) != signed:
        raise RetentionRefused(
            f"{month} has other entries than were archived and signed. Nothing was dropped."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, sha256).hexdigest()


def lines(month: Month) -> Iterator[str]:
    """Every batch that holds an entry of the month, as lines for the verifier; entries of other
    months are only leaves. Read in one snapshot; memory is bounded."""
    with transaction.atomic(using=SEALER), connections[SEALER].cursor() as cursor:
        sealed_export.one_long_snapshot(cursor)
        for checkpoint in _checkpoints(month):
            yield from sealed_export.entry_lines(checkpoint, month.bounds)
            yield sealed_export.checkpoint_line(checkpoint)


def _checkpoints(month: Month) -> Iterator[Checkpoint]:
    with connections[SEALER].cursor() as cursor:
        cursor.execute(
            "SELECT min(position), max(position) FROM log_leaf"
            " WHERE entry_at >= %s AND entry_at < %s",
            month.bounds,
        )
        row = cursor.fetchone()
        if row is None or row[0] is None:
            return
        first, last = row
        cursor.execute("SELECT coalesce(max(seq), 0) FROM log_checkpoint WHERE size <= %s", [first])
        (before,) = cursor.fetchone() or (0,)
    for one in sealer.checkpoints(before):
        if one.first > last:
            return
        yield one


def _signed(month: Month) -> dict[str, Any] | None:
    with connections[SEALER].cursor() as cursor:
        cursor.execute("SELECT body FROM log_checkpoint WHERE body LIKE '%%\"retired\":{%%'")
        for (body,) in cursor.fetchall():
            found: dict[str, Any] = json.loads(body)["retired"]
            if found["month"] == str(month):
                return found
    return None


def _entries(month: Month) -> int:
    with connections[SEALER].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_entry WHERE at >= %s AND at < %s", month.bounds)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _is_there(month: Month) -> bool:
    with connections[SEALER].cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.{month.table}"])
        return bool(cursor.fetchone() == (True,))


def _today() -> date:
    with connections[SEALER].cursor() as cursor:
        cursor.execute("SELECT (sec.clock() AT TIME ZONE 'UTC')::date")
        row = cursor.fetchone()
    assert row is not None
    found: date = row[0]
    return found


def _drop(month: Month) -> None:
    """Drop the month's partition as the owner of the tables, in one transaction: completely or not
    at all. Raises RetentionRefused."""
    try:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            cursor.execute(f"ALTER TABLE access_entry DETACH PARTITION {month.table}")
            cursor.execute(f"DROP TABLE {month.table}")
    except OperationalError as error:
        if isinstance(error.__cause__, (LockNotAvailable, DeadlockDetected)):
            raise RetentionRefused("The log is being written to. Run this again.") from error
        raise RetentionRefused(f"The owner could not drop {month}: {error}") from error


def _require_owner_access() -> None:
    """Check that `owner` can log in, so that nothing is signed off that cannot be dropped. Raises
    RetentionRefused."""
    try:
        connections["owner"].ensure_connection()
    except OperationalError as error:
        raise RetentionRefused(
            f"Only the role `owner` may drop a month: set DATABASE_URL_OWNER for this command."
            f" {error}"
        ) from error


def _owner_only_opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
