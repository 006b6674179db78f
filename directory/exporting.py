"""Writes the directory as a tabular data package of HSDS: its public part, or an agency's own.

The public part leaves out confidential rows and rows that belong only to those. An agency's own
part has its confidential entries, still without an address, since none is stored (R4). Every
foreign key in the package is valid. It is written row by row: memory does not grow with the
directory.
"""

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.db import connections, transaction
from django.db.models import QuerySet

from directory import models as m
from directory.hsds.schema import OURS, TABLES, Kind
from directory.importing.parsing import NAMED_ONLY
from directory.importing.records import ABOUT, EXPORTED
from directory.licensed_terms import licensed_sources
from permissions.database.aliases import JOBS

PIECE = 2_000  # rows fetched at once
FILES = {  # the standard's names, if they are not the table's plus an s
    **{
        table: table
        for table in ("service_at_location", "funding", "accessibility", "metadata", "url")
    },
    "service_capacity": "service_capacity",
    "address": "addresses",
    "taxonomy": "taxonomies",
}
_TYPES: Mapping[Kind, tuple[str, str]] = {  # type and format of a field (Table Schema)
    Kind.EMAIL: ("string", "email"),
    Kind.DATE: ("date", "default"),
    Kind.TIME: ("time", "default"),
    Kind.MOMENT: ("datetime", "default"),
    Kind.WHOLE: ("integer", "default"),
    Kind.NUMBER: ("number", "default"),
    Kind.AMOUNT: ("number", "default"),
    Kind.FLAG: ("boolean", "default"),
}
# A row that also belongs to a hidden one of these reveals it (directory/projection/prefetch.py).
_TELLING = ("organization", "service")
# The source of a term, by the tables that name one. What says what a term means goes with it.
_NAMED_BY_TERM = {
    "taxonomy": "source",
    "taxonomy_term": "source",
    "attribute": "taxonomy_term__source",
}
_OF_SOURCES = ("organization", "service")  # tables whose rows say where they came from (ADR 0131)
_PROFILE = "Of the victim services profile; not in HSDS itself."

Open = Callable[[str], AbstractContextManager[IO[str]]]


@dataclass
class Exported:
    """The number of rows of each table that were written, and that were left out."""

    written: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)


def export(path: Path, *, agency_id: UUID | None = None, with_licensed: bool = False) -> Exported:
    """Write a package to `path`: a zip file if it ends in .zip, else a folder, which is created.

    `agency_id`: export everything of the organizations that this agency edits; else everything
    public. Licensed terms, and what services are marked with them, are left out unless
    `with_licensed`. Raises FileExistsError if `path` exists and is not an empty folder.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise FileExistsError(str(path))
    with transaction.atomic(using=JOBS):
        with connections[JOBS].cursor() as cursor:  # one snapshot for all tables
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if path.suffix.lower() != ".zip":
            path.mkdir(parents=True, exist_ok=True)
            return _Exporting(agency_id, with_licensed).run(lambda name: _in_folder(path / name))
        part = path.with_name(path.name + ".part")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            told = _Exporting(agency_id, with_licensed).run(lambda name: _in_zip(archive, name))
        part.replace(path)
        return told


def _in_folder(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", newline="")


@contextmanager
def _in_zip(archive: zipfile.ZipFile, name: str) -> Iterator[IO[str]]:
    with archive.open(name, "w") as raw, io.TextIOWrapper(raw, "utf-8", newline="") as text:
        yield text


class _Exporting:
    def __init__(self, agency_id: UUID | None, with_licensed: bool) -> None:
        self.agency_id = agency_id
        self.licensed = frozenset() if with_licensed else licensed_sources(JOBS)
        self.hidden: set[UUID] = set()  # organizations that the public part may not name
        if agency_id is None:
            secret = m.Organization.objects.using(JOBS).filter(confidential=True)
            self.hidden = set(secret.values_list("id", flat=True))
        self.told = Exported()
        self.sources: set[str] = set()  # of the entries that are written

    def run(self, open_file: Open) -> Exported:
        """Write all tables and the description to files that `open_file` opens by name."""
        # The ids that are written, in a file that SQLite removes.
        with closing(sqlite3.connect("", isolation_level=None)) as self.kept:
            self.kept.execute("PRAGMA journal_mode = OFF")
            self.kept.execute(
                "CREATE TABLE kept (id BLOB, tbl TEXT, PRIMARY KEY (id, tbl)) WITHOUT ROWID"
            )
            for table in TABLES:  # parents first
                with open_file(f"{file_name(table)}.csv") as file:
                    self._table(table, csv.writer(file, lineterminator="\n"))
        with open_file("datapackage.json") as file:
            json.dump(package_description(_sources(self.sources)), file, indent=1)
        return self.told

    def _table(self, table: str, writer: Any) -> None:
        columns = columns_of(table)
        writer.writerow(columns)
        fields = {column: TABLES[table].field_of(column) for column in columns}
        fields |= {"answered_by": "answered_by_id"} if table == "service" else {}
        written = left_out = 0
        self.kept.execute("BEGIN")
        for row in self._rows(table).values().iterator(PIECE):
            links = self._links(table, row)
            if links is None:
                left_out += 1
                continue
            self.kept.execute("INSERT INTO kept VALUES (?, ?)", [row["id"].bytes, table])
            writer.writerow([cell(links.get(c, row[f])) for c, f in fields.items()])
            written += 1
            if table in _OF_SOURCES and row["source"]:
                self.sources.add(row["source"])
        self.kept.execute("COMMIT")
        self.told.written[table] = written
        self.told.left_out[table] = left_out

    def _rows(self, table: str) -> "QuerySet[Any]":
        model = TABLES[table].model
        rows: QuerySet[Any] = model._default_manager.using(JOBS)
        if self.licensed and table in _NAMED_BY_TERM:
            rows = rows.exclude(**{f"{_NAMED_BY_TERM[table]}__in": self.licensed})
        if self.agency_id:
            own = m.Editing.objects.using(JOBS).filter(agency_id=self.agency_id)
            ids = own.values("content_object_id")
            if table == "organization":
                return rows.filter(id__in=ids).order_by("id")
            if issubclass(model, m.Part):
                return rows.filter(part_of_id__in=ids).order_by("part_of_id", "position", "id")
            return rows.order_by("id")
        if any(f.name == "confidential" for f in model._meta.fields):
            rows = rows.filter(confidential=False)
        if issubclass(model, m.Part):
            return rows.order_by("part_of_id", "position", "id")
        return rows.order_by("id")

    def _links(self, table: str, row: Mapping[str, Any]) -> dict[str, UUID | None] | None:
        """The row's foreign keys that must be emptied (None values); returns None if the row has to
        be left out."""
        kind = TABLES[table]
        if (owner := row.get("part_of_id")) and not self._is_kept("organization", owner):
            return None
        if table in ABOUT:
            on, about = (row[column] for column in ABOUT[table])
            if not self._is_kept(on, about):
                return None
        links: dict[str, UUID | None] = {}
        hangs = led = False
        for column, target in kind.links.items():
            key = row[column]
            if key in self.hidden:
                links[column] = None
            if key is None or column in NAMED_ONLY:
                continue
            hangs = True
            if self._is_kept(target, key):
                led = True
            elif column in kind.required or (self.agency_id is None and target in _TELLING):
                return None
            else:
                links[column] = None
        if hangs and not led and (table not in ABOUT):
            return None
        return links

    def _is_kept(self, table: str, key: UUID) -> bool:
        found = self.kept.execute("SELECT 1 FROM kept WHERE id = ? AND tbl = ?", [key.bytes, table])
        return found.fetchone() is not None


def file_name(table: str) -> str:
    """The name of a table's file, without its ending."""
    return FILES.get(table, f"{table}s")


def columns_of(table: str) -> list[str]:
    """The columns of a table's file: the standard's, then those of our profile."""
    kind = TABLES[table]
    ours = OURS.get(table, {})
    columns = ["id", *kind.links, *(column for column in kind.columns if column not in ours)]
    columns += ABOUT.get(table, ())
    if table == "service":
        columns.append("answered_by")
    return [*columns, *ours]


def cell(value: object) -> str:
    """A value as the text of a CSV cell, in the form that an import reads."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date() | time():
            return value.isoformat()
        case list():
            return ",".join(cell(one) for one in value)
    return str(value)


# -- datapackage.json -----------------------------------------------------------------------------


def _sources(names: set[str]) -> list[dict[str, str]]:
    """What the package says of the sources of its entries."""
    told = {one.name: one for one in m.Source.objects.using(JOBS).filter(name__in=names)}
    found = []
    for name in sorted(names):
        said = {"title": name}
        if name in told:
            said |= {"path": told[name].link, "license": told[name].license}
        found.append({member: text for member, text in said.items() if text})
    return found


def package_description(sources: Sequence[Mapping[str, str]] = ()) -> dict[str, object]:
    """The package's description (Frictionless tabular data package). `sources`: those of its
    entries; each has its license too, which is ours: a package's licenses are of the whole."""
    return {
        "name": EXPORTED,
        **({"sources": sources} if sources else {}),
        "title": "Human services directory",
        "profile": "tabular-data-package",
        "version": "3.2.3",
        "homepage": "https://docs.openreferral.org",
        "resources": [_resource(table) for table in TABLES],
    }


def _resource(table: str) -> dict[str, object]:
    kind = TABLES[table]
    standard = {"id", *kind.links, *kind.columns, "link_id", "resource_id"} - set(
        OURS.get(table, ())
    )
    fields = []
    for column in columns_of(table):
        form, style = _TYPES.get(kind.columns.get(column, Kind.TEXT), ("string", "default"))
        said: dict[str, object] = {"name": column, "type": form, "format": style}
        if column == "id" or column in kind.required:
            said["constraints"] = {"required": True, "unique": column == "id"}
        if column not in standard or table == "holiday_schedule":
            said["description"] = _PROFILE
        fields.append(said)
    keys = [
        {"fields": column, "reference": {"resource": target, "fields": "id"}}
        for column, target in kind.links.items()
        if column not in NAMED_ONLY
    ]
    return {
        "name": table,
        "path": f"{file_name(table)}.csv",
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {"primaryKey": "id", "fields": fields, "foreignKeys": keys},
    }
