"""Reads a taxonomy from a file: Open Eligibility's XML, HSDS's CSV, or a simple CSV.

Knows no database. A file is read completely or refused: NotATaxonomy lists the faulty lines.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from directory.importing import coercion
from directory.importing.parsing import id_of
from directory.taxonomy.open_eligibility import read_xml
from directory.taxonomy.parsed_terms import (
    Faults,
    NotATaxonomy,
    ParsedFile,
    ParsedTaxonomy,
    ParsedTerm,
    clean,
)

MOST_BYTES = 20_000_000


def read(path: Path, source: str, name: str = "") -> ParsedFile:
    """Read the taxonomies in a file, or in a folder with HSDS's taxonomy_terms.csv.

    `name` is for a taxonomy without a name in the file. Raises NotATaxonomy.
    """
    if path.is_dir() or path.name == "taxonomies.csv":
        path = (path if path.is_dir() else path.parent) / "taxonomy_terms.csv"
    text = _text(path)
    if text.lstrip().startswith("<"):
        return read_xml(text, source, name)
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


# -- CSV -------------------------------------------------------------------------------------------


def _rows(text: str, name: str) -> list[dict[str, str]]:
    """The file's rows by lower-case column, with each row's position in `line`."""
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        head = [column.strip().lower() for column in next(lines, [])]
        rows = []
        for cells in lines:
            if any(cell.strip() for cell in cells):
                row = dict(zip(head, map(clean, cells), strict=False))
                rows.append(dict.fromkeys(head, "") | row | {"line": _at(name, lines)})
    except csv.Error as error:
        raise NotATaxonomy(f"{_at(name, lines)}: {error}.") from None
    return rows


def _at(name: str, lines: object) -> str:
    return f"{name} line {getattr(lines, 'line_num', 0)}"


def _simple(rows: list[dict[str, str]], source: str, name: str) -> ParsedFile:
    """Read the columns code, name and, if present, description, parent_code, language."""
    taxonomy = ParsedTaxonomy(id_of(source, "taxonomy", name), name, name)
    faults = Faults()
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
            ParsedTerm(
                term_id(code, language),
                f"{code}/{language}" if language else code,
                code,
                row["name"],
                row.get("description", ""),
                term_id(parent, language) if parent else None,
                language,
            )
        )
    return _checked(ParsedFile([taxonomy]), faults)


def _hsds(
    rows: list[dict[str, str]], tops: list[dict[str, str]], source: str, name: str
) -> ParsedFile:
    """Read taxonomy_terms.csv, and taxonomies.csv if it is next to it."""
    faults, found = Faults(), ParsedFile()
    by_key: dict[str, ParsedTaxonomy] = {}
    for row in tops:
        if not row.get("id") or not row.get("name"):
            faults.add(row["line"], "a taxonomy without id or name")
        by_key[row.get("id", "")] = ParsedTaxonomy(
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
            by_key[called] = ParsedTaxonomy(id_of(source, "taxonomy", called), called, label)
        by_key[called].terms.append(
            ParsedTerm(
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


def _checked(found: ParsedFile, faults: Faults) -> ParsedFile:
    """Refuse duplicate terms, and terms that are their own ancestors."""
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
    got = coercion.url(raw)
    if got.note:
        notes.append(f"{row['line']}: {column}: {got.note}")
    return str(got.value or "")
