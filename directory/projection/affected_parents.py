"""Finds the documents that contain a row, through every list that nests it
(directory/hsds/schema.py).

A row may belong to several others, of several organizations: a phone to a service and a place, a
place to services of other organizations, a term to any row.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from directory.hsds.schema import LISTS, ONES, TABLES

Named = dict[str, set[UUID]]  # ids by table

# For each table: the columns that name a parent that lists its rows, and the parent's table.
_LISTED_BY: Mapping[str, list[tuple[str, str]]] = {
    table: [
        (column, parent)
        for parent, lists in LISTS.items()
        for listed, column in lists.values()
        if listed == table
    ]
    for table in TABLES
}
# For each table: the tables that hold one of its rows as a member, and by which column. The members
# of a service are left out: its organization renders it. A term's children hold it as well.
_HELD_BY: Mapping[str, list[tuple[str, str]]] = {
    table: [
        (holder, column)
        for holder, members in ONES.items()
        for held, column in members.values()
        if held == table
    ]
    for table in ("location", "program", "unit", "taxonomy")
} | {"taxonomy_term": [("attribute", "taxonomy_term_id"), ("taxonomy_term", "parent_id")]}
_MARKS = {"attribute": "link", "metadata": "resource"}  # on any row, by its table and id


def affected_organizations(
    rows: Iterable[tuple[str, Mapping[str, Any]]], *, using: str
) -> set[UUID]:
    """The organizations that show these rows, in their own documents or in those of their services.

    A row is its table and its columns, as it is or as it was. Its parents are read from these
    columns; their parents are read from the database, as it is now.
    """
    found: Named = defaultdict(set)
    layer = list(rows)
    while layer:
        above: Named = defaultdict(set)
        held: Named = defaultdict(set)
        for table, row in layer:
            found[table].add(row["id"])
            if table in _HELD_BY:
                held[table].add(row["id"])
            for parent, one in affected_parents(table, row):
                above[parent].add(one)
        for table, ids in held.items():
            for holder, column in _HELD_BY[table]:
                rows_of = _manager(holder, using).filter(**{f"{column}__in": ids})
                above[holder] |= set(rows_of.values_list("id", flat=True))
        found["organization"] |= above.pop("organization", set())
        layer = [
            (table, row)
            for table, ids in above.items()
            for row in _read(table, ids - found[table], using)
        ]
    return found["organization"]


def affected_parents(table: str, row: Mapping[str, Any]) -> Iterator[tuple[str, UUID]]:
    """(table, id) of each parent that lists a row, read from the row's columns."""
    for column, parent in _LISTED_BY[table]:
        if row.get(column):
            yield parent, row[column]
    if (mark := _MARKS.get(table)) and row.get(f"{mark}_table") in TABLES:
        yield row[f"{mark}_table"], row[f"{mark}_id"]


def _read(table: str, ids: set[UUID], using: str) -> Iterable[Mapping[str, Any]]:
    if not ids:
        return ()
    columns = ["id", *(column for column, _ in _LISTED_BY[table])]
    if mark := _MARKS.get(table):
        columns += [f"{mark}_table", f"{mark}_id"]
    rows: Iterable[Mapping[str, Any]] = _manager(table, using).filter(id__in=ids).values(*columns)
    return rows


def _manager(table: str, using: str) -> Any:
    return TABLES[table].model._default_manager.using(using)
