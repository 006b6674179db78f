"""Copies of what was done, outside of the database: each second one line of the journal for the
acts since, and a mark. They show later what a restored database has lost (lost_acts.py).

The event row is the outbox: ids and codes, nothing of a survivor. An act is copied once its
transaction has ended, so a copy may be a second behind. Any number of workers may do it, and may be
killed at any point: an act that is copied twice has one id.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections, transaction

from permissions.database.advisory_locks import COPYING
from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import NotRecovered
from permissions.recovery import journal, marks
from permissions.recovery.lines import Entry

KIND = "acts"  # of the journal's lines that are no closings
BATCH = 100  # acts in a line


class CopiedAct(NamedTuple):
    """One act. `agency_id`: whose people did it, None: the clock. `reserved`: known only to those
    who answer for the referral."""

    id: UUID
    referral_id: UUID
    from_agency_id: UUID
    to_agency_id: UUID
    at: datetime
    act: str
    agency_id: UUID | None
    from_sees: bool
    to_sees: bool
    reserved: bool


def step() -> bool:
    """Raise the mark, copy the new acts, and keep the mark. Returns whether there are more acts.
    Raises NotRecovered (an older copy of the database was put in its place, which serves nothing
    from now on), JournalFault, OSError, Unavailable."""
    seen = marks.highest()
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.raise_mark()")
        ((number,),) = cursor.fetchall()
        if seen >= number:  # it was committed before it was kept there
            cursor.execute("SELECT sec.distrust_timeline()")
            raise NotRecovered
    more = _copy()
    marks.write(number)
    return more


def acts_in(entries: list[Entry]) -> list[tuple[int, CopiedAct]]:
    """Every act in these lines of the journal, each once, with the mark that the database had
    when it was copied."""
    found: dict[UUID, tuple[int, CopiedAct]] = {}
    for entry in entries:
        if entry.kind == KIND:
            for one in entry.data["acts"]:
                act = _read(one)
                found.setdefault(act.id, (entry.data["mark"], act))
    return sorted(found.values(), key=lambda one: (one[1].at, one[1].id))


def _copy() -> bool:
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [COPYING])
        if cursor.fetchone() != (True,):
            return False
        cursor.execute(
            "SELECT mark, after_xact, after_id, sec.xact_bound() FROM sec.copied_events()"
        )
        ((mark, after_xact, after_id, bound),) = cursor.fetchall()
        if after_id is None:  # the first time: what was before is in no copy
            cursor.execute("SELECT sec.events_are_copied(%s, %s)", [bound - 1, UUID(int=0)])
            return False
        cursor.execute(
            "SELECT id, referral_id, from_agency_id, to_agency_id, at, act, agency_id, from_sees,"
            " to_sees, reserved, xact FROM referral_event"
            " WHERE (xact, id) > (%s, %s) AND xact < %s ORDER BY xact, id LIMIT %s",
            [after_xact, after_id, bound, BATCH],
        )
        rows = cursor.fetchall()
        if rows:
            data = {"mark": mark, "acts": [_plain(row) for row in rows]}
            journal.append([Entry(uuid7(), datetime.now(UTC), KIND, data)])
            cursor.execute("SELECT sec.events_are_copied(%s, %s)", [rows[-1][-1], rows[-1][0]])
    return len(rows) == BATCH


def _plain(row: tuple[Any, ...]) -> list[Any]:
    *ids, at, act, agency_id, from_sees, to_sees, reserved, _xact = row
    who = str(agency_id) if agency_id else None
    return [*map(str, ids), at.isoformat(), act, who, from_sees, to_sees, reserved]


def _read(kept: list[Any]) -> CopiedAct:
    id_, referral, from_agency, to_agency, at, act, who, from_sees, to_sees, reserved = kept
    return CopiedAct(
        UUID(id_),
        UUID(referral),
        UUID(from_agency),
        UUID(to_agency),
        datetime.fromisoformat(at),
        act,
        UUID(who) if who else None,
        from_sees,
        to_sees,
        reserved,
    )
