"""Reads HSDS in tabular form: a folder or zip of CSV files, with or without datapackage.json.

A file is read line by line, never whole. This module knows no database and checks no values
(coercion.py and parsing.py do); legacy_versions.py rewrites the names of older forms.
"""

import codecs
import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from directory.hsds.schema import TABLES, Kind
from directory.importing.formats.legacy_versions import CELLS, rows_of
from directory.importing.records import (
    EMPTY_LINE,
    EXPORTED,
    NO_TABLE,
    Correct,
    Line,
    NotReadable,
    Package,
    Row,
)

CELL_CHARACTERS = 10_000_000
UNPACKED_BYTES = 16 << 30  # for a zip
WAITS_AS, REASON = "quarantine_id", "quarantine_reason"  # columns of an exported quarantine
PIECE = 1 << 20  # bytes read at once to detect a file's encoding

_OLD_FILES = {
    "eligibility": "eligibility",
    "eligibilities": "eligibility",
    "regular_schedule": "regular_schedule",
    "regular_schedules": "regular_schedule",
    "physical_address": "physical_address",
    "physical_addresses": "physical_address",
    "postal_address": "postal_address",
    "postal_addresses": "postal_address",
    "mail_addresses": "postal_address",
    "service_taxonomy": "service_taxonomy",
    "services_taxonomy": "service_taxonomy",
    "service_taxonomies": "service_taxonomy",
    "service_attribute": "service_taxonomy",
    "service_attributes": "service_taxonomy",
    "other_attribute": "attribute",
    "other_attributes": "attribute",
    "payment_accepted": "payment_accepted",
    "payments_accepted": "payment_accepted",
    "accessibility_for_disabilities": "accessibility",
    "services_at_location": "service_at_location",
    "service_at_locations": "service_at_location",
    "taxonomy": "taxonomy_term",  # before version 3 this file held the terms
    "taxonomies": "taxonomy",
    "accessibilities": "accessibility",
    "capacities": "service_capacity",
    "urls": "url",
}


@dataclass(frozen=True)
class File:
    """A CSV file of a source; each `open` reads its bytes from the start."""

    stem: str
    table: str  # from table_of(); '' if it is not a known table
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    ours: bool = False  # from our own export, which has no older forms
    note: str = ""  # what is odd about it


def table_of(stem: str) -> str:
    """The table of a file, by its name; '' if it is not a known table."""
    stem = stem.lower().replace("-", "_").replace(" ", "_")
    if stem in _OLD_FILES:
        return _OLD_FILES[stem]
    for name in (stem, stem.removesuffix("s"), stem.removesuffix("es"), f"{stem[:-3]}y"):
        if name in TABLES:
            return name
    return ""


def package(name: str, path: Path, *, whole: bool = True) -> Package:
    """Open the CSV files of a folder or zip. `whole` requires organizations. Raises NotReadable."""
    found, notes = _files(path)
    files = sorted(found, key=lambda file: file.stem)
    notes += [file.note for file in files if file.note]
    notes += [
        f"{file.stem}.csv is no table of the standard: its lines are skipped"
        for file in files
        if not file.table
    ]
    ours = [file for file in files if file.table]
    if whole and "organization" not in {file.table for file in ours}:
        names = ", ".join(file.stem + ".csv" for file in files[:8])
        raise NotReadable(
            f"{path}: no organizations.csv among its files ({names}). Expected is HSDS in"
            " tabular form: organizations.csv, services.csv, locations.csv and so on."
        )
    tables = {file.table for file in ours if file.table in TABLES}
    for file in ours:
        with _text(file, notes) as text:
            tables |= {CELLS[column] for column in _heading(text)[0] if column in CELLS}

    def lines(correct: Correct) -> Iterator[tuple[Line, list[Row]]]:
        owner = _owners(ours)
        for file in files:
            for line in _lines(file):
                correct(line)
                if not file.table:
                    line.notes = [NO_TABLE]
                    yield line, []
                elif file.ours:
                    yield line, [Row(file.table, line.values, line)]
                else:
                    yield line, list(rows_of(file.table, line, owner))

    return Package(name, lines, frozenset(tables), notes)


def of_tables(name: str, tables: Mapping[str, list[Mapping[str, object]]]) -> Package:
    """Open the same tables in JSON: `{"organizations.csv": [{…}]}`, as in the standard's example.

    Raises NotReadable if a table is not a list of rows.
    """
    stems = {file.removesuffix(".csv"): rows for file, rows in tables.items()}
    for stem, rows in stems.items():
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise NotReadable(f"{name}: {stem}.csv is not a list of objects, one for each row.")

    def lines(correct: Correct) -> Iterator[tuple[Line, list[Row]]]:
        for stem, rows in stems.items():
            table = table_of(stem)
            for number, cells in enumerate(rows, 2):
                said = {k: "" if v is None else str(v) for k, v in cells.items()}
                line = Line(stem, number, said, [] if table else [NO_TABLE])
                correct(line)
                yield line, list(rows_of(table, line, {}))

    return Package(name, lines, frozenset({table_of(stem) for stem in stems} & set(TABLES)), [])


# -- Files ----------------------------------------------------------------------------------------


def _files(path: Path) -> tuple[list[File], list[str]]:
    """The CSV files, and what is noted about files that are named and not there."""
    if not path.exists():
        raise NotReadable(f"{path}: there is no such folder or file.")
    if path.is_file():
        return _in_zip(path)
    described = path / "datapackage.json"
    found = sorted(path.glob("*.csv"))
    if described.is_file():
        return _described(
            described.read_bytes(),
            lambda name: _in_folder(path, name),
            [_file(file) for file in found],
        )
    if not found:  # a download often wraps the files in a folder
        folders = {file.parent for file in path.glob("*/*.csv")}
        if len(folders) > 1:
            names = ", ".join(sorted(folder.name for folder in folders))
            raise NotReadable(
                f"{path}: CSV files are in several folders below ({names}): name one."
            )
        if len(folders) == 1:
            return _files(folders.pop())
    if not found:
        raise NotReadable(f"{path}: there is no CSV file in this folder.")
    return [_file(file) for file in found], []


def _file(path: Path) -> File:
    return File(path.stem, table_of(path.stem), lambda: path.open("rb"))


def _in_folder(folder: Path, name: str) -> File | None:
    path = folder / name
    return _file(path) if path.is_file() else None


def _in_zip(path: Path) -> tuple[list[File], list[str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            return _of_archive(path, archive)
    except zipfile.BadZipFile:
        raise NotReadable(f"{path}: neither a folder nor a zip file.") from None


def _of_archive(path: Path, archive: zipfile.ZipFile) -> tuple[list[File], list[str]]:
    entries = [e for e in archive.infolist() if not e.filename.startswith("__MACOSX")]
    tables = [e for e in entries if e.filename.lower().endswith(".csv")]
    if not tables:
        raise NotReadable(f"{path}: there is no CSV file in this zip file.")
    if sum(entry.file_size for entry in tables) > UNPACKED_BYTES:
        raise NotReadable(f"{path}: unpacks to more than 16 GiB; unpack it and name the folder.")

    def file(name: str) -> File | None:
        if name not in {entry.filename for entry in tables}:
            return None
        stem = PurePosixPath(name).stem
        return File(stem, table_of(stem), partial(_packed, path, name))

    for entry in entries:
        described = PurePosixPath(entry.filename)
        if described.name == "datapackage.json":
            beside = partial(_beside, described.parent, file)
            there = [
                one for one in tables if PurePosixPath(one.filename).parent == described.parent
            ]
            others = [found for one in there if (found := file(one.filename))]
            return _described(archive.read(entry), beside, others)
    return [found for entry in tables if (found := file(entry.filename))], []


def _packed(path: Path, name: str) -> IO[bytes]:
    """One entry. The archive closes with the entry: it counts who still reads it."""
    with zipfile.ZipFile(path) as archive:
        return archive.open(name)


def _beside(folder: PurePosixPath, find: Callable[[str], File | None], name: str) -> File | None:
    return find(str(folder / name))


def _described(
    content: bytes, find: Callable[[str], File | None], there: list[File]
) -> tuple[list[File], list[str]]:
    """The files that a datapackage.json names, and those `there` that it does not name, since a
    description is often older than its files. Raises NotReadable."""
    try:
        described = json.loads(content)
        resources = described["resources"]
        named = [(str(one.get("name", "")), one.get("path")) for one in resources]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotReadable("datapackage.json: not a description of resources.") from None
    ours = described.get("name") == EXPORTED
    files, absent = [], []
    for name, path in named:
        if not isinstance(path, str) or path.startswith("/") or ".." in PurePosixPath(path).parts:
            raise NotReadable("datapackage.json: a resource's path leads out of the package.")
        if found := find(path):
            files.append(replace(found, table=found.table or table_of(name), ours=ours))
        elif not ours:  # an export names each table, and writes those that have rows
            absent.append(path)
    stems = {file.stem for file in files}
    for file in there:
        if file.stem not in stems:
            note = f"{file.stem}.csv: datapackage.json does not name it; read all the same"
            files.append(replace(file, note=note))
    notes = f"datapackage.json also names what is not there: {', '.join(absent)}"
    return files, [notes] if absent else []


def _text(file: File, notes: list[str] | None = None) -> io.TextIOWrapper:
    """The file as text: in UTF-16 if it begins so, in UTF-8, or else in Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open() as raw:
        begins = raw.read(2)
        if begins in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return _wrapped(file, "utf-16")
        try:
            decoder.decode(begins)
            while piece := raw.read(PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            if notes is not None:
                notes.append(f"{file.stem}.csv is not UTF-8: read as Windows-1252")
            return _wrapped(file, "cp1252")
    return _wrapped(file, "utf-8-sig")


def _wrapped(file: File, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(file.open().__enter__(), encoding, errors="replace", newline="")


def _heading(text: IO[str]) -> tuple[list[str], str]:
    heading = text.readline()
    delimiter = max(",;\t", key=heading.count)
    names = next(csv.reader([heading], delimiter=delimiter), [])
    return [name.strip().lower() for name in names], delimiter


def _lines(file: File) -> Iterator[Line]:
    csv.field_size_limit(CELL_CHARACTERS)
    kind = TABLES.get(file.table)
    # Only texts may begin or end with a space; names, ids and dates are stripped.
    texts = {c for c, k in kind.columns.items() if k is Kind.TEXT} - {"name"} if kind else set()
    with _text(file) as text:
        names, delimiter = _heading(text)
        kept = [name in texts for name in names]
        reader = csv.reader(text, delimiter=delimiter)
        try:
            for number, cells in enumerate(reader, 2):
                if cells:
                    yield _line(file.stem, number, names, kept, cells)
        except csv.Error as error:
            raise NotReadable(f"{file.stem}.csv, line {reader.line_num + 1}: {error}.") from None


def _line(stem: str, number: int, names: list[str], kept: list[bool], cells: list[str]) -> Line:
    values = {
        name: cell if keep and cell.strip() else cell.strip()
        for name, keep, cell in zip(names, kept, cells, strict=False)
    }
    values.pop(REASON, None)
    line = Line(stem, number, values, waits_as=values.pop(WAITS_AS, ""))
    if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
        line.reason = "more values than columns (a comma without quotes?)"
    elif not any(values.values()):
        line.notes.append(EMPTY_LINE)
    return line


def _owners(files: list[File]) -> dict[str, str]:
    """Location → organization, if services name only their place (Ohana)."""
    by_place = False
    for file in files:
        if file.table == "service":
            with _text(file) as text:
                by_place = by_place or "location_id" in _heading(text)[0]
    if not by_place:
        return {}
    return {
        line.values.get("id", ""): line.values.get("organization_id", "")
        for file in files
        if file.table == "location"
        for line in _lines(file)
    }
