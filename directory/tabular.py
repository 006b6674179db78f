"""Reads HSDS in tabular form, a folder or zip of CSV files, into rows of HSDS 3's tables.

Files and columns of HSDS 1.1, 2.0 and of Ohana's form are rewritten here into version 3's, a cell
with a list becoming rows of its own. Knows no database and judges no value (directory/mending.py
and directory/importing.py do). Reads the whole source into memory.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath

from directory import mending
from directory.standard import TABLES, Kind

CELL_CHARACTERS = 10_000_000
UNPACKED_BYTES = 1 << 30  # of a zip


class NotReadable(Exception):
    """There is nothing to import at this path; the message says why and what is expected."""


@dataclass(eq=False)
class Line:
    """One line of a file, and what became of it: `reason` quarantines it, `notes` mend it."""

    file: str  # without its ending
    number: int  # the heading is 1; a line with line breaks in its cells counts once
    values: Mapping[str, str]
    notes: list[str] = field(default_factory=list)
    reason: str = ""

    @property
    def key(self) -> str:
        return self.values.get("id", "") or self.values.get("taxonomy_id", "")

    @property
    def outcome(self) -> str:
        return "quarantined" if self.reason else "mended" if self.notes else "taken"

    @property
    def why(self) -> list[str]:
        """Why it was quarantined, or what was mended; each reason once."""
        return [self.reason] if self.reason else list(dict.fromkeys(self.notes))


@dataclass(eq=False)
class Row:
    """One row of a table of HSDS 3, and the line it comes from."""

    table: str
    values: dict[str, str]
    line: Line
    main: bool = True  # false: made of a cell of the line; its failure does not fail the line


@dataclass
class Package:
    """A source as read: its rows by table, all its lines, and what was said of whole files."""

    name: str
    rows: dict[str, list[Row]]
    lines: list[Line]
    notes: list[str]
    tables: set[str]  # that the source speaks of: what it no longer lists of these is removed


# -- Files ----------------------------------------------------------------------------------------

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
    "urls": "url",
}
_LATER = {  # known, and not taken yet: their lines wait in quarantine
    *("holiday_schedule", "holiday_schedules", "service_capacity", "service_capacities"),
    *("unit", "units", "metadata", "meta_table_description", "meta_table_descriptions"),
    *("review", "reviews"),
}


_CELLS = {  # columns whose cells become rows of another table
    "languages": "language",
    "service_areas": "service_area",
    "required_documents": "required_document",
    "funding_sources": "funding",
    "accessibility": "accessibility",
    "keywords": "attribute",
    "taxonomy_ids": "attribute",
}


def table_of(stem: str) -> str:
    """The table a file holds; '' where it is none of ours."""
    stem = stem.lower().replace("-", "_").replace(" ", "_")
    if stem in _OLD_FILES:
        return _OLD_FILES[stem]
    if stem in _LATER:
        return "later"
    for name in (stem, stem.removesuffix("s"), stem.removesuffix("es"), f"{stem[:-3]}y"):
        if name in TABLES:
            return name
    return ""


def read(path: Path) -> Package:
    """Read the folder or zip at `path`. Raises NotReadable."""
    files = sorted(_files(path))
    notes: list[str] = []
    lines: list[Line] = []
    read_as: dict[str, list[Line]] = {}
    for stem, content in files:
        table = table_of(stem)
        if not table:
            notes.append(f"{stem}.csv is no table of the standard: ignored")
            continue
        found = _lines(stem, content, notes)
        lines += found
        read_as.setdefault(table, []).extend(found)
    if "organization" not in read_as:
        names = ", ".join(sorted(stem + ".csv" for stem, _ in files)[:8])
        raise NotReadable(
            f"{path}: no organizations.csv among its files ({names}). Expected is HSDS in"
            " tabular form: organizations.csv, services.csv, locations.csv and so on."
        )
    rows = _modern(read_as)
    tables = {table for table in TABLES if rows[table] or table in read_as}
    tables |= {_CELLS[c] for line in lines for c in line.values if c in _CELLS}
    _tell_unknown_columns(rows, notes)
    full = path.resolve()
    return Package(full.name if full.is_dir() else full.stem, rows, lines, notes, tables)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if not path.exists():
        raise NotReadable(f"{path}: there is no such folder or file.")
    if path.is_file():
        yield from _unzip(path)
        return
    found = sorted(path.glob("*.csv"))
    if not found:  # a download often has one folder around the files
        folders = {file.parent for file in path.glob("*/*.csv")}
        if len(folders) > 1:
            names = ", ".join(sorted(folder.name for folder in folders))
            raise NotReadable(
                f"{path}: CSV files are in several folders below ({names}): name one."
            )
        found = sorted(path.glob("*/*.csv"))
    if not found:
        raise NotReadable(f"{path}: there is no CSV file in this folder.")
    for file in found:
        yield file.stem, file.read_bytes()


def _unzip(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise NotReadable(f"{path}: neither a folder nor a zip file.") from None
    with archive:
        entries = [e for e in archive.infolist() if e.filename.lower().endswith(".csv")]
        if not entries:
            raise NotReadable(f"{path}: there is no CSV file in this zip file.")
        if sum(entry.file_size for entry in entries) > UNPACKED_BYTES:
            raise NotReadable(f"{path}: unpacks to more than 1 GiB; unpack it and name the folder.")
        for entry in entries:
            if not entry.filename.startswith("__MACOSX"):
                yield PurePosixPath(entry.filename).stem, archive.read(entry)


def _lines(stem: str, content: bytes, notes: list[str]) -> list[Line]:
    try:
        body = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        body = content.decode("cp1252", errors="replace")
        notes.append(f"{stem}.csv is not UTF-8: read as Windows-1252")
    csv.field_size_limit(CELL_CHARACTERS)
    heading = body.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        return [
            _line(stem, number, names, cells) for number, cells in enumerate(reader, 2) if cells
        ]
    except csv.Error as error:
        raise NotReadable(f"{stem}.csv, line {reader.line_num}: {error}.") from None


def _line(stem: str, number: int, names: list[str], cells: list[str]) -> Line:
    line = Line(stem, number, dict(zip(names, (cell.strip() for cell in cells), strict=False)))
    if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
        line.reason = "more values than columns (a comma without quotes?)"
    elif not any(cell.strip() for cell in cells):
        line.notes.append("an empty line")
    return line


# -- From older forms to version 3 ----------------------------------------------------------------


def _modern(read_as: Mapping[str, list[Line]]) -> dict[str, list[Row]]:
    """Rows of HSDS 3's tables from lines of any form. Lines that fail as such make no row."""
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    for line in read_as.get("later", []):
        line.reason = line.reason or "this table is not taken yet"
    owner = {  # location → organization, for services that name a place only (Ohana)
        line.values.get("id", ""): line.values.get("organization_id", "")
        for line in read_as.get("location", [])
    }
    for table, lines in read_as.items():
        if table in ("later", "eligibility"):
            continue
        rewrite = _REWRITE.get(table, _as_it_is)
        for line in lines:
            if line.notes or (line.reason and table not in ("organization", "service", "location")):
                continue
            for row in rewrite(table, line, owner):
                rows[row.table].append(row)
    _describe_eligibility(read_as.get("eligibility", []), rows["service"])
    return rows


Owner = Mapping[str, str]


def _as_it_is(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    yield Row(table, dict(line.values), line)


def _rename(values: dict[str, str], **new_names: str) -> None:
    """Move a column to its name in version 3, unless that is there and says something."""
    for old, new in new_names.items():
        if value := values.pop(old, ""):
            values[new] = values.get(new) or value


def _parts(cell: str) -> list[str]:
    """The entries of a cell with a list; a comma inside brackets divides nothing."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", cell) if part.strip()]


def _made(table: str, line: Line, **values: str) -> Row:
    return Row(table, values, line, main=False)


def _labelled(line: Line, entity: str, key: str, values: dict[str, str]) -> Iterator[Row]:
    """Cells for which version 3 has no column, kept as attributes with a label."""
    for label in ("keywords", "audience", "accepted_payments", "accreditations", "licenses"):
        if label in TABLES[entity].columns:
            continue
        for part in _parts(values.pop(label, "")):
            yield _made("attribute", line, link_id=key, link_entity=entity, label=label, value=part)


def _organization(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    key = values.get("id", "")
    _rename(values, url="website", date_incorporated="year_incorporated")
    made = list(_labelled(line, "organization", key, values))
    for source in _parts(values.pop("funding_sources", "")):
        made.append(_made("funding", line, organization_id=key, source=source))
    yield Row("organization", values, line)
    yield from made


def _location(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    key = values.get("id", "")
    _rename(values, website="url")
    if not values.get("description"):
        _rename(values, short_desc="description")
    if values.pop("admin_emails", ""):
        line.notes.append("admin_emails: the source's editors, left out")
    virtual = mending.read(Kind.FLAG, values.pop("virtual", ""))
    if virtual and virtual.value:
        values.setdefault("location_type", "virtual")
    made = []
    if short := values.pop("short_desc", ""):
        made.append(
            _made(
                "attribute",
                line,
                link_id=key,
                link_entity="location",
                label="short_desc",
                value=short,
            )
        )
    if email := values.pop("email", ""):
        made.append(_made("contact", line, location_id=key, email=email))
    for one in _parts(values.pop("accessibility", "")):
        made.append(_made("accessibility", line, location_id=key, description=_words(one)))
    for one in _parts(values.pop("languages", "")):
        made.append(_made("language", line, location_id=key, name=one))
    yield Row("location", values, line)
    yield from made


def _words(code: str) -> str:
    """ "disabled_parking" as a person writes it."""
    return code.replace("_", " ")


def _service(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    key = values.get("id", "")
    _rename(values, website="url", eligibility="eligibility_description")
    place = values.pop("location_id", "")
    if not values.get("organization_id"):
        values["organization_id"] = owner.get(place, "")
    made = list(_labelled(line, "service", key, values))
    if place:
        made.append(_made("service_at_location", line, service_id=key, location_id=place))
    for term in _parts(values.pop("taxonomy_ids", "")):
        made.append(
            _made("attribute", line, link_id=key, link_entity="service", taxonomy_term_id=term)
        )
    cells = {
        "languages": ("language", "name"),
        "service_areas": ("service_area", "name"),
        "required_documents": ("required_document", "document"),
        "funding_sources": ("funding", "source"),
    }
    for column, (child, name) in cells.items():
        for part in _parts(values.pop(column, "")):
            made.append(Row(child, {"service_id": key, name: part}, line, main=False))
    yield Row("service", values, line)
    yield from made


def _phone(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    _rename(values, number_type="type")
    spoken = _parts(values.pop("language", ""))
    about = [values.get("description", ""), values.pop("department", "")]
    if vanity := values.pop("vanity_number", ""):
        about.append(f"also {vanity}")
    values["description"] = ", ".join(part for part in about if part)
    prefix = values.pop("country_prefix", "")
    if spoken and not values.get("id"):  # its languages need something to point at
        said = "\n".join(f"{column}={value}" for column, value in sorted(values.items()) if value)
        values["id"] = f"content-{sha256(said.encode()).hexdigest()[:24]}"
    numbers = mending.split_phone(values.get("number", "")) or [(values.get("number", ""), "")]
    if len(numbers) > 1 or numbers[0][1]:
        line.notes.append("number: several numbers or an extension in one cell, taken apart")
    for position, (number, extension) in enumerate(numbers):
        row = {**values, "number": f"{prefix} {number}".strip()}
        if extension:
            row["extension"] = extension
        if position:
            row["id"] = f"{row['id']}-{position + 1}" if row.get("id") else ""
        yield Row("phone", row, line, main=not position)
        for one in spoken:
            yield _made("language", line, phone_id=row["id"], name=one)


def _address(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    """An address of an organization itself gets a place of its own, as version 3 wants one."""
    values = dict(line.values)
    kind = "postal" if table == "postal_address" else "physical"
    values.setdefault("address_type", kind)
    if table != "address" and values.get("id"):
        values["id"] = f"{kind}-{values['id']}"  # two files, one table: ids may repeat
    organization = values.pop("organization_id", "")
    if organization and not values.get("location_id"):
        place = f"organization-{organization}-{kind}"
        values["location_id"] = place
        yield _made("location", line, id=place, organization_id=organization, location_type=kind)
    if not values.get("country") and values.get("state_province", "").upper() in STATES:
        values["country"] = "US"
        line.notes.append("country: none given, taken as US from the state")
    yield Row("address", values, line)


def _schedule(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    """One line a weekday, as before version 2; a day without hours is a day closed."""
    values = dict(line.values)
    if day := values.pop("weekday", ""):
        found = mending.weekday(day)
        values["byday"] = str(found.value)
        values["freq"] = "WEEKLY"
        if not found.value:
            line.reason = "no day of the week"
            return
        if not values.get("opens_at") and not values.get("closes_at"):
            line.notes.append("no hours: closed that day, which is no schedule")
            return
    yield Row("schedule", values, line)


def _term(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    if "id" not in values:  # Ohana calls the key taxonomy_id
        values["id"] = values.pop("taxonomy_id", "")
        values.setdefault("code", values["id"])
    _rename(values, vocabulary="taxonomy")
    values.pop("parent_name", None)
    yield Row("taxonomy_term", values, line)


def _service_taxonomy(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    values = dict(line.values)
    _rename(values, taxonomy_id="taxonomy_term_id", taxonomy_detail="value", service_id="link_id")
    values["link_entity"] = "service"
    yield Row("attribute", values, line)


def _payment(table: str, line: Line, owner: Owner) -> Iterator[Row]:
    key = line.values.get("service_id", "")
    paid = line.values.get("payment", "")
    values = {"link_id": key, "link_entity": "service", "label": "accepted_payments"}
    yield Row("attribute", {**values, "id": line.values.get("id", ""), "value": paid}, line)


def _one_column(old: str, new: str) -> "Rewrite":
    """A table of which version 1 named one column differently."""

    def rewrite(table: str, line: Line, owner: Owner) -> Iterator[Row]:
        values = dict(line.values)
        _rename(values, **{old: new})
        yield Row(table, values, line)

    return rewrite


Rewrite = Callable[[str, Line, Owner], Iterator[Row]]
_REWRITE: Mapping[str, Rewrite] = {
    "organization": _organization,
    "location": _location,
    "service": _service,
    "phone": _phone,
    "address": _address,
    "physical_address": _address,
    "postal_address": _address,
    "schedule": _schedule,
    "regular_schedule": _schedule,
    "taxonomy_term": _term,
    "service_taxonomy": _service_taxonomy,
    "payment_accepted": _payment,
    "language": _one_column("language", "name"),
    "service_area": _one_column("service_area", "name"),
    "accessibility": _one_column("accessibility", "description"),
}


def _describe_eligibility(lines: Iterable[Line], services: Iterable[Row]) -> None:
    """Version 1 had eligibilities in a table of their own; now it is a text of the service."""
    by_id = {row.values.get("id"): row for row in services}
    for line in lines:
        said = line.values.get("eligibility", "")
        service = by_id.get(line.values.get("service_id", ""))
        if line.reason or line.notes:
            continue
        if not said:
            line.notes.append("empty: nothing to store")
        elif service is None:
            line.reason = "its service is not in the source"
        else:
            told = service.values.get("eligibility_description", "")
            if said not in told.split("; "):
                service.values["eligibility_description"] = "; ".join(filter(None, (told, said)))


def _tell_unknown_columns(rows: Mapping[str, list[Row]], notes: list[str]) -> None:
    left: dict[tuple[str, str], int] = {}
    for table, found in rows.items():
        kind = TABLES[table]
        known = {"id", "link_id", "answered_by", *kind.columns, *kind.links}
        for row in found:
            for column, value in row.values.items():
                if value and column not in known:
                    left[row.line.file, column] = left.get((row.line.file, column), 0) + 1
    for (file, column), count in sorted(left.items()):
        notes.append(f"{file}.csv, column {column}: not of the standard, left out ({count} rows)")


_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ"
    " NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR GU VI AS MP"
)
STATES = frozenset(_STATES.split())
