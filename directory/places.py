"""Keeps a confidential place out of what an import stores (R4): address, coordinates, street.

The database refuses such an address too (sql/places.sql); this is where it is left out, with a
word in the report, before anything is written, the quarantine included.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from directory import models as m
from directory.reading import Entry, id_of
from directory.rendering import JOBS
from directory.standard import TABLES, WHEREABOUTS, Kind
from directory.tabular import Line, Package, table_of

LEFT_OUT = "of a confidential place: not stored"


@dataclass(frozen=True)
class Secrets:
    """What may not be kept of lines that were not taken."""

    streets: frozenset[str]  # of confidential places, and of places that we do not know
    public: frozenset[str]  # the source's ids of places that are known to be public

    def without_whereabouts(self, line: Line) -> dict[str, str]:
        """The line's cells, less what tells where a confidential or unknown place is."""
        hide = frozenset() if self._is_public(line) else _telling(line)
        return {
            column: value
            for column, value in line.values.items()
            if column not in hide and not _names(value, self.streets)
        }

    def _is_public(self, line: Line) -> bool:
        """Whether the place that the line describes is known to be public."""
        if place := line.values.get("location_id"):
            return place in self.public
        if organization := line.values.get("organization_id") if _has_street(line) else "":
            made = (f"organization-{organization}-{kind}" for kind in ("postal", "physical"))
            return any(place in self.public for place in made)
        return line.key in self.public and not _has_street(line)


def _has_street(line: Line) -> bool:
    return "address_1" in line.values


def _telling(line: Line) -> frozenset[str]:
    if _has_street(line):
        return WHEREABOUTS["address"]
    return WHEREABOUTS["location"] if table_of(line.file) == "location" else frozenset()


def keep_secret(entries: list[Entry], package: Package, source: str) -> tuple[list[Entry], Secrets]:
    """The entries without confidential whereabouts, and what else must not be kept.

    A place is confidential by its own marker or as soon as a confidential service or organization
    is found there; a marker that was set here stays until the source says "no".
    """
    hidden = _hidden(entries)
    public = frozenset(
        entry.row.values.get("id", "")
        for entry in entries
        if entry.table == "location" and entry.id not in hidden
    )
    unknown: set[str] = set()
    secret: set[str] = set()
    for row in package.rows["address"]:
        key = row.values.get("location_id", "")
        if key not in public and (street := _street(row.values.get("address_1", ""))):
            known = id_of(source, "location", key) in hidden
            (secret if known else unknown).add(street)
    kept = [entry for entry in entries if not _is_address_of(entry, hidden)]
    for entry in kept:
        if entry.table == "location" and entry.id in hidden:
            _forget_where(entry)
    if secret:
        _forget_streets(kept, frozenset(secret))
    return kept, Secrets(frozenset(secret | unknown), public)


def _hidden(entries: Iterable[Entry]) -> set[UUID]:
    """The ids of the places that are confidential, once all markers are counted."""
    marked = {
        table: set(
            model._default_manager.using(JOBS)
            .filter(confidential=True)
            .values_list("id", flat=True)
        )
        for table, model in (
            ("organization", m.Organization),
            ("service", m.Service),
            ("location", m.Location),
        )
    }
    hidden: set[UUID] = set()
    for entry in entries:  # parents first
        if entry.table in marked:
            said = entry.values.get("confidential", entry.id in marked[entry.table])
            if said or entry.owner in hidden:
                hidden.add(entry.id)
        elif entry.table == "service_at_location" and entry.values["service_id"] in hidden:
            place = entry.values["location_id"]
            assert isinstance(place, UUID)
            hidden.add(place)
    return hidden


def _is_address_of(entry: Entry, hidden: Collection[UUID]) -> bool:
    if entry.table != "address" or entry.values["location_id"] not in hidden:
        return False
    entry.row.line.notes.append(LEFT_OUT)
    return True


def _forget_where(entry: Entry) -> None:
    """Empty what tells where it is, also what an earlier import has stored."""
    columns = TABLES["location"].columns
    for column in WHEREABOUTS["location"]:
        if entry.values.get(column) not in (None, ""):
            entry.row.line.notes.append(f"{column}: {LEFT_OUT}")
        entry.values[column] = None if columns[column] is Kind.NUMBER else ""
    entry.values["confidential"] = True


def _forget_streets(entries: Iterable[Entry], streets: frozenset[str]) -> None:
    """Empty every text that names one of `streets`: descriptions repeat what an address says."""
    for entry in entries:
        for name, value in entry.values.items():
            if isinstance(value, str) and _names(value, streets):
                required = name in TABLES[entry.table].required
                entry.values[name] = "Name withheld" if required else ""
                entry.row.line.notes.append(f"{name}: names a confidential place, left out")


def _street(address: str) -> str:
    """What recognises a street in a text: "123 Elm", or the whole line where it has no number."""
    plain = _plain(address)
    found = re.match(r"\d+\w? (?:[nsew] )?\w+", plain)
    street = found[0] if found else plain
    return street if len(street) > 4 else ""


def _plain(value: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", value.casefold()).split())


def _names(value: str, streets: Collection[str]) -> bool:
    plain = f" {_plain(value)} "
    return any(f" {street} " in plain for street in streets)
