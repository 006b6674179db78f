"""Imports a source into the directory, and reports the outcome of every line.

An organization is imported with all its services and places or not at all; rows from an earlier
import stay unchanged until the faulty line is corrected. A second import of the same source changes
nothing. Runs as `jobs`, some organizations per transaction, so that running it again finishes a
stopped import. Memory does not grow with the source.

The other modules: formats/ (source_formats.py chooses csv_reader.py with legacy_versions.py, or
json_reader.py with json_normalizer.py), records.py, staging.py with stand_ins.py and row_groups.py,
parsing.py with coercion.py, confidential_places.py with confidential_rows.py, local_overrides.py,
persistence.py; quarantine.py, reports.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from uuid import UUID

from django.db import DatabaseError, transaction

from directory import models as m
from directory.hsds.schema import TABLES
from directory.importing import quarantine, row_groups, stand_ins
from directory.importing.confidential_places import ConfidentialPlaces, Redaction
from directory.importing.local_overrides import (
    KEPT_BY_AGENCY,
    entries_to_keep,
    ids_by_table,
    kept_by_agencies,
    own_states,
    owners_of,
)
from directory.importing.outcome import Report
from directory.importing.parsing import Entry, EntryParser, ImportContext, id_of, leave_out
from directory.importing.persistence import HIDDEN, Difference, EntryStore, OnDifference
from directory.importing.records import Package, as_it_is
from directory.importing.staging import COMMON, FAILED, TAKEN, Staged, Staging
from directory.projection.render import (
    lock_entries,
    render_organizations,
    render_taxonomies,
)
from permissions.database.advisory_locks import IMPORTING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now

BATCH = 100  # organizations per transaction, unless more of them share rows
MAY_GO_SHARE, MAY_GO = 0.1, 1  # what leaves a source at once without being asked about

Progress = Callable[[str, int, int], None]  # what is being done, number done, total


def no_progress(what: str, done: int, total: int) -> None:
    """Show no progress."""


def ignore_difference(difference: Difference) -> None:
    """Report no differences."""


class ImportRunning(Exception):
    """Another import of this source is under way."""


class TooMuchGone(Exception):
    """The source has lost so much that its file may be cut off; the message says how much."""


def import_package(
    package: Package,
    source: str,
    *,
    agencies: Mapping[str, UUID] | None = None,
    progress: Progress = no_progress,
    told: OnDifference = ignore_difference,
    dry: bool = False,
    retry: bool = False,
    over_edits: bool = False,
    allow_closing: bool = False,
) -> Report:
    """Import everything of `package` that can be imported, under the name `source`.

    `agencies` maps the keys that a column `answered_by` may hold to agencies; without it the
    column is left out. `dry` changes nothing and reports what would change. With `retry` the
    package is a part of a source that was imported before: its rows may belong to stored rows, and
    nothing is removed. Organizations whose entries an agency changes itself are left unchanged,
    unless `over_edits`. Safe to repeat. Raises ImportRunning, NotReadable if a file cannot be read
    to its end, and, unless `allow_closing`, TooMuchGone before it changes anything.
    """
    with exclusive(source):
        importing = _Import(package, source, agencies or {}, progress, told, dry, retry)
        importing.over_edits, importing.allow_closing = over_edits, allow_closing
        importing.run()
    return importing.report


@contextmanager
def exclusive(source: str) -> Iterator[None]:
    """Hold the lock of this source. Raises ImportRunning if another import holds it."""
    with try_lock(JOBS, IMPORTING, source) as free:
        if not free:
            raise ImportRunning(f"Another import of the source {source!r} is under way.")
        yield


class _Import:
    def __init__(
        self,
        package: Package,
        source: str,
        agencies: Mapping[str, UUID],
        progress: Progress,
        told: OnDifference,
        dry: bool,
        retry: bool,
    ) -> None:
        self.package, self.source, self.agencies = package, source, agencies
        self.progress, self.told, self.dry, self.retry = progress, told, dry, retry
        self.over_edits = self.allow_closing = False
        self.staging = Staging()
        self.report = Report(source, self.staging, list(package.notes))

    def run(self) -> None:
        """Run the whole import; the outcome is in `report`."""
        correct = as_it_is if self.retry else quarantine.Corrections(self.source)
        lines = self.package.lines(correct)
        self.staging.fill(lines, lambda done: self.progress("lines", done, 0))
        if self.retry:
            quarantine.find_present_rows(self.staging, self.source)
        stand_ins.add_stand_ins(self.staging, self.source)
        row_groups.find_organizations(self.staging, partial(id_of, self.source, "organization"))
        tables = self.package.tables | self.staging.tables
        self.tables = tables & _OF_ORGANIZATIONS
        self.report.notes += self.staging.unknown_columns()
        self.secrets = ConfidentialPlaces(self.staging, self.source)
        terms = m.TaxonomyTerm.objects.using(JOBS).values_list("id", flat=True)
        self.owners = {
            number: id_of(self.source, "organization", key)
            for key, number in self.staging.organizations()
        }
        self.known = ImportContext(
            self.source, self.staging, self.agencies, set(terms), self.owners
        )
        self.gone: list[UUID] = []
        if not self.retry and {"organization", "service"} <= tables:
            self._find_what_is_gone()
        self._group([COMMON])
        total, done = len(self.owners), 0
        for group in row_groups.groups(self.staging, BATCH):
            self._group(group)
            done += len(group)
            self.progress("organizations", done, total)
        self._orphans()
        self._close_what_is_gone()
        if not self.dry:
            withholding = Redaction(self.secrets)
            quarantine.keep_lines(self.source, self.staging, withholding, retry=self.retry)

    # -- Groups of organizations

    def _group(self, group: Sequence[int]) -> None:
        """Store a group in one transaction; if the database refuses it, store each organization by
        itself."""
        taking = _GroupImport(self, group)
        try:
            with taking.whole():
                taking.run()
        except DatabaseError as error:
            if 1 < len(group) <= BATCH:
                for one in group:
                    self._group([one])
                return
            taking = _GroupImport(self, group)
            with taking.whole():
                # The database's message may repeat the refused value: report only the error's type.
                taking.refuse(f"refused ({type(error).__name__})")
        self._tell(taking)

    def _tell(self, taking: "_GroupImport") -> None:
        self.report.changes += taking.storing.changes
        taking.tell()

    def _orphans(self) -> None:
        """Read the rows without an organization, to report why, and hide the confidential ones."""
        for rows in self.staging.orphans():
            taking = _GroupImport(self, (), rows)
            with taking.whole():
                taking.piece(rows)
            self._tell(taking)

    def _find_what_is_gone(self) -> None:
        """The organizations, with services that are open here, that the source no longer has.
        Raises TooMuchGone if they, or the services that it no longer has, are many."""
        services = m.Service.objects.using(JOBS).filter(
            source=self.source, status__in=m.OPEN_STATUSES
        )
        here = set(services.values_list("part_of_id", flat=True).distinct())
        here -= set() if self.over_edits else kept_by_agencies(here)
        self.gone = sorted(here - set(self.owners.values()))
        keys = [  # a row without an id of its own is not looked for
            key
            for key, owner in services.exclude(external_id="").values_list(
                "external_id", "part_of_id"
            )
            if owner in here
        ]
        gone = sum(not self.staging.names("service", key) for key in keys)
        counts = (
            ("organizations", len(self.gone), len(here)),
            ("services", gone, len(keys)),
        )
        many = [one for one in counts if one[1] > max(MAY_GO, one[2] * MAY_GO_SHARE)]
        if not many:
            return
        said = " and ".join(f"{lost:,} of {of:,} {what}" for what, lost, of in many)
        if self.dry or self.allow_closing:
            self.report.notes.append(f"no longer in the source: {said}")
        else:
            raise TooMuchGone(
                f"The source {self.source} no longer has {said} that are open here. Nothing was"
                " changed. If its file is whole, run this again with --allow-closing."
            )

    def _close_what_is_gone(self) -> None:
        """Make services inactive whose organization the source no longer has."""
        for start in range(0, len(self.gone), BATCH):
            some = self.gone[start : start + BATCH]
            storing = EntryStore(self.source, database_now(JOBS), self.told, dry=self.dry)
            with transaction.atomic(using=JOBS):
                if not self.dry:
                    lock_entries([], some)
                kept = set() if self.over_edits else kept_by_agencies(some)
                storing.close([one for one in some if one not in kept], self.staging.names)
                if not self.dry:
                    render_organizations(storing.touched.organizations)
            self.report.changes += storing.changes


class _GroupImport:
    """Imports one group of organizations, or `orphans`, rows without an organization: reads,
    removes confidential whereabouts, stores and renders."""

    def __init__(
        self, importing: _Import, group: Sequence[int], orphans: Sequence[Staged] = ()
    ) -> None:
        self.all = importing
        self.group = group
        self.orphans = orphans
        self.staging = importing.staging
        self.storing = EntryStore(
            importing.source, database_now(JOBS), self._differs, dry=importing.dry
        )
        self.positions: Counter[tuple[object, ...]] = Counter()
        self.rows: list[Staged] = []
        self.states: list[tuple[int, int]] = []
        self.dated: set[UUID] = set()  # services for which the source gives a change date
        self.differences: list[Difference] = []
        self.kept: set[UUID] = set()  # organizations whose entries an agency changes itself

    def _differs(self, difference: Difference) -> None:
        self.differences.append(difference)

    @property
    def _parts(self) -> list[Sequence[int]]:
        return [self.group[at : at + BATCH] for at in range(0, len(self.group), BATCH)]

    @cached_property
    def organizations(self) -> set[UUID]:
        """The owners of the rows, in the source and as stored."""
        source = self.all.source
        found = {self.all.owners[one] for one in self.group if one != COMMON}
        keys = [(row.table, row.known_as) for row in self.orphans if row.hidden]
        for listed in (keys, *map(self.staging.keys, self._parts)):
            for table, ids in ids_by_table(source, listed).items():
                found |= {owner for _, owner in owners_of(table, source, list(ids))}
        return found

    @contextmanager
    def whole(self) -> Iterator[None]:
        """One transaction for the whole group, rendered at the end."""
        if self.all.dry:
            yield
            return
        with transaction.atomic(using=JOBS):
            # Lock first, as an edit does, so that the two cannot deadlock.
            lock_entries([], sorted(self.organizations))
            yield
            self._render()

    def run(self) -> None:
        """Read and store the group, piece by piece if it is large."""
        if not self.all.over_edits:
            self.kept = kept_by_agencies(self.organizations)
        if len(self.group) <= BATCH:
            self.piece(self.staging.rows(self.group))
        else:
            row_groups.mark_late(self.staging, self._parts)
            for late in (False, True):
                for part in self._parts:
                    self.piece(self.staging.rows(part, late=late))
                    self.tell()
        for part in () if self.all.retry else self._parts:
            self._remove([one for one in part if one != COMMON])

    def piece(self, rows: list[Staged]) -> None:
        """Read rows and store the importable ones; hide the confidential ones among the rest."""
        self.rows += rows
        reading = EntryParser(rows, self.all.known, self.positions)
        entries = self.all.secrets.keep(reading.entries())
        usable = {entry.row.serial for entry in entries if entry.owner is None}
        entries, refused = self.storing.without_foreign(entries)
        entries = leave_out(entries, refused)
        entries, there = self._less_kept(entries)
        if not self.all.over_edits:
            self.storing.own = own_states([one.id for one in entries if one.table == "service"])
        self.storing.store(entries)
        taken = {entry.row.serial for entry in entries}
        self._hide([row for row in rows if row.serial not in taken])
        usable |= taken | there
        self.states += [(TAKEN if row.serial in usable else FAILED, row.serial) for row in rows]
        self.dated |= {entry.id for entry in entries if entry.values.get("last_modified")}

    def _less_kept(self, entries: list[Entry]) -> tuple[list[Entry], set[int]]:
        """The entries without those that agencies keep, and without rows that depend on a kept one
        that is not stored; and the serials of kept rows that are stored."""
        kept = entries_to_keep(entries, self.all.source, self.kept)
        theirs = [entry for entry in entries if (entry.table, entry.id) in kept]
        for entry in theirs:
            entry.row.line.notes.append(KEPT_BY_AGENCY)
        there = {entry.row.serial for entry in theirs if kept[entry.table, entry.id]}
        gone = {entry.id for entry in theirs if entry.row.serial not in there}
        others = [entry for entry in entries if (entry.table, entry.id) not in kept]
        return leave_out(others, {}, gone), there

    def _hide(self, rows: Sequence[Staged]) -> None:
        """Hide rows that the source marks confidential although their lines are not imported: the
        source may be the first to know of a danger."""
        for row in self.storing.hide(rows):
            if row.line.reason:
                row.line.reason += f"; {HIDDEN}"
            else:
                row.line.notes.append(HIDDEN)

    def _remove(self, organizations: Sequence[int]) -> None:
        """Remove what the source no longer lists; rows whose line failed this time stay."""
        listed = ids_by_table(self.all.source, self.staging.keys(organizations))
        listed["location"] |= self.all.secrets.hidden  # even if moved: their keys are not stored
        owners = {self.all.owners[one] for one in organizations} - self.kept
        self.storing.remove(owners, listed, self.all.tables, self.staging.names)

    def _render(self) -> None:
        """Render what has changed, dated now unless the source gives a date."""
        touched = self.storing.touched
        organizations = touched.organizations
        services = m.Service.objects.using(JOBS).filter(organization_id__in=organizations)
        undated = services.exclude(id__in=self.dated | touched.services)
        undated.update(last_modified=self.storing.now)
        render_organizations(organizations)
        for table in ("taxonomy", "taxonomy_term"):
            if changed := touched.shared.get(table):
                render_taxonomies(changed, table)

    def refuse(self, why: str) -> None:
        """Store nothing of the group, for this reason, but hide its confidential rows."""
        self.staging.refuse(self.group, why)
        self.rows = self.staging.hidden(self.group)
        self._hide(self.rows)

    def tell(self) -> None:
        """Store the outcomes of the rows so far, and report the differences."""
        self.staging.tell({row.line for row in self.rows}, self.states)
        for difference in self.differences:
            self.all.told(difference)
        self.rows, self.states, self.differences = [], [], []


_OF_ORGANIZATIONS = frozenset(t for t, kind in TABLES.items() if issubclass(kind.model, m.Part))
