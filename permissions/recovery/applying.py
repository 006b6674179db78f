"""Makes a restored database true again: what the journal says was taken away, and what the restored
rows know nothing of, is taken away again.

An entry is known to a database that holds its note (table `closing`): then its rows are as they
were after it. Every other one is applied, the oldest first, one unit (a referral, a person, a
member, a system, an agency) after the other. A row is only ever made narrower. What was given since
the backup and is lost stays lost; what cannot be applied stays as it is, and is refused as before
(permissions/keys/closings.py); it is listed.

It runs as `owner`, in one transaction: killed at any point it has changed nothing. The owner sees
no protected row; a policy lets it for that transaction, as in a migration of data. Nothing may
serve meanwhile.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connections, transaction

from permissions.database.advisory_locks import RECOVERING
from permissions.database.aliases import JOBS, OWNER
from permissions.keys import closings
from permissions.recovery.closing_columns import CLOSES
from permissions.recovery.journal import Entry
from permissions.recovery.rows import apply_row

_POLICY = "recovery"
_opened = {"closing", "credential", "django_session"}  # besides those that are watched


class Conflict(NamedTuple):
    """What could not be applied, and stays refused. `kind`: the table; `why`: in plain words."""

    kind: str
    row: str
    agencies: tuple[UUID, ...]
    why: str


@dataclass
class Applied:
    """What was done. `counts`: entries by kind and agency (None: of no agency alone)."""

    counts: Counter[tuple[str, UUID | None]] = field(default_factory=Counter)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def number(self) -> int:
        """How many closings the database did not know of."""
        return sum(self.counts.values())


class Unit(NamedTuple):
    """What is applied together. `cursor`: the transaction's, as `owner`."""

    id: UUID
    entries: list[Entry]
    cursor: Any

    def of(self, kind: str) -> list[Entry]:
        """The entries of this kind, the oldest first."""
        return [one for one in self.entries if one.kind == kind]


# Looks at a unit before its rows are changed; what it returns is called afterwards and says what
# could not be done.
Hook = Callable[[Unit], Callable[[], list[Conflict]] | None]
_hooks: list[Hook] = []

# Notes that go with another note of the same change, and are counted with that.
GOES_ALONG = frozenset({"row_mac", "bound_access", "release_end", "packet_grant"})


def also_apply(hook: Hook) -> None:
    """Let `apply` ask this hook as well, for each unit. Twice is safe."""
    if hook not in _hooks:
        _hooks.append(hook)


def open_also(*tables: str) -> None:
    """Let hooks change the rows of these tables, too. Twice is safe."""
    _opened.update(tables)


def unknown_of(entries: Sequence[Entry], using: str = JOBS) -> list[Entry]:
    """Those of these entries that the database does not know, the oldest first. Raises
    django.db.Error."""
    known: set[UUID] = set()
    with connections[using].cursor() as cursor:
        for start in range(0, len(entries), 10_000):
            ids = [one.id for one in entries[start : start + 10_000]]
            cursor.execute("SELECT id FROM closing WHERE id = ANY (%s)", [ids])
            known |= {UUID(str(one)) for (one,) in cursor.fetchall()}
    return sorted((one for one in entries if one.id not in known), key=lambda e: (e.at, e.id))


def apply(
    entries: Sequence[Entry], progress: Callable[[int, int], None] = lambda done, of: None
) -> Applied:
    """Take away again what these entries say and the database does not know, and end every sign-in
    and token where there was such an entry. Nothing may serve meanwhile. Twice is safe: then there
    is nothing to do. `progress` is given how many of how many are done. Raises Unavailable (the
    keys are away), django.db.Error; then nothing was changed."""
    done = Applied()
    if not unknown_of(entries):
        return done
    least: dict[str, int] = {}
    with transaction.atomic(using=OWNER), connections[OWNER].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [RECOVERING])
        tables = sorted(CLOSES.keys() | _opened)
        for table in tables:
            cursor.execute(
                f"CREATE POLICY {_POLICY} ON public.{table} TO owner USING (true) WITH CHECK (true)"
            )
        found = unknown_of(entries, OWNER)
        for unit in _units(found, cursor):
            _apply_unit(unit, done, least)
            progress(done.number, len(found))
        if found:
            cursor.execute("UPDATE credential SET ended_at = sec.clock() WHERE ended_at IS NULL")
            cursor.execute("DELETE FROM django_session")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"DROP POLICY {_POLICY} ON public.{table}")
        transaction.on_commit(lambda: closings.close(sorted(least.items())), using=OWNER)
    return done


def _units(entries: Iterable[Entry], cursor: Any) -> list[Unit]:
    found: dict[UUID, Unit] = {}
    for entry in entries:
        unit_id = UUID(entry.data["unit"])
        found.setdefault(unit_id, Unit(unit_id, [], cursor)).entries.append(entry)
    return list(found.values())


def _apply_unit(unit: Unit, done: Applied, least: dict[str, int]) -> None:
    after = [finish for hook in _hooks if (finish := hook(unit)) is not None]
    for entry in unit.entries:
        apply_row(unit.cursor, entry)
        _remember(unit.cursor, entry)
        if entry.kind in ("row_mac", "bound_access"):
            version = entry.data["columns"]["version"]
            subject = UUID(entry.data["row"]).hex
            if version > closings.least_version(subject):
                least[subject] = max(version, least.get(subject, 0))
        agencies: list[UUID | None] = [UUID(one) for one in entry.data["agencies"]]
        if entry.kind not in GOES_ALONG:
            done.counts.update((entry.kind, one) for one in agencies or [None])
    for finish in after:
        done.conflicts += finish()


def _remember(cursor: Any, entry: Entry) -> None:
    """Note the entry as known, so that it is applied once; the journal has it already."""
    data = {k: v for k, v in entry.data.items() if k not in ("row", "unit", "xact", "agencies")}
    cursor.execute(
        "INSERT INTO closing (id, at, xact, kind, row_key, unit_id, agencies, data, written_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s::uuid[], %s, sec.clock()) ON CONFLICT (id) DO NOTHING",
        [
            *(entry.id, entry.at, entry.data["xact"], entry.kind, entry.data["row"]),
            *(unit_of(entry), entry.data["agencies"], orjson.dumps(data).decode()),
        ],
    )


def unit_of(entry: Entry) -> UUID:
    """Whose part the entry's row is: a referral, a person, a member, a system, an agency."""
    return UUID(entry.data["unit"])
