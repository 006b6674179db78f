"""Parses each row of a source: its id, its owner and parents, and its columns as values.

A row that cannot be used fails its line, with the reason; if a service or place fails, its whole
organization is left out. Other rows of the source are looked up in the staging (staging.py).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from uuid import UUID, uuid5

from directory import time_zones
from directory.hsds.schema import TABLES, Kind
from directory.importing import coercion
from directory.importing.coercion import CONTROL, Value
from directory.importing.records import ABOUT, ELIGIBILITY
from directory.importing.staging import CORE, SHARED, TAKEN, THERE, Staged, Staging, target_of
from permissions import displayed_text

NAMESPACE = UUID("6f1f2b52-0a0e-5d0c-9f0b-2f6c3b7d9e41")  # for ids made from a source's own ids
CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
ORDER = {table: number for number, table in enumerate(TABLES)}
NAMED_ONLY = ("parent_organization_id", "parent_id")  # may name rows that were never imported


def id_of(source: str, table: str, key: str) -> UUID:
    """The id of a row: the source's own if it is a UUID, else a stable one made from it."""
    if CANONICAL.fullmatch(key):
        return UUID(key)
    return uuid5(NAMESPACE, f"{source}\n{table}\n{key}")


@dataclass(eq=False)
class Entry:
    """A row as it will be stored. `owner` is its organization's id (None for taxonomies)."""

    row: Staged
    id: UUID
    owner: UUID | None = None
    values: dict[str, Value] = field(default_factory=dict)  # by model field

    @property
    def table(self) -> str:
        return self.row.table

    @property
    def external_id(self) -> str:
        return CONTROL.sub("", self.row.key)


class Unusable(Exception):
    """The row cannot be imported; the message says why, without a value."""


@dataclass
class ImportContext:
    """What parsing needs in addition to the rows, for a whole import."""

    source: str
    staging: Staging
    agencies: Mapping[str, UUID]  # by the keys that a column `answered_by` may hold
    terms: Collection[UUID]  # taxonomy terms that are in the directory
    owners: Mapping[int, UUID] = field(default_factory=dict)  # organizations' ids by number
    shared: dict[tuple[str, str], UUID | str] = field(default_factory=dict)


class EntryParser:
    """Turns rows of some organizations into entries with ids, links, owners and values. Failures go
    to the rows' lines."""

    def __init__(
        self, rows: Sequence[Staged], known: ImportContext, positions: Counter[tuple[object, ...]]
    ) -> None:
        self.rows = rows
        self.about = known
        self.source = known.source
        self.known: dict[tuple[str, str], Entry] = {}  # by table and the source's id
        self.failed: dict[tuple[str, str], str] = {}
        self.positions = positions

    def entries(self) -> list[Entry]:
        """All entries that can be stored, parents first."""
        by_table: dict[str, list[Staged]] = defaultdict(list)
        for row in self.rows:
            by_table[row.table].append(row)
        self._describe_eligibility(by_table.pop(ELIGIBILITY, []), by_table["service"])
        found = [entry for table in TABLES for entry in self._of(by_table[table])]
        return self._whole_organizations(found)

    def _describe_eligibility(self, told: Iterable[Staged], services: Iterable[Staged]) -> None:
        """Add the eligibilities of version 1, which had a table for them, to the services' text."""
        by_key = {service.key: service for service in services}
        for row in told:
            service = by_key.get(row.values.get("service_id", ""))
            if service is None:
                row.line.reason = row.line.reason or "its service is not in the source"
                continue
            said = row.values["eligibility"]
            there = service.values.get("eligibility_description", "")
            if said not in there.split("; "):
                text = "; ".join(filter(None, (there, said)))
                service.values = {**service.values, "eligibility_description": text}

    def _of(self, rows: Iterable[Staged]) -> Iterator[Entry]:
        for row in rows:
            key = (row.table, row.known_as)
            try:
                entry = self._entry(row)
            except Unusable as why:
                self.failed[key] = str(why)
                if row.main:
                    row.line.reason = row.line.reason or str(why)
                else:
                    row.line.notes.append(f"{row.table}: {why}")
            else:
                self.known[key] = entry
                yield entry

    def _entry(self, row: Staged) -> Entry:
        if row.line.reason:
            raise Unusable(row.line.reason)
        entry = Entry(row, self._uuid(row.table, row.known_as), self._owner(row))
        if row.line.is_stand_in:  # of a stored one, all else stays as it is
            named = {name: value for name, value in row.values.items() if name == "name"}
            entry.values = {**named, "stand_in": True}
            return entry
        self._link(entry)
        self._read(entry)
        if about := target_of(row):
            self._attach(entry, *about)
        elif row.table in ("attribute", "metadata"):
            raise Unusable("does not say what it is about")
        if row.table == "attribute" and not (
            entry.values["taxonomy_term_id"] or entry.values.get("value")
        ):
            raise Unusable("has neither a taxonomy term nor a value")
        self._place(entry)
        return entry

    def _uuid(self, table: str, key: str) -> UUID:
        return id_of(self.source, table, key)

    def _owner(self, row: Staged) -> UUID | None:
        return self.about.owners.get(row.organization) if row.organization else None

    def _link(self, entry: Entry) -> None:
        """Resolve the row's foreign keys. A required one without a target fails the row."""
        table = TABLES[entry.table]
        astray = ""
        for column, target in table.links.items():
            key = entry.row.values.get(column, "")
            entry.values[column] = None
            if not key:
                if column in table.required:
                    raise Unusable(f"no {column}")
                continue
            if column in NAMED_ONLY:
                entry.values[column] = self._uuid(target, key)
                continue
            found = self._target(target, key)
            if isinstance(found, UUID):
                entry.values[column] = found
            elif column in table.required:
                raise Unusable(found)
            else:
                entry.row.line.notes.append(f"{column}: {found}, left out")
                astray = astray or found
        if entry.row.organization is None:
            raise Unusable(astray or "belongs to nothing that is in the source")

    def _target(self, table: str, key: str) -> UUID | str:
        """The id of the row with this key, or the reason why there is none."""
        if found := self.known.get((table, key)):
            return found.id
        if (table, key) in self.failed:
            return f"its {table} is not taken ({self.failed[table, key]})"
        if table not in SHARED:
            return self._staged(table, key)
        if (table, key) not in self.about.shared:
            self.about.shared[table, key] = self._staged(table, key)
        return self.about.shared[table, key]

    def _staged(self, table: str, key: str) -> UUID | str:
        found = self.about.staging.target(table, key)
        if found and found.state in (TAKEN, THERE):
            return self._uuid(table, key)
        if (
            found is None
            and table == "taxonomy_term"
            and self._uuid(table, key) in self.about.terms
        ):
            return self._uuid(table, key)  # the term of a taxonomy imported before
        if found is None:
            return f"its {table} is not in the source"
        return f"its {table} is not taken" + (f" ({found.reason})" if found.reason else "")

    def _attach(self, entry: Entry, table: str, key: str) -> None:
        """Find the row that an attribute or metadata is about, in any table if none is named."""
        tables = [table] if table else [t for t in TABLES if t not in ("attribute", "metadata")]
        if not table:
            tables = [t for t in tables if self.about.staging.target(t, key)] or [""]
        found = self._target(tables[0], key) if tables[0] else "what it is about is not there"
        if isinstance(found, str):
            raise Unusable(found)
        on, row = ABOUT[entry.table]
        entry.values[on] = tables[0]
        entry.values[row] = found

    def _read(self, entry: Entry) -> None:
        """Read the row's columns. Columns that the source does not have are left unset, but for the
        status: what left the source and is back is open again."""
        table = TABLES[entry.table]
        raw = entry.row.values
        notes = entry.row.line.notes
        for column, kind in table.columns.items():
            cell = raw.get(column)
            if cell is None and column not in table.required and kind is not Kind.STATUS:
                continue
            look = coercion.read_line if column == "name" else coercion.read
            found = look(kind, cell or "")
            if found is None and kind is Kind.FLAG and entry.table != "holiday_schedule":
                continue  # says nothing: the value set here stays
            value = found.value if found else _EMPTY.get(kind, "")
            if found is None and kind is Kind.STATUS and cell is not None:
                notes.append("status: none given, taken as active")
            if found and found.note:
                notes.append(f"{column}: {found.note}")
            if value in (None, "") and column in table.required:
                value = self._instead(entry, column, found.note if found else "")
            entry.values[table.field_of(column)] = value
        if entry.table == "organization":
            entry.values["stand_in"] = None
        elif entry.table == "schedule":
            _afternoon(entry)
            _hours_in_words(entry)
            _time_zone(entry)
        elif entry.table == "service":
            self._answered_by(entry)
        elif entry.table == "holiday_schedule":
            _holiday(entry)

    def _instead(self, entry: Entry, column: str, note: str) -> Value:
        """A substitute for a missing required value. Raises Unusable if there is none."""
        raw = entry.row.values
        if column == "name" and (other := raw.get("alternate_name") or raw.get("label")):
            entry.row.line.notes.append("name: none given, the alternate name taken")
            return other
        if column == "end_date" and (start := entry.values.get("start_date")):
            entry.row.line.notes.append("end_date: none given, taken as one day")
            return start
        raise Unusable(f"{column}: {note}" if note else f"no {column}")

    def _answered_by(self, entry: Entry) -> None:
        key = entry.row.values.get("answered_by")
        if key is None or not (self.about.agencies or key):
            return
        if key and key not in self.about.agencies:
            entry.row.line.notes.append("answered_by: no such agency in this network, left out")
            return
        entry.values["answered_by_id"] = self.about.agencies.get(key)

    def _place(self, entry: Entry) -> None:
        """Set its position among the rows of the same table and parent."""
        if entry.row.table == "organization" or entry.table in SHARED:
            return
        links = [entry.values.get(column) for column in TABLES[entry.table].links]
        parent = entry.values.get("link_id") or entry.values.get("resource_id")
        among = (entry.table, entry.owner, *([parent] if parent else links))
        entry.values["position"] = self.positions[among]
        self.positions[among] += 1

    def _whole_organizations(self, entries: Sequence[Entry]) -> list[Entry]:
        """Leave out every organization with a service or place that cannot be imported."""
        failed: dict[UUID, str] = {}
        for row in self.rows:
            key, owner = (row.table, row.known_as), self._owner(row)
            if owner and row.main and row.table in CORE and key in self.failed:
                at = f"{row.line.file} row {row.line.number}{row.line.pointer}"
                failed.setdefault(owner, f"{at}: {self.failed[key]}")
        return leave_out(entries, failed)


def leave_out(
    entries: Sequence[Entry], failed: Mapping[UUID, str], without: Collection[UUID] = ()
) -> list[Entry]:
    """The entries without those of `failed` organizations, and without rows that depend on these or
    on the missing rows `without`."""
    if not failed and not without:
        return list(entries)
    kept = []
    gone: set[object] = {*without}
    for entry in entries:
        if entry.owner is not None and entry.owner in failed:
            why = failed[entry.owner]
            why = why if why.startswith("refused") else f"its organization is not taken ({why})"
        elif gone.isdisjoint(
            value
            for column, value in entry.values.items()
            if isinstance(value, UUID) and column not in NAMED_ONLY
        ):
            kept.append(entry)
            continue
        else:
            why = "what it belongs to is not taken"
        gone.add(entry.id)
        entry.row.line.reason = entry.row.line.reason or why
    return kept


def _afternoon(entry: Entry) -> None:
    """Read "9:00 to 5:00" as five in the afternoon, but "14:00 to 03:00" as the next morning."""
    opens, closes = entry.values.get("opens_at"), entry.values.get("closes_at")
    if not isinstance(opens, time) or not isinstance(closes, time) or closes >= opens:
        return
    raw = (entry.row.values.get("opens_at", ""), entry.row.values.get("closes_at", ""))
    if any(re.search(r"[ap]|^\d\d:\d\d:\d\d$", one, re.I) for one in raw):
        return  # gives AM or PM, or has the standard's form
    if time(5) <= opens < time(12) and time(1) <= closes < time(8):
        entry.values["closes_at"] = closes.replace(hour=closes.hour + 12)
        entry.row.line.notes.append("closes_at: before it opens, taken as in the afternoon")


def _hours_in_words(entry: Entry) -> None:
    """Keep hours that are no times, such as "by appointment", in the description."""
    columns = ("opens_at", "closes_at")
    cells = [entry.row.values.get(column, "").strip() for column in columns]
    said = ["" if cell.lower() in coercion.NOTHING_SAID else cell for cell in cells]
    if any(text and entry.values.get(c) is None for c, text in zip(columns, said, strict=True)):
        hours = displayed_text.cleaned(" - ".join(filter(None, said)))
        there = str(entry.values.get("description") or "")
        entry.values["description"] = "; ".join(filter(None, (there, hours)))
        entry.row.line.notes.append("hours that are no times: kept in the description")


def _time_zone(entry: Entry) -> None:
    """Read the zone's name, from its own column or from the standard's, which holds a number of
    hours; sources write "America/Denver", "Pacific" or "UTC-8" there."""
    said, notes = entry.row.values, entry.row.line.notes
    own, standard = said.get("time_zone", "").strip(), said.get("timezone", "").strip()
    named, hours = time_zones.named(standard), time_zones.offset(standard)
    if not {"time_zone", "timezone"}.isdisjoint(said):
        entry.values["time_zone"] = time_zones.named(own) or named
    if own and not time_zones.named(own):
        notes.append("time_zone: no name of a time zone, left out")
    if entry.values.get("timezone") is None and (named or hours is not None):
        entry.values["timezone"] = hours
        told = "a name, kept as time_zone" if named else "taken as hours from UTC"
        notes[:] = [one for one in notes if not one.startswith("timezone: ")]
        notes.append(f"timezone: {told}")


def _holiday(entry: Entry) -> None:
    """Set `closed` if the source does not say: with hours it is open, without hours closed.
    Raises Unusable if it ends before it begins."""
    if coercion.read(Kind.FLAG, entry.row.values.get("closed", "")) is None:
        hours = entry.values.get("opens_at") or entry.values.get("closes_at")
        entry.values["closed"] = not hours
    start, end = entry.values["start_date"], entry.values["end_date"]
    if str(end) < str(start):
        raise Unusable("ends before it begins")


_EMPTY: Mapping[Kind, Value] = {
    Kind.DATE: None,
    Kind.TIME: None,
    Kind.MOMENT: None,
    Kind.WHOLE: None,
    Kind.NUMBER: None,
    Kind.AMOUNT: None,
    Kind.LIST: [],
    Kind.STATUS: "active",
    Kind.PLACE: "physical",
    Kind.FLAG: True,
}
