"""Reads HSDS as JSON: one document, a list, a page of the API, or ndjson with one per line.

An ndjson file is read line by line; any other JSON has to fit into memory. An id that is not a UUID
is unique only within its document, since scrapers number each document from 1; the organization's
name makes it unique in the source.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import count
from pathlib import Path
from uuid import UUID

import orjson

from directory.hsds import flattening
from directory.hsds.schema import TABLES, Kind
from directory.importing.formats.csv_reader import of_tables
from directory.importing.formats.json_normalizer import NormalizedDocument, normalize
from directory.importing.records import (
    ABOUT,
    EMPTY_LINE,
    Correct,
    Line,
    NotReadable,
    Package,
    Row,
)

BY_LINE = (".ndjson", ".jsonl")
ENDINGS = (".json", *BY_LINE)
WHOLE_BYTES = 64 << 20  # for a file that is not read line by line
NAMED = ("organization", "program", "service", "location", "taxonomy", "taxonomy_term", "unit")


def package(name: str, path: Path) -> Package:
    """Open a JSON or ndjson file, or a folder of them. Raises NotReadable."""
    files = [path] if path.is_file() else sorted(f for f in path.iterdir() if f.suffix in ENDINGS)
    for file in files:
        if file.suffix not in BY_LINE and file.stat().st_size > WHOLE_BYTES:
            raise NotReadable(
                f"{file}: more than 64 MiB in one document. Give it as ndjson, one organization or"
                " service a line, with a name that ends in .ndjson."
            )
    if len(files) == 1 and (tables := _tables(files[0])):
        return of_tables(name, tables)

    def lines(correct: Correct) -> Iterator[tuple[Line, list[Row]]]:
        for file in files:
            prefix = f"{file.stem}/" if len(files) > 1 else ""
            for number, found in _documents(file):
                for line, rows in _lines(prefix, number, found):
                    correct(line)
                    yield line, [Row(row.table, line.values, line) for row in rows]

    return Package(name, lines, frozenset(), [])


def _tables(file: Path) -> Mapping[str, list[Mapping[str, object]]] | None:
    """The standard's tabular form in one JSON object: `{"organizations.csv": [{…}]}`."""
    if file.suffix in BY_LINE:
        return None
    found = _parsed(file, file.read_bytes())
    if isinstance(found, dict) and found and all(str(key).endswith(".csv") for key in found):
        return found
    return None


def _parsed(file: Path, text: bytes) -> object:
    try:
        found: object = orjson.loads(text)
    except ValueError as error:
        raise NotReadable(f"{file}: not JSON ({error}).") from None
    return found


class _NoDocument:
    """A line without a document, and why."""

    def __init__(self, why: str) -> None:
        self.why = why


def _documents(file: Path) -> Iterator[tuple[int, object]]:
    """(line or index in the list, from 1; the parsed value)."""
    if file.suffix in BY_LINE:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    yield number, _NoDocument(EMPTY_LINE)
                    continue
                try:
                    yield number, orjson.loads(line)
                except ValueError:
                    yield number, _NoDocument("not JSON")
        return
    found = _parsed(file, file.read_bytes())
    if isinstance(found, dict) and isinstance(found.get("contents"), list):
        found = found["contents"]
    yield from enumerate(found if isinstance(found, list) else [found], 1)


def _lines(prefix: str, number: int, found: object) -> Iterator[tuple[Line, list[Row]]]:
    if isinstance(found, _NoDocument):
        empty = found.why == EMPTY_LINE
        line = Line(f"{prefix}document", number, {}, reason="" if empty else found.why)
        line.notes = [found.why] if empty else []
        yield line, []
        return
    documents = normalize(found) if isinstance(found, dict) else []
    if not documents:
        yield Line(f"{prefix}document", number, {}, reason="nothing of the standard in it"), []
    several = count() if len(documents) > 1 else None
    for put in documents:
        base = f"/{next(several)}" if several else ""
        yield from _rows(prefix, number, base, put)


def _rows(
    prefix: str, number: int, base: str, put: NormalizedDocument
) -> Iterator[tuple[Line, list[Row]]]:
    rows = flattening.flatten(put.table, put.document)
    keys = _Keys(rows)
    for row in rows:
        values = {column: text_of(value) for column, value in row.values.items()}
        for column, link in row.links.items():
            values[column] = keys.of(link, TABLES[row.table].links[column])
        if key := keys.of(row, row.table):
            values["id"] = key
        if row.about:
            on, about = ABOUT[row.table]
            values[on], values[about] = row.about.table, keys.of(row.about, row.about.table)
        line = Line(
            f"{prefix}{row.table}",
            number,
            values,
            notes=[*put.notes.get(row.pointer, ()), *_left_out(row)],
            pointer=base + row.pointer,
        )
        if row.contradicts:
            line.reason = "; ".join(row.faults)
        else:
            line.notes += row.faults
        yield line, [Row(row.table, values, line)]


def _left_out(row: flattening.Row) -> Iterable[str]:
    for column, value in row.values.items():
        if isinstance(value, dict | list) and not (
            TABLES[row.table].columns.get(column) is Kind.LIST and isinstance(value, list)
        ):
            yield f"{column}: neither text nor number, left out"


class _Keys:
    """The source's keys of the rows of one document, where their ids are not UUIDs."""

    def __init__(self, rows: list[flattening.Row]) -> None:
        named = [r for r in rows if r.table == "organization"] or rows
        self.scope = " ".join(text_of(named[0].values.get("name")).split())
        self.made: dict[int, str] = {}

    def of(self, link: flattening.Link, table: str) -> str:
        """The key of a linked row in this document."""
        if isinstance(link, flattening.Row):
            if not link.key:
                if id(link) not in self.made:
                    self.made[id(link)] = self._make(link)
                return self.made[id(link)]
            link = link.key
        return link if is_uuid(link) else f"{link} of {self.scope}"

    def _make(self, row: flattening.Row) -> str:
        """Make a key from the row's name, or else its content, and from its parents."""
        self.made[id(row)] = ""  # in case the row contains itself
        above = sorted(
            f"{column}={self.of(link, TABLES[row.table].links[column])}"
            for column, link in row.links.items()
        )
        if row.about:
            above.append(self.of(row.about, row.about.table))
        name = text_of(row.values.get("name")) if row.table in NAMED else ""
        said = [f"name={name}"] if name else _said(row)
        return "content " + sha256("\n".join([row.table, *said, *above]).encode()).hexdigest()[:32]


def _said(row: flattening.Row) -> list[str]:
    return sorted(f"{column}={text_of(value)}" for column, value in row.values.items() if value)


def is_uuid(key: str) -> bool:
    """Whether the key is a UUID in its usual form, in lower or upper case."""
    try:
        return str(UUID(key)) == key.lower()
    except ValueError:
        return False


def text_of(value: object) -> str:
    """A JSON value as the text of a CSV cell."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            return ",".join(text_of(one) for one in value if not isinstance(one, dict | list))
    return ""
