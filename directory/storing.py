"""Writes what an import has read: new rows, changed rows, rows that are no longer there.

One transaction a batch of organizations, the rendering of their services included. An
organization that the database refuses is tried again on its own, and then told as quarantined.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from functools import partial
from uuid import UUID

from django.db import DatabaseError, transaction

from directory import models as m
from directory.reading import Entry
from directory.rendering import JOBS, moment, render
from directory.standard import TABLES

BATCH = 100  # organizations a transaction
OPEN = ("active", "temporarily closed")

Progress = Callable[[str, int, int], None]  # what is being done, how many of how many


def quiet(what: str, done: int, total: int) -> None:
    """No progress is shown."""


class Refusal(Exception):
    """An organization cannot be stored; the message says why, without a value."""


class Storing:
    """The entries of one source, stored."""

    def __init__(
        self,
        source: str,
        entries: Sequence[Entry],
        tables: Set[str],
        unreadable: Set[UUID],
        progress: Progress,
    ) -> None:
        self.source = source
        self.unreadable = unreadable
        self.tables = tables  # that the source has: of others nothing is removed
        self.progress = progress
        self.changes: Counter[str] = Counter()
        self.taxonomies = [entry for entry in entries if entry.owner is None]
        self.own: dict[UUID, list[Entry]] = defaultdict(list)
        self.across: dict[UUID, list[Entry]] = defaultdict(list)  # hang on another organization
        self.dated = {entry.id for entry in entries if entry.values.get("last_modified")}
        self._sort(entries)

    def _sort(self, entries: Iterable[Entry]) -> None:
        owners: dict[UUID, UUID | None] = {}
        across: set[UUID] = set()
        for entry in entries:  # parents first
            owners[entry.id] = entry.owner
            if entry.owner is None:
                continue
            on = [value for value in entry.values.values() if isinstance(value, UUID)]
            if any(one in across or owners.get(one) not in (entry.owner, None) for one in on):
                across.add(entry.id)
                self.across[entry.owner].append(entry)
            else:
                self.own[entry.owner].append(entry)

    def run(self) -> Counter[str]:
        """Store everything; returns how many rows were created, changed, removed."""
        if self.taxonomies:
            self._try(self._store_taxonomies, self.taxonomies)
        owners = list(self.own)
        for start in range(0, len(owners), BATCH):
            batch = owners[start : start + BATCH]
            entries = [entry for owner in batch for entry in self.own[owner]]
            if not self._try(partial(self._store_organizations, batch), entries, tell=False):
                for owner in batch:
                    self._try(partial(self._store_organizations, [owner]), self.own[owner])
            self.progress("organizations", min(start + BATCH, len(owners)), len(owners))
        for entries in self.across.values():
            self._try(partial(self._store_across, entries), entries)
        return self.changes

    def _try(
        self, store: Callable[[], Counter[str]], entries: Sequence[Entry], tell: bool = True
    ) -> bool:
        """One transaction; where it fails, say so on the lines (unless it is tried again)."""
        try:
            with transaction.atomic(using=JOBS):
                changes = store()
        except (DatabaseError, Refusal) as error:
            if tell:
                # A database's own words may repeat the value it refused: only its kind is told.
                told = str(error) if isinstance(error, Refusal) else type(error).__name__
                for entry in entries:
                    entry.row.line.reason = entry.row.line.reason or f"refused ({told})"
            return False
        self.changes += changes
        return True

    def _store_taxonomies(self) -> Counter[str]:
        changed, changes = self._store(self.taxonomies)
        marked = m.Attribute.objects.using(JOBS).filter(taxonomy_term_id__in=changed)
        self._render_all(set(marked.values_list("part_of_id", flat=True)))
        return changes

    def _store_organizations(self, owners: Sequence[UUID]) -> Counter[str]:
        entries = [entry for owner in owners for entry in self.own[owner]]
        changed, changes = self._store(entries)
        self._remove(owners, changed, changes)
        touched = {entry.owner for entry in entries if entry.id in changed}
        touched |= changed & set(owners)
        self._touch({owner for owner in touched if owner})
        return changes

    def _store_across(self, entries: Sequence[Entry]) -> Counter[str]:
        changed, changes = self._store(entries)
        self._touch({entry.owner for entry in entries if entry.owner and entry.id in changed})
        return changes

    def _touch(self, owners: set[UUID]) -> None:
        """Render the services of these organizations, as changed now unless the source says."""
        services = m.Service.objects.using(JOBS).filter(organization_id__in=owners)
        services.exclude(id__in=self.dated).update(last_modified=moment())
        self._render_all(owners)

    def _render_all(self, owners: Collection[UUID]) -> None:
        services = m.Service.objects.using(JOBS).filter(organization_id__in=owners)
        render(list(services.values_list("id", flat=True)), list(owners))

    # -- Rows

    def _store(self, entries: Sequence[Entry]) -> tuple[set[UUID], Counter[str]]:
        """Insert and update; returns the ids of the rows that differ now, and counts."""
        changed: set[UUID] = set()
        changes: Counter[str] = Counter()
        by_table: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_table[entry.table].append(entry)
        for table in TABLES:
            model = TABLES[table].model
            rows = by_table[table]
            there = model._default_manager.using(JOBS).in_bulk([entry.id for entry in rows])
            new = [self._new(model, entry) for entry in rows if entry.id not in there]
            model._default_manager.using(JOBS).bulk_create(new, batch_size=500)
            changed |= {row.id for row in new}
            changes["created"] += len(new)
            for entry in rows:
                if (row := there.get(entry.id)) and self._change(row, entry):
                    changed.add(entry.id)
                    changes["changed"] += 1
        return changed, changes

    def _values(self, entry: Entry) -> dict[str, object]:
        values: dict[str, object] = dict(entry.values)
        if entry.table == "service" and not values.get("last_modified"):
            values.pop("last_modified", None)
        if entry.owner and entry.table != "organization":
            values["part_of_id"] = entry.owner
        return {**values, "external_id": entry.row.values.get("id", "")}

    def _new(self, model: type[m.Entry], entry: Entry) -> m.Entry:
        return model(id=entry.id, source=self.source, **self._values(entry))

    def _change(self, row: m.Entry, entry: Entry) -> bool:
        if row.source != self.source:
            raise Refusal("its id belongs to another source")
        values = self._values(entry)
        differing = [name for name, value in values.items() if getattr(row, name) != value]
        for name in differing:
            setattr(row, name, values[name])
        if differing:
            row.save(using=JOBS, update_fields=differing)
        return bool(differing)

    def _remove(self, owners: Sequence[UUID], changed: set[UUID], changes: Counter[str]) -> None:
        """Remove what the source no longer has. A service is only made inactive: a referral may
        still name it."""
        ids: dict[str, list[UUID]] = defaultdict(list)
        for owner in owners:
            for entry in [*self.own[owner], *self.across[owner]]:
                ids[entry.table].append(entry.id)
        for table in self.tables - {"service"}:
            model = TABLES[table].model
            if issubclass(model, m.Part):
                rows = model._default_manager.using(JOBS)
                gone = rows.filter(part_of_id__in=owners, source=self.source)
                gone = gone.exclude(id__in=[*ids[table], *self.unreadable])
                if lost := list(gone.values_list("part_of_id", flat=True)):
                    gone.delete()
                    changes["removed"] += len(lost)
                    changed |= set(lost)
        if "service" in self.tables:
            services = m.Service.objects.using(JOBS).filter(
                part_of_id__in=owners, source=self.source, status__in=OPEN
            )
            left = services.exclude(id__in=[*ids["service"], *self.unreadable])
            changed |= set(left.values_list("part_of_id", flat=True))
            changes["made inactive"] += left.update(status="inactive")
