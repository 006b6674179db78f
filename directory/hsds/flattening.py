"""Flattens a document of the standard into rows: nested objects become rows with links.

The reverse of directory/projection. It checks and mends nothing; the importer and the editing of
entries both use its rows. Knows no database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from directory.hsds.schema import LISTS, ONES, TABLES

Link: TypeAlias = "Row | str"
ANYWHERE = {"attributes": "attribute", "metadata": "metadata"}  # may belong to any row


@dataclass(eq=False)
class Row:
    """One row: its columns as in the document, and its links.

    A link is a row, if the document nests one in the other, or an id as text, if it only names it.
    `about` is the row that an attribute or metadata is about.
    """

    table: str
    values: dict[str, object]  # including `id`, if the document has one
    pointer: str  # its position in the document (RFC 6901)
    links: dict[str, Link] = field(default_factory=dict)
    about: "Row | None" = None
    faults: list[str] = field(default_factory=list)  # faults of its structure
    contradicts: bool = False  # the same id occurs again with other values
    position: int = 0  # its index among the document's rows of its table

    @property
    def key(self) -> str:
        return _text(self.values.get("id"))


class _Taking:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.by_key: dict[tuple[str, str], Row] = {}

    def take(self, table: str, document: Mapping[str, object], pointer: str) -> Row:
        """Add the rows of `document` and of everything nested in it; the same id is one row."""
        row = self._row(table, document, pointer)
        for member, value in document.items():
            at = f"{pointer}/{member.replace('~', '~0').replace('/', '~1')}"
            if member in ANYWHERE and table not in ANYWHERE.values():
                for nested in self._list(row, ANYWHERE[member], value, at):
                    self._attach(nested, row)
            elif found := LISTS.get(table, {}).get(member):
                child, column = found
                for nested in self._list(row, child, value, at):
                    self._link(nested, column, row)
            elif found := ONES.get(table, {}).get(member):
                other, column = found
                for nested in self._list(row, other, [value], at, whole=True):
                    self._link(row, column, nested)
        self._complete(row)
        return row

    def _row(self, table: str, document: Mapping[str, object], pointer: str) -> Row:
        row = Row(table, {}, pointer)
        nests = {*LISTS.get(table, ()), *ONES.get(table, ())}
        if table not in ANYWHERE.values():
            nests |= set(ANYWHERE)
        links = {}
        for column, value in document.items():
            if column in TABLES[table].links:
                if value not in (None, ""):
                    links[column] = _text(value)
            elif column not in nests:
                row.values[column] = value
        first = self.by_key.setdefault((table, row.key), row) if row.key else row
        if first is row:
            self.rows.append(row)
        else:
            self._merge(first, row)
        for column, key in links.items():
            self._link(first, column, key)
        return first

    def _merge(self, first: Row, again: Row) -> None:
        known = TABLES[first.table].columns
        for column, value in again.values.items():
            if first.values.get(column) in (None, ""):
                first.values[column] = value
            elif column in known and value not in (None, "", first.values[column]):
                first.contradicts = True
                first.faults.append(f"{column}: {again.pointer} has the same id and says otherwise")

    def _list(
        self, row: Row, table: str, value: object, pointer: str, *, whole: bool = False
    ) -> Iterator[Row]:
        if value is None or (whole and value == [None]):
            return
        if not isinstance(value, list):
            row.faults.append(f"{pointer}: not a list")
            return
        for index, one in enumerate(value):
            at = pointer if whole else f"{pointer}/{index}"
            if isinstance(one, Mapping):
                yield self.take(table, one, at)
            else:
                row.faults.append(f"{at}: not an object")

    def _link(self, row: Row, column: str, other: Link) -> None:
        """Link `row` to `other`. A column holds one link; a second, different one is a fault."""
        there = row.links.get(column)
        if there is None or (isinstance(there, str) and _key_of(other) == there):
            row.links[column] = other
        elif there is not other and _key_of(other) != _key_of(there):
            row.faults.append(f"{column}: is under two of these, but can belong to only one")

    def _attach(self, row: Row, about: Row) -> None:
        if row.about not in (None, about):
            row.faults.append("is under two rows, but can belong to only one")
        row.about = row.about or about

    def _complete(self, row: Row) -> None:
        """Link a program nested in a service to the service's organization."""
        program = row.links.get("program_id")
        organization = row.links.get("organization_id")
        if row.table == "service" and isinstance(program, Row) and organization:
            program.links.setdefault("organization_id", organization)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _key_of(link: Link) -> str:
    return link if isinstance(link, str) else link.key or str(id(link))


def flatten(table: str, document: Mapping[str, object]) -> list[Row]:
    """The rows of `document`, which belongs to `table`, in the document's order.

    The same id in several places is one row, with a link to each; if its values differ, the row has
    a fault. Rows without an id get none. Values are unchanged, including columns that are not the
    standard's.
    """
    taking = _Taking()
    taking.take(table, document, "")
    counted: dict[str, int] = {}
    for row in taking.rows:
        row.position = counted.get(row.table, 0)
        counted[row.table] = row.position + 1
    return taking.rows
