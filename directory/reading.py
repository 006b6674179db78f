"""What each row of a source says: its id, what it belongs to, and its columns as values.

A row that cannot be used fails its line, with the reason; an organization of which a service or
place fails is left out whole. Reads the database only for taxonomy terms that are there already.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from uuid import UUID, uuid5

from directory import mending
from directory import models as m
from directory.mending import Value
from directory.rendering import JOBS
from directory.standard import TABLES, Kind
from directory.tabular import Package, Row

NAMESPACE = UUID("6f1f2b52-0a0e-5d0c-9f0b-2f6c3b7d9e41")  # of ids made from a source's own
CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
CORE = ("organization", "service", "location")  # one of these failing fails the organization


def id_of(source: str, table: str, key: str) -> UUID:
    """The id of a row: the source's own where that is a UUID, else always the same one."""
    if CANONICAL.fullmatch(key):
        return UUID(key)
    return uuid5(NAMESPACE, f"{source}\n{table}\n{key}")


@dataclass(eq=False)
class Entry:
    """A row as it will be stored. `owner` is its organization's id (of taxonomies: None)."""

    row: Row
    id: UUID
    owner: UUID | None = None
    values: dict[str, Value] = field(default_factory=dict)  # by model field

    @property
    def table(self) -> str:
        return self.row.table


class Unusable(Exception):
    """The row cannot be taken; the message says why, without a value."""


class Reading:
    """Rows → entries: ids, links, owners and values, failures told on the lines."""

    def __init__(self, package: Package, source: str, agencies: Mapping[str, UUID]) -> None:
        self.package = package
        self.source = source
        self.agencies = agencies
        self.known: dict[tuple[str, str], Entry] = {}  # by table and the source's id
        self.failed: dict[tuple[str, str], str] = {}
        self.terms = set(m.TaxonomyTerm.objects.using(JOBS).values_list("id", flat=True))
        self.positions: Counter[tuple[object, ...]] = Counter()

    def entries(self) -> list[Entry]:
        """All that can be stored, parents first."""
        found = [entry for table in TABLES for entry in self._of(table)]
        return self._whole_organizations(found)

    def unreadable(self) -> set[UUID]:
        """The ids of rows that failed: what stands of them from before is not removed."""
        return {self._uuid(table, key) for table, key in self.failed}

    def _of(self, table: str) -> Iterator[Entry]:
        for row in self.package.rows.get(table, []):
            key = (table, row.values.get("id", "") or self._made_id(row))
            if key in self.known:
                self._repeated(row, self.known[key])
                continue
            try:
                entry = self._entry(row, key)
            except Unusable as why:
                self.failed.setdefault(key, str(why))
                if row.main:
                    row.line.reason = row.line.reason or str(why)
                else:
                    row.line.notes.append(f"{table}: {why}")
            else:
                self.known[key] = entry
                yield entry

    def _made_id(self, row: Row) -> str:
        """For a row without an id: made of what it says, so that it is found again."""
        said = json.dumps({k: v for k, v in sorted(row.values.items()) if v})
        self.positions[row.table, said] += 1
        return f"content {self.positions[row.table, said]} {said}"

    def _repeated(self, row: Row, first: Entry) -> None:
        if not row.main:
            return
        if row.values == first.row.values:
            row.line.notes.append("repeats an earlier line: taken once")
        else:
            row.line.reason = "another line with this id came before and says otherwise"

    def _entry(self, row: Row, key: tuple[str, str]) -> Entry:
        if row.line.reason:
            raise Unusable(row.line.reason)
        entry = Entry(row, self._uuid(*key))
        self._link(entry)
        self._read(entry)
        if row.table == "attribute":
            self._attach(entry)
        if row.table == "organization":
            entry.owner = entry.id
        elif entry.owner is None and row.table not in ("taxonomy", "taxonomy_term"):
            raise Unusable("belongs to nothing that is in the source")
        self._place(entry)
        return entry

    def _uuid(self, table: str, key: str) -> UUID:
        return id_of(self.source, table, key)

    def _link(self, entry: Entry) -> None:
        """Follow the row's foreign keys. A needed one that leads nowhere fails the row."""
        table = TABLES[entry.table]
        astray = ""
        for column, target in table.links.items():
            key = entry.row.values.get(column, "")
            entry.values[column] = None
            if column in ("parent_organization_id", "parent_id"):
                entry.values[column] = self._uuid(target, key) if key else None
            elif not key:
                if column in table.required:
                    raise Unusable(f"no {column}")
            elif found := self._target(target, key):
                entry.values[column] = found.id if isinstance(found, Entry) else found
                if isinstance(found, Entry):
                    entry.owner = entry.owner or found.owner
            else:
                why = self._missing(target, key)
                if column in table.required:
                    raise Unusable(why)
                entry.row.line.notes.append(f"{column}: {why}, left out")
                astray = astray or why
        if astray and entry.owner is None and entry.table not in ("taxonomy_term", "attribute"):
            raise Unusable(astray)

    def _target(self, table: str, key: str) -> "Entry | UUID | None":
        if found := self.known.get((table, key)):
            return found
        if table == "taxonomy_term" and (term := self._uuid(table, key)) in self.terms:
            return term  # a taxonomy that was imported before
        return None

    def _missing(self, table: str, key: str) -> str:
        if why := self.failed.get((table, key)):
            return f"its {table} is not taken ({why})"
        return f"its {table} is not in the source"

    def _attach(self, entry: Entry) -> None:
        """Find what an attribute is about: any table, named by link_entity where it is named."""
        key = entry.row.values.get("link_id", "")
        entity = entry.row.values.get("link_entity", "")
        tables = [entity] if entity in TABLES else [t for t in TABLES if t != "attribute"]
        found = next((self.known[t, key] for t in tables if (t, key) in self.known), None)
        if found is None:
            raise Unusable(
                self._missing(entity, key) if entity in TABLES else "what it is about is not there"
            )
        if found.owner is None:
            raise Unusable("attributes of taxonomies are not taken yet")
        entry.owner = found.owner
        entry.values["link_id"] = found.id
        entry.values["link_table"] = found.table
        if entry.values["taxonomy_term_id"] is None and not entry.values.get("value"):
            raise Unusable("neither a taxonomy term nor a value")

    def _read(self, entry: Entry) -> None:
        """Read the row's columns. Those that the source does not have are left as they are."""
        table = TABLES[entry.table]
        raw = entry.row.values
        for column, kind in table.columns.items():
            if column not in raw and column not in table.required:
                continue
            found = mending.read(kind, raw.get(column, ""))
            if found is None and kind is Kind.FLAG:
                continue  # says nothing: what somebody here has decided stands
            value = found.value if found else _EMPTY.get(kind, "")
            if found is None and kind is Kind.STATUS:
                entry.row.line.notes.append("status: none given, taken as active")
            if found and found.note:
                entry.row.line.notes.append(f"{column}: {found.note}")
            if column in table.required and value in (None, ""):
                value = self._instead(entry, column, found.note if found else "")
            entry.values[table.field_of(column)] = value
        if entry.table == "schedule":
            _afternoon(entry)
        if entry.table == "service":
            self._answered_by(entry)

    def _instead(self, entry: Entry, column: str, note: str) -> Value:
        """What stands in for a needed value that is not there."""
        raw = entry.row.values
        if column == "name" and (other := raw.get("alternate_name") or raw.get("label")):
            entry.row.line.notes.append("name: none given, the alternate name taken")
            return other
        raise Unusable(f"{column}: {note}" if note else f"no {column}")

    def _answered_by(self, entry: Entry) -> None:
        key = entry.row.values.get("answered_by")
        if key is None or not (self.agencies or key):
            return
        if key and key not in self.agencies:
            entry.row.line.notes.append("answered_by: no such agency in this network, left out")
            return
        entry.values["answered_by_id"] = self.agencies.get(key)

    def _place(self, entry: Entry) -> None:
        """Its place among the rows of the same table and parent."""
        if entry.owner is None or entry.table == "organization":
            return
        links = [entry.values.get(column) for column in TABLES[entry.table].links]
        parents = [entry.values["link_id"]] if entry.table == "attribute" else links
        among = (entry.table, entry.owner, *parents)
        entry.values["position"] = self.positions[among]
        self.positions[among] += 1

    def _whole_organizations(self, entries: Sequence[Entry]) -> list[Entry]:
        """Leave out every organization of which a service or place cannot be taken."""
        owner_of = {(e.table, e.row.values.get("id", "")): e.owner for e in entries}
        failed: dict[UUID, str] = {}
        for table in CORE:
            for row in self.package.rows.get(table, []):
                if row.main and row.line.reason and (table, row.values.get("id")) not in self.known:
                    owner = owner_of.get(("organization", row.values.get("organization_id", "")))
                    if owner:
                        at = f"{row.line.file} row {row.line.number}"
                        failed.setdefault(owner, f"{at}: {row.line.reason}")
        kept = []
        gone = {entry.id for entry in entries if entry.owner in failed}
        for entry in entries:
            if entry.owner in failed:
                why = f"its organization is not taken ({failed[entry.owner]})"
                entry.row.line.reason = entry.row.line.reason or why
            elif gone.isdisjoint(v for v in entry.values.values() if isinstance(v, UUID)):
                kept.append(entry)
            else:
                entry.row.line.reason = "what it belongs to is not taken"
        return kept


def _afternoon(entry: Entry) -> None:
    """ "9:00 to 5:00" means five in the afternoon; from 14:00 to 03:00 means the next morning."""
    opens, closes = entry.values.get("opens_at"), entry.values.get("closes_at")
    if not isinstance(opens, time) or not isinstance(closes, time) or closes >= opens:
        return
    if time(5) <= opens < time(12) and time(1) <= closes < time(8):
        entry.values["closes_at"] = closes.replace(hour=closes.hour + 12)
        entry.row.line.notes.append("closes_at: before it opens, taken as in the afternoon")


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
}
