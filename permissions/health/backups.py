"""The records of backups and drills: when the newest backup was made, and when one was last shown
to restore. Written as `jobs`, read by whichever process asks."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connections

from permissions.database.aliases import JOBS

BACKUP_LATE_S = 26 * 3600.0  # a day, and two hours in which the next one is made
WAL_LATE_S = 3600.0  # archive_timeout is a minute
DRILL_LATE_S = 100 * 86400.0  # a quarter, and a week


class Drill(NamedTuple):
    """What a drill found: the checks that failed, seconds to the first truthful answer, and seconds
    of transactions that would be lost. None: it did not come so far."""

    failed: list[str]
    rto_s: float | None
    rpo_s: float | None


class Figures(NamedTuple):
    """Seconds since the newest and the oldest backup that is kept ended, since the newest WAL was
    archived, since a drill was last well, and since the last one at all, with what that found.
    None: there is no record."""

    backup_s: float | None
    oldest_s: float | None
    wal_s: float | None
    well_s: float | None
    drill_s: float | None
    failed: list[str]
    rto_s: float | None
    rpo_s: float | None

    @property
    def uncovered(self) -> bool:
        """Whether a backup is kept for longer than the journal of closings keeps what ended."""
        return self.oldest_s is not None and self.oldest_s > settings.BACKUP_DAYS * 86400.0


def record_backup(newest: datetime, oldest: datetime, wal: datetime | None) -> None:
    """Record what a place of backups holds. Twice is safe. Raises django.db.Error."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.record_backup(%s, %s, %s)", [newest, oldest, wal])


def record_drill(found: Drill) -> None:
    """Record a drill; each call makes a record. Raises django.db.Error."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.record_drill(%s, %s, %s)", list(found))


def figures(using: str = JOBS) -> Figures:
    """What is recorded. Raises django.db.Error."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT backup_s, oldest_s, wal_s, well_s, drill_s, failed, rto_s, rpo_s"
            " FROM sec.backup_figures()"
        )
        (row,) = cursor.fetchall()
    found = Figures._make(row)
    return found._replace(failed=list(found.failed or ()))


def lines(found: Figures) -> Iterator[str]:
    """What an operator reads."""
    yield f"Newest backup: {_ago(found.backup_s)}."
    yield f"Oldest backup that is kept: {_ago(found.oldest_s)}."
    yield f"Newest archived WAL: {_ago(found.wal_s)}."
    yield f"Last drill: {_ago(found.drill_s)}; the last one that was well: {_ago(found.well_s)}."
    if found.rto_s is not None and found.rpo_s is not None:
        yield f"It answered after {found.rto_s:.0f} s and lacked {found.rpo_s:.0f} s."


def trouble(found: Figures) -> list[str]:
    """What is not as it should be, in words; empty: all is well."""
    wrong = []
    if found.backup_s is None or found.backup_s > BACKUP_LATE_S:
        wrong.append("no backup of the last day")
    if found.wal_s is None or found.wal_s > WAL_LATE_S:
        wrong.append("no WAL was archived in the last hour")
    if found.well_s is None or found.well_s > DRILL_LATE_S:
        wrong.append("no drill of the last 100 days was well")
    if found.uncovered:
        wrong.append(
            f"a backup is older than CAIRN_BACKUP_DAYS ({settings.BACKUP_DAYS} days), for which the"
            " journal of closings is kept"
        )
    if found.failed:
        wrong.append(f"the last drill found faults: {', '.join(found.failed)}")
    return wrong


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "none is recorded"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes ago"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} hours ago"
    return f"{seconds / 86_400:.0f} days ago"
