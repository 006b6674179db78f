"""Keeps a confidential place out of what an import stores (R4): address, coordinates, street.

The database refuses such an address too. This module removes it, with a note in the report, before
anything is written, including the quarantine.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from directory import models as m
from directory.hsds.schema import TABLES, WHEREABOUTS, Kind
from directory.importing import coercion, confidential_rows
from directory.importing.formats.csv_reader import table_of
from directory.importing.parsing import Entry, id_of
from directory.importing.records import Line
from directory.importing.staging import TAKEN, THERE, Staging
from permissions.database.aliases import JOBS

REDACTED = "of a confidential place: not stored"
MARKED = (("organization", m.Organization), ("service", m.Service), ("location", m.Location))
HISTORY = frozenset({"previous_value", "replacement_value"})  # columns of metadata
TELLING = WHEREABOUTS["address"] | WHEREABOUTS["location"] | HISTORY  # where a place may be


class Streets:
    """Streets that no text may name. Matches whole words; the cost does not grow with the number of
    streets."""

    def __init__(self) -> None:
        self._by_first: dict[str, set[str]] = {}

    def add(self, address: str) -> None:
        """Add the street of an address, unless it is too short to recognize."""
        if street := _street(address):
            self._by_first.setdefault(street.split(" ", 1)[0], set()).add(street)

    def __bool__(self) -> bool:
        return bool(self._by_first)

    def named_in(self, text: str) -> bool:
        """Whether a text names one of the streets."""
        if not self._by_first or not text:
            return False
        words = _plain(text).split()
        for place, word in enumerate(words):
            for street in self._by_first.get(word, ()):
                if words[place : place + street.count(" ") + 1] == street.split(" "):
                    return True
        return False


class ConfidentialPlaces:
    """The confidential places of a source, and their streets.

    A place is confidential by its own marker, or if a confidential service or organization is
    located there. A marker that was set here stays until the source says "no".
    """

    def __init__(self, staging: Staging, source: str) -> None:
        self.staging = staging
        self.source = source
        self.streets = Streets()
        marked = {
            (table, one)
            for table, model in MARKED
            for one in model._default_manager.using(JOBS)
            .filter(confidential=True, source=source)
            .values_list("id", flat=True)
        }
        confidential_rows.mark_confidential(staging, self._said(marked))
        self.hidden = {
            id_of(source, "location", key) for key in confidential_rows.hidden_places(staging)
        }
        for address in confidential_rows.addresses(staging, hidden=True):
            self.streets.add(address)

    def _said(self, marked: set[tuple[str, UUID]]) -> Iterator[int]:
        """The rows that are marked by the source or, if it says nothing, in the directory."""
        for table, _ in MARKED:
            for serial, key, said in confidential_rows.markers(self.staging, table):
                read = coercion.read(Kind.FLAG, said)
                here = bool(marked) and (table, id_of(self.source, table, key)) in marked
                if read.value if read else here:
                    yield serial

    def keep(self, entries: Iterable[Entry]) -> list[Entry]:
        """The entries without anything that shows where a confidential place is."""
        kept = []
        links: dict[UUID, UUID] = {}  # service_at_location → its place
        dropped: set[UUID] = set()
        for entry in entries:
            if entry.table == "service_at_location":
                place = entry.values["location_id"]
                assert isinstance(place, UUID)
                links[entry.id] = place
            if self._is_of_a_hidden_place(entry, links, dropped):
                entry.row.line.notes.append(REDACTED)
                dropped.add(entry.id)
                continue
            if entry.table == "location" and entry.id in self.hidden:
                _forget_where(entry)
            if self.streets:
                self._forget_streets(entry)
            kept.append(entry)
        return kept

    def _is_of_a_hidden_place(
        self, entry: Entry, links: Mapping[UUID, UUID], dropped: set[UUID]
    ) -> bool:
        if entry.table == "address":
            return entry.values["location_id"] in self.hidden
        if entry.table == "metadata":
            about = entry.values["resource_id"]
            assert isinstance(about, UUID)
            return about in dropped or links.get(about, about) in self.hidden
        return entry.table == "attribute" and entry.values["link_id"] in dropped

    def _forget_streets(self, entry: Entry) -> None:
        """Empty every text that names a street, since descriptions may repeat an address."""
        for name, value in entry.values.items():
            if isinstance(value, str) and self.streets.named_in(value):
                required = name in TABLES[entry.table].required
                entry.values[name] = "Name withheld" if required else ""
                entry.row.line.notes.append(f"{name}: names a confidential place, left out")


class Redaction:
    """Redacts lines that were not taken, for the quarantine.

    Removes what shows where a place is unless the place is known to be public, and the streets of
    places that are confidential or unknown.
    """

    def __init__(self, secrets: ConfidentialPlaces) -> None:
        self.staging = secrets.staging
        self.source = secrets.source
        self.hidden = secrets.hidden
        self.streets = secrets.streets
        for address in confidential_rows.addresses(self.staging, hidden=False):
            self.streets.add(address)

    def kept(self, line: Line) -> dict[str, str]:
        """The line's cells that may be kept."""
        allowed = None if self._is_public(line) else _harmless_columns(line)
        return {
            column: value
            for column, value in line.values.items()
            if value and (allowed is None or column in allowed) and not self.streets.named_in(value)
        }

    def _public(self, key: str) -> bool:
        found = self.staging.target("location", key)
        return bool(
            found
            and found.state in (TAKEN, THERE)
            and id_of(self.source, "location", key) not in self.hidden
        )

    def _is_public(self, line: Line) -> bool:
        """Whether the line is only about public places."""
        table = _table(line)
        if table == "metadata":
            return False
        if "address_1" in line.values or table == "address":
            if place := line.values.get("location_id"):
                return self._public(place)
            organization = line.values.get("organization_id", "")
            made = (f"organization-{organization}-{kind}" for kind in ("postal", "physical"))
            return bool(organization) and any(self._public(place) for place in made)
        if place := line.values.get("location_id"):
            return self._public(place)
        return table != "location" or self._public(line.key)


def _table(line: Line) -> str:
    return table_of(line.file.rsplit("/", 1)[-1])


def _harmless_columns(line: Line) -> set[str]:
    """The known columns of a line that do not show where a place is."""
    table = _table(line)
    kind = TABLES.get(table)
    if kind is None:  # a file of an older form
        return set(line.values) - TELLING
    known = {"id", *kind.columns, *kind.links, "link_id", "resource_id"}
    return known - TELLING | ({"url"} if table != "location" else set())


def _forget_where(entry: Entry) -> None:
    """Empty the place's whereabouts, including those that an earlier import has stored."""
    columns = TABLES["location"].columns
    for column in WHEREABOUTS["location"]:
        if entry.values.get(column) not in (None, ""):
            entry.row.line.notes.append(f"{column}: {REDACTED}")
        entry.values[column] = None if columns[column] is Kind.NUMBER else ""
    entry.values["external_identifier_type"] = ""
    entry.values["confidential"] = True


def _street(address: str) -> str:
    """The words that identify a street in a text: "123 Elm", or the whole line without a number."""
    plain = _plain(address)
    found = re.match(r"\d+\w? (?:[nsew] )?\w+", plain)
    street = found[0] if found else plain
    return street if len(street) > 4 else ""


def _plain(value: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", value.casefold()).split())
