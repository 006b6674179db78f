"""Writes what an import has read: new rows, changed rows and removed rows.

Works on whole sets, one statement per table, in the caller's transaction. With `dry` it writes
nothing and reports the same differences.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connections, models

from directory import models as m
from directory.hsds.schema import TABLES, WHEREABOUTS
from directory.importing.local_overrides import owners_of
from directory.importing.parsing import ORDER, Entry, id_of
from directory.importing.staging import Staged
from directory.projection.affected_parents import affected_organizations
from permissions.database.aliases import JOBS

OF_ANOTHER_SOURCE = "refused (its id belongs to another source)"
HIDDEN = "hidden: the source marks it confidential"
MARKED = ("organization", "location", "service")  # tables that can be confidential, parents first
IMPORTED = "imported_at"  # of entries alone: when an import last wrote the row
# What dates nothing: links to what may be hidden, since the public is not shown that one changes,
# and the mark of an organization that the source does not list.
_UNDATED = {"parent_organization_id", "program_id", "stand_in"}


@dataclass(frozen=True)
class Difference:
    """One row that an import creates, changes or removes; the changed `columns`, no values."""

    organization: UUID | None
    action: str  # created, changed, removed, made inactive
    table: str
    id: UUID
    columns: tuple[str, ...] = ()


OnDifference = Callable[[Difference], None]


@dataclass
class AffectedEntries:
    """The changed entries, which have to be rendered."""

    organizations: set[UUID] = field(default_factory=set)
    services: set[UUID] = field(default_factory=set)  # new or changed themselves
    shared: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))  # by table


class EntryStore:
    """Stores entries of one source, piece by piece."""

    def __init__(
        self, source: str, now: datetime, told: OnDifference, *, dry: bool = False
    ) -> None:
        self.source = source
        self.now = now
        self.told = told
        self.dry = dry
        self.changes: Counter[str] = Counter()
        self.touched = AffectedEntries()
        self.own: Mapping[UUID, Set[str]] = {}  # columns that agencies have set, by service

    def without_foreign(self, entries: Sequence[Entry]) -> tuple[list[Entry], dict[UUID, str]]:
        """The entries without those whose id belongs to another source, and the organizations that
        are refused for that. A taxonomy or unit of another source is used as it is."""
        kept: list[Entry] = []
        refused: dict[UUID, str] = {}
        for table, rows in _by_table(entries):
            theirs = (
                TABLES[table]
                .model._default_manager.using(JOBS)
                .filter(id__in=[row.id for row in rows])
                .exclude(source=self.source)
            )
            taken = set(theirs.values_list("id", flat=True))
            for row in rows:
                if row.id not in taken:
                    kept.append(row)
                elif row.owner is None:
                    row.row.line.notes.append("belongs to another source: left as it stands there")
                else:
                    row.row.line.reason = row.row.line.reason or OF_ANOTHER_SOURCE
                    refused.setdefault(row.owner, OF_ANOTHER_SOURCE)
        return kept, refused

    def store(self, entries: Sequence[Entry]) -> None:
        """Insert new rows and update changed ones."""
        written: list[tuple[str, Mapping[str, object]]] = []
        for table, rows in _by_table(entries):
            wanted = {row.id: self._values(row) for row in rows}
            owner = {row.id: row.owner for row in rows}
            there = self._there(table, wanted)
            new = [one for one in wanted if one not in there]
            self._insert(table, [wanted[one] for one in new])
            for one in new:
                self._tell(Difference(owner[one], "created", table, one))
            changed = self._update(table, wanted, there, owner)
            written += [(table, wanted[one]) for one in (*new, *changed)]
        self._shown(written)

    def _shown(self, rows: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        """Mark the organizations that show these rows, old or new, for rendering: the document of a
        place's former organization still shows the place."""
        if rows and not self.dry:
            self.touched.organizations |= affected_organizations(rows, using=JOBS)

    def hide(self, rows: Sequence[Staged]) -> list[Staged]:
        """Hide stored rows that the source marks confidential although its line is not stored. It
        never makes a row public; a hidden place loses its whereabouts. Returns the rows that were
        public; rows that do not exist or belong to another source are skipped."""
        hidden = [row for row in rows if row.hidden]
        ids = {row.serial: id_of(self.source, row.table, row.known_as) for row in hidden}
        public: dict[str, dict[UUID, dict[str, object]]] = {}
        for table in MARKED:
            model: Any = TABLES[table].model
            there = model._default_manager.using(JOBS).filter(
                id__in=[ids[row.serial] for row in hidden if row.table == table],
                source=self.source,
                confidential=False,
            )
            if table == "service":  # a hidden organization hides its services
                there = there.filter(organization__confidential=False)
                there = there.exclude(organization_id__in=public["organization"])
            public[table] = {row["id"]: row for row in there.values()}
        for table, found in public.items():
            nowhere = {column: _blank(table)[column] for column in WHEREABOUTS.get(table, ())}
            wanted = {one: {"id": one, "confidential": True, **nowhere} for one in found}
            self._update(table, wanted, found, dict(owners_of(table, self.source, list(found))))
        return [row for row in hidden if ids[row.serial] in public[row.table]]

    def _values(self, entry: Entry) -> dict[str, object]:
        values: dict[str, object] = dict(entry.values)
        for column in ("last_modified", "updated"):
            if column in values and values[column] is None:
                del values[column]
        for state in self.own.get(entry.id, ()):
            values.pop(f"{state}_id" if state == "answered_by" else state, None)
        if issubclass(TABLES[entry.table].model, m.Part):
            values["part_of_id"] = entry.owner
        hidden = entry.table == "location" and entry.values.get("confidential") is True
        external = "" if hidden else entry.external_id  # a secret place's key is not stored
        return {"id": entry.id, "source": self.source, "external_id": external, **values}

    def _there(
        self, table: str, wanted: Mapping[UUID, Mapping[str, object]]
    ) -> dict[UUID, dict[str, object]]:
        columns = sorted({column for values in wanted.values() for column in values})
        rows = TABLES[table].model._default_manager.using(JOBS).filter(id__in=wanted)
        return {row["id"]: row for row in rows.values(*columns)}

    def _insert(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        if not rows or self.dry:
            return
        blank = {**_blank(table)}
        for column in ("last_modified", "updated", IMPORTED):
            if column in blank:
                blank[column] = self.now
        name = TABLES[table].model._meta.db_table
        columns = ", ".join(blank)
        with connections[JOBS].cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {name} ({columns}) SELECT {columns}"  # noqa: S608  our models' names
                f" FROM jsonb_populate_recordset(NULL::{name}, %s::jsonb)",
                [_json([{**blank, **row} for row in rows])],
            )

    def _update(
        self,
        table: str,
        wanted: Mapping[UUID, dict[str, object]],
        there: Mapping[UUID, Mapping[str, object]],
        owner: Mapping[UUID, UUID | None],
    ) -> list[UUID]:
        """Update all rows with the same changed columns in one statement, and only these columns,
        so that concurrent changes to others stay. Returns the changed rows."""
        alike: dict[tuple[str, ...], list[dict[str, object]]] = defaultdict(list)
        changed: list[UUID] = []
        for one, before in there.items():
            values = wanted[one]
            if differing := tuple(c for c in values if before[c] != values[c]):
                changed.append(one)
                alike[differing].append({"id": one, **{c: values[c] for c in differing}})
                self._tell(Difference(owner[one], "changed", table, one, differing))
        self._shown([(table, there[one]) for one in changed])
        name = TABLES[table].model._meta.db_table
        for columns, rows in alike.items() if not self.dry else ():
            dated = IMPORTED in _blank(table) and not _UNDATED.issuperset(columns)
            stamp = {IMPORTED: self.now} if dated else {}
            told = ", ".join(f"{column} = new.{column}" for column in (*columns, *stamp))
            with connections[JOBS].cursor() as cursor:
                cursor.execute(
                    f"UPDATE {name} AS old SET {told}"  # noqa: S608  our models' names
                    f" FROM jsonb_populate_recordset(NULL::{name}, %s::jsonb) AS new"
                    " WHERE old.id = new.id",
                    [_json([{**row, **stamp} for row in rows])],
                )
        return changed

    def _tell(self, difference: Difference) -> None:
        self.changes[difference.action] += 1
        if difference.organization is None:
            self.touched.shared[difference.table].add(difference.id)
        else:
            self.touched.organizations.add(difference.organization)
        if difference.table == "service":
            self.touched.services.add(difference.id)
        self.told(difference)

    # -- Removed rows

    def remove(
        self,
        owners: Set[UUID],
        listed: Mapping[str, Set[UUID]],
        tables: Set[str],
        named: Callable[[str, str], bool],
    ) -> None:
        """Remove rows of these organizations and `tables` that the source no longer has.

        `listed` are the ids that the source has for them; `named` says whether the source has a
        table's external id anywhere. A service only becomes inactive: a referral may still name it.
        """
        for table in sorted(tables, key=lambda one: -ORDER[one]):  # children first
            rows = self._rows_of(table, owners)
            listed_here = listed.get(table, ())
            there = rows.values_list("id", "part_of_id", "external_id")
            gone = {
                one: owner
                for one, owner, key in there
                if one not in listed_here and not named(table, key)
            }
            action = "made inactive" if table == "service" else "removed"
            for one, owner in gone.items():
                self._tell(Difference(owner, action, table, one))
            if gone and not self.dry:
                self._shown([(table, row) for row in rows.filter(id__in=gone).values()])
                self._drop(table, list(gone))

    def _rows_of(self, table: str, owners: Set[UUID]) -> "models.QuerySet[Any]":
        rows: models.QuerySet[Any] = TABLES[table].model._default_manager.using(JOBS)
        rows = rows.filter(part_of_id__in=owners, source=self.source)
        return rows.filter(status__in=m.OPEN_STATUSES) if table == "service" else rows

    def _drop(self, table: str, gone: list[UUID]) -> None:
        rows: models.QuerySet[Any] = TABLES[table].model._default_manager.using(JOBS)
        rows = rows.filter(id__in=gone)
        if table == "service":
            rows.update(status="inactive", last_modified=self.now, **{IMPORTED: self.now})
        else:
            rows.delete()
            m.Attribute.objects.using(JOBS).filter(link_table=table, link_id__in=gone).delete()
            m.Metadata.objects.using(JOBS).filter(
                resource_table=table, resource_id__in=gone
            ).delete()

    def close(self, organizations: Sequence[UUID], named: Callable[[str, str], bool]) -> None:
        """Make inactive all services of organizations that the source no longer has."""
        self.remove(set(organizations), {}, {"service"}, named)


def _by_table(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.table].append(entry)
    return sorted(found.items(), key=lambda one: ORDER[one[0]])


@cache
def _blank(table: str) -> Mapping[str, object]:
    """A row with default values."""
    fields = TABLES[table].model._meta.concrete_fields
    return {
        str(f.column): f.get_default() if f.has_default() or not f.has_db_default() else None
        for f in fields
    }


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    return orjson.dumps(rows, default=str).decode()
