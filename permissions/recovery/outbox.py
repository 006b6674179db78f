"""Brings the notes of what was taken away (table `closing`) to the journal outside the database.

No closing waits for the journal: triggers note it in the transaction of the change itself, and a
job of the background work appends it, woken at the commit. Where the journal cannot be written the
notes wait, /health/ready is degraded, and an alert says so.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.identity import bound_access
from permissions.models import Closing
from permissions.recovery import journal
from permissions.recovery.journal import Entry

log = structlog.get_logger()

AT_ONCE = 500


def step() -> bool:
    """Append the notes that wait: a step of the background work. Returns True if there may be more.
    Killed at any point it is run again: an entry that is there twice is known by its id. Raises
    JournalFault, OSError, Unavailable."""
    with transaction.atomic(using=JOBS):
        waiting_now = _notes().filter(written_at=None).select_for_update(skip_locked=True)
        rows = list(waiting_now[:AT_ONCE])
        if not rows:
            return False
        journal.append(_entry(row) for row in rows)
        _mark([row.id for row in rows])
    return len(rows) == AT_ONCE


def append_waiting() -> int:
    """Append all notes that wait, before the journal is read for a restore: what a crash left out.
    Returns how many. Twice is safe. Raises as `step`."""
    before = waiting()
    while step():
        pass
    return before


def begin_again() -> int:
    """Begin this host's file again, with all notes that the database holds: a person has said that
    the file is lost. Returns how many. Raises OSError, Unavailable."""
    with transaction.atomic(using=JOBS):
        rows = list(_notes().select_for_update())
        journal.begin_again(_entry(row) for row in rows)
        _mark([row.id for row in rows if row.written_at is None])
    log.warning("journal_begun_again", count=len(rows))
    return len(rows)


def prune_step() -> bool:
    """Let go what is older than every backup, in the journal and in the database: a step of the
    background work. There is no more. Raises JournalFault, OSError, Unavailable."""
    now = database_now(JOBS)
    journal.prune(now)
    over = now - timedelta(days=settings.BACKUP_DAYS)
    _notes().filter(written_at__isnull=False, at__lt=over).delete()
    return False


def waiting() -> int:
    """How many notes wait for the journal. Raises django.db.Error."""
    return _notes().filter(written_at=None).count()


def _notes() -> "QuerySet[Closing]":
    return Closing.objects.using(JOBS).order_by("at", "id")


def _mark(ids: list[UUID]) -> None:
    _notes().filter(id__in=ids).update(written_at=database_now(JOBS))


def _entry(note: Closing) -> Entry:
    said = {
        "row": note.row_key,
        "unit": str(note.unit_id),
        "xact": note.xact,
        "agencies": [str(one) for one in note.agencies],
        **note.data,
    }
    if note.kind == "bound_access":
        said = _with_record(note.unit_id, said)
    return Entry(note.id, note.at, note.kind, said)


def _with_record(referral_id: UUID, said: dict[str, Any]) -> dict[str, Any]:
    """The record itself in place of the sealed one: the journal outlives the key that sealed it."""
    beside = dict(said["beside"])
    sealed = bytes.fromhex(beside.pop("sealed").removeprefix("\\x"))
    return said | {"beside": beside, "record": bound_access.record_text(referral_id, sealed)}
