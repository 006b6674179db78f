"""Reads somebody's taxonomy from a file: Open Eligibility's XML, HSDS's CSV, or a simple CSV.

Knows no database. A file is taken whole or not at all: NotATaxonomy says every line at fault.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID
from xml.parsers import expat

from directory import mending
from directory.reading import id_of

MOST_BYTES = 20_000_000
MOST_TOLD = 20  # faults
DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
SECTIONS = ("services", "situations")  # Open Eligibility's two halves: a taxonomy each
MAKER = "Open Eligibility"


class NotATaxonomy(Exception):
    """Nothing of the file is taken; the message says why, line by line."""


@dataclass(frozen=True, slots=True)
class GivenTerm:
    """A term as a file has it. `key` is what the source calls it, `parent` an id of this file's."""

    id: UUID
    key: str
    code: str
    name: str
    description: str = ""
    parent: UUID | None = None
    language: str = ""
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """A taxonomy as a file has it."""

    id: UUID
    key: str
    name: str
    description: str = ""
    uri: str = ""
    version: str = ""
    terms: list[GivenTerm] = field(default_factory=list)


@dataclass(slots=True)
class Read:
    """What a file holds; `notes` say what was put right in it."""

    taxonomies: list[Given] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read(path: Path, source: str, name: str = "") -> Read:
    """The taxonomies in a file, or in a folder with HSDS's taxonomy_terms.csv.

    `name` names what the file itself leaves without a name. Raises NotATaxonomy.
    """
    if path.is_dir() or path.name == "taxonomies.csv":
        path = (path if path.is_dir() else path.parent) / "taxonomy_terms.csv"
    text = _text(path)
    if text.lstrip().startswith("<"):
        return _xml(text, source, name or MAKER)
    rows = _rows(text, path.name)
    columns = set(rows[0]) if rows else set()
    if {"id", "name"} <= columns:
        beside = path.with_name("taxonomies.csv")
        tops = _rows(_text(beside), beside.name) if beside.is_file() else []
        return _hsds(rows, tops, source, name or path.parent.resolve().name)
    if {"code", "name"} <= columns:
        return _simple(rows, source, name or path.stem)
    raise NotATaxonomy(
        f"{path.name}: no taxonomy. Taken are Open Eligibility's XML, HSDS's taxonomy_terms.csv,"
        " and a CSV file with the columns code, name, description, parent_code, language."
    )


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise NotATaxonomy(f"{path.name}: larger than {MOST_BYTES // 1_000_000} MB.")
        return path.read_bytes().decode("utf-8-sig")
    except OSError:
        raise NotATaxonomy(f"{path}: there is no such file.") from None
    except UnicodeDecodeError:
        raise NotATaxonomy(f"{path.name}: not text in UTF-8.") from None


class _Faults:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, where: str, what: str) -> None:
        self._found.append(f"{where}: {what}")

    def refuse(self) -> None:
        """Raise NotATaxonomy if anything was wrong."""
        if self._found:
            more = len(self._found) - MOST_TOLD
            told = self._found[:MOST_TOLD] + ([f"and {more} other lines"] if more > 0 else [])
            raise NotATaxonomy("\n".join(told))


# -- XML -------------------------------------------------------------------------------------------


def _xml(text: str, source: str, name: str) -> Read:
    """Open Eligibility. Its declaration says XML 2.0, which does not exist: it is not looked at.

    No document type is allowed, so no entity can be declared. A code that stands twice for
    different things (1206 does) is told apart by a number.
    """
    found = Read()
    reader = _OpenEligibility(found, source, name)
    try:
        reader.parser.Parse(DECLARATION.sub("", text, count=1), True)
    except expat.ExpatError as error:
        raise NotATaxonomy(f"line {error.lineno}: not well-formed XML.") from None
    reader.faults.refuse()
    found.taxonomies = [taxonomy for taxonomy in reader.taxonomies() if taxonomy.terms]
    if not found.taxonomies:
        raise NotATaxonomy("no services or situations of Open Eligibility's form in this XML.")
    return found


class _OpenEligibility:
    """The handlers of one reading, and what they have gathered."""

    def __init__(self, found: Read, source: str, name: str) -> None:
        self.faults = _Faults()
        self._found, self._source, self._name = found, source, name
        self._section = ""
        self._above: list[UUID] = []
        self._words: list[str] = []
        self._version = ""
        self._category = ""
        self._told: dict[str, str] = {}  # descriptions of categories, by code
        self._terms: dict[str, list[GivenTerm]] = {section: [] for section in SECTIONS}
        self._codes: set[str] = set()
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._words.append

    def _doctype(self, *_args: object) -> None:
        raise NotATaxonomy("a document type is declared in this XML: refused, it may do harm.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._words.clear()
        if tag in SECTIONS:
            self._section = tag
        elif tag == "category":
            self._category = attributes.get("id", "")
        elif tag.endswith("_level") and self._section:
            self._level(_clean(attributes.get("id", "")), _clean(attributes.get("title", "")))

    def _level(self, code: str, title: str) -> None:
        where = f"line {self.parser.CurrentLineNumber}"
        if not (code and title):
            self.faults.add(where, "an entry without id or title")
        own = code
        while own in self._codes:
            number = int(own.rpartition("-")[2]) + 1 if own != code else 2
            own = f"{code}-{number}"
        if own != code:
            self._found.notes.append(f"{where}: the code {code} stands twice, {title} gets {own}")
        self._codes.add(own)
        term = GivenTerm(
            id_of(self._source, "taxonomy_term", own),
            own,
            own,
            title,
            parent=self._above[-1] if self._above else None,
            language="en",
        )
        self._terms[self._section].append(term)
        self._above.append(term.id)

    def _end(self, tag: str) -> None:
        said = " ".join(_clean("".join(self._words)).split())
        if tag == "category" and self._category:
            self._told[self._category] = said
        elif tag == "version":
            self._version = said
        elif tag.endswith("_level") and self._above:
            self._above.pop()
        elif tag == self._section:
            self._section = ""
        self._words.clear()

    def taxonomies(self) -> Iterable[Given]:
        """One a section, once all is read: descriptions of categories stand apart from them."""
        for section, terms in self._terms.items():
            yield Given(
                id_of(self._source, "taxonomy", section),
                section,
                f"{self._name}: {section}",
                version=self._version,
                terms=[replace(term, description=self._told.get(term.code, "")) for term in terms],
            )


# -- CSV -------------------------------------------------------------------------------------------


def _rows(text: str, name: str) -> list[dict[str, str]]:
    """The file's rows by lower-case column; `line` says where each stands."""
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        head = [column.strip().lower() for column in next(lines, [])]
        rows = []
        for cells in lines:
            if any(cell.strip() for cell in cells):
                row = dict(zip(head, map(_clean, cells), strict=False))
                rows.append(dict.fromkeys(head, "") | row | {"line": _at(name, lines)})
    except csv.Error as error:
        raise NotATaxonomy(f"{_at(name, lines)}: {error}.") from None
    return rows


def _at(name: str, lines: object) -> str:
    return f"{name} line {getattr(lines, 'line_num', 0)}"


def _simple(rows: list[dict[str, str]], source: str, name: str) -> Read:
    """code, name and, where there are any, description, parent_code, language."""
    taxonomy = Given(id_of(source, "taxonomy", name), name, name)
    faults = _Faults()
    there = {(row["code"], row.get("language", "")) for row in rows}

    def term_id(code: str, language: str) -> UUID:
        return id_of(source, "taxonomy_term", f"{name}\n{code}\n{language}")

    for row in rows:
        code, parent, language = row["code"], row.get("parent_code", ""), row.get("language", "")
        if not code or not row["name"]:
            faults.add(row["line"], "no code" if not code else "no name")
        if parent and (parent, language) not in there:
            faults.add(row["line"], "its parent_code is no code of this language in the file")
        taxonomy.terms.append(
            GivenTerm(
                term_id(code, language),
                f"{code}/{language}" if language else code,
                code,
                row["name"],
                row.get("description", ""),
                term_id(parent, language) if parent else None,
                language,
            )
        )
    return _checked(Read([taxonomy]), faults)


def _hsds(rows: list[dict[str, str]], tops: list[dict[str, str]], source: str, name: str) -> Read:
    """taxonomy_terms.csv, and taxonomies.csv where it stands beside it."""
    faults, found = _Faults(), Read()
    by_key: dict[str, Given] = {}
    for row in tops:
        if not row.get("id") or not row.get("name"):
            faults.add(row["line"], "a taxonomy without id or name")
        by_key[row.get("id", "")] = Given(
            id_of(source, "taxonomy", row.get("id", "")),
            row.get("id", ""),
            row.get("name", ""),
            row.get("description", ""),
            _url(row, "uri", found.notes),
            row.get("version", ""),
        )
    keys = {row["id"] for row in rows}
    for row in rows:
        key, parent = row["id"], row.get("parent_id", "")
        if not key or not row["name"]:
            faults.add(row["line"], "no id" if not key else "no name")
        if parent and parent not in keys:
            faults.add(row["line"], "its parent_id is no id of this file")
        of = row.get("taxonomy_id", "")
        if of and tops and of not in by_key:
            faults.add(row["line"], "its taxonomy_id is no id of taxonomies.csv")
        called = of or row.get("taxonomy", "") or name
        if called not in by_key:
            label = row.get("taxonomy", "") or name
            by_key[called] = Given(id_of(source, "taxonomy", called), called, label)
        by_key[called].terms.append(
            GivenTerm(
                id_of(source, "taxonomy_term", key),
                key,
                row.get("code", ""),
                row["name"],
                row.get("description", ""),
                id_of(source, "taxonomy_term", parent) if parent else None,
                row.get("language", ""),
                _url(row, "term_uri", found.notes),
            )
        )
    found.taxonomies = list(by_key.values())
    return _checked(found, faults)


def _checked(found: Read, faults: _Faults) -> Read:
    """Refuse a term that stands twice, and terms that stand below themselves."""
    terms = [term for taxonomy in found.taxonomies for term in taxonomy.terms]
    if not terms:
        raise NotATaxonomy("there is no term in it.")
    above: Mapping[UUID, UUID | None] = {term.id: term.parent for term in terms}
    if len(above) < len(terms):
        seen: set[UUID] = set()
        for term in terms:
            if term.id in seen:
                faults.add(term.key, "stands twice")
            seen.add(term.id)
    for term in terms:
        way: set[UUID] = set()
        here: UUID | None = term.id
        while here and here not in way:
            way.add(here)
            here = above.get(here)
        if here == term.id:
            faults.add(term.key, "stands below itself")
    faults.refuse()
    return found


def _url(row: Mapping[str, str], column: str, notes: list[str]) -> str:
    if not (raw := row.get(column, "")):
        return ""
    got = mending.url(raw)
    if got.note:
        notes.append(f"{row['line']}: {column}: {got.note}")
    return str(got.value or "")


def _clean(raw: str) -> str:
    return str(mending.text(raw).value)
