"""Writes a checked change (diff.py), as `editor`: new rows, changed rows, and last the rows that
were left out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connections

from directory import models as m
from directory.editing.columns import Values
from directory.editing.stored_entry import OwnedRow
from directory.hsds.schema import TABLES
from directory.projection.entry_documents import json_value
from permissions.database.aliases import EDITOR
from permissions.database.uuid7 import uuid7


@dataclass
class Change:
    """The rows of one act. `fields` are the members of the document that it changes; `places` are
    the places that it hides."""

    table: str
    entry_id: UUID
    organization_id: UUID
    owned: dict[tuple[str, UUID], OwnedRow]
    new: list[tuple[str, Values]] = field(default_factory=list)
    changed: list[tuple[str, UUID, Values]] = field(default_factory=list)
    gone: list[OwnedRow] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    places: set[UUID] = field(default_factory=set)


def affected_entries(change: Change) -> tuple[set[UUID], set[UUID]]:
    """The services and organizations whose documents a change affects. Call it before and after the
    write, since the change may move a service to other places."""
    services, organizations = set[UUID](), {change.organization_id}
    places = set(change.places)
    if change.table == "service":
        services.add(change.entry_id)
    elif change.table == "location":
        places.add(change.entry_id)
    else:
        own = m.Service.objects.using(EDITOR).filter(organization_id=change.entry_id)
        services |= set(own.values_list("id", flat=True))
    if places:
        links = m.ServiceAtLocation.objects.using(EDITOR).filter(location_id__in=places)
        services |= set(links.values_list("service_id", flat=True))
        rows = m.Location.objects.using(EDITOR).filter(id__in=places)
        found = rows.filter(organization_id__isnull=False).values_list("organization_id", flat=True)
        organizations |= {one for one in found if one}
    return services, organizations


def write_change(change: Change, now: datetime) -> None:
    """Write all rows, the entry's own first: a place's confidentiality decides which rows it may
    have."""
    if change.table == "service":
        change.changed.insert(0, ("service", change.entry_id, {"last_modified": now}))
    elif change.table == "organization" and change.fields:  # its agency keeps it from now on
        change.changed.insert(0, ("organization", change.entry_id, {"stand_in": None}))
    first = [one for one in change.changed if one[1] == change.entry_id]
    _insert(change, [change.table])
    _update(first)
    _insert(change, [table for table in TABLES if table != change.table])
    _update(one for one in change.changed if one[1] != change.entry_id)
    erase_rows(change, change.gone)


def _insert(change: Change, tables: Iterable[str]) -> None:
    for table in tables:
        rows = [values for name, values in change.new if name == table]
        if table == "organization":
            for values in rows:
                _begin_organization(values)
        elif rows:
            model: Any = TABLES[table].model
            model._default_manager.using(EDITOR).bulk_create([model(**values) for values in rows])


def _begin_organization(values: Values) -> None:
    row = {name: json_value(value) for name, value in values.items()}
    with connections[EDITOR].cursor() as cursor:
        cursor.execute(
            "SELECT sec.create_organization(%s::jsonb, %s)", [orjson.dumps(row).decode(), uuid7()]
        )


def _update(changed: Iterable[tuple[str, UUID, Values]]) -> None:
    for table, row_id, values in changed:
        rows: Any = TABLES[table].model._default_manager.using(EDITOR)
        rows.filter(id=row_id).update(**values)


def erase_rows(change: Change, gone: Iterable[OwnedRow]) -> None:
    """Remove rows, children first. A row that also belongs to something else is detached from this
    entry and stays there."""
    rows = list(gone)
    inside = {(change.table, change.entry_id), *change.owned}
    by_table: dict[str, list[UUID]] = {}
    for one in rows:
        if off := _other_parents(one, inside):
            _update([(one.table, one.row["id"], dict.fromkeys(off))])
        else:
            by_table.setdefault(one.table, []).append(one.row["id"])
    with connections[EDITOR].cursor() as cursor:
        for table in reversed(list(TABLES)):
            if ids := by_table.get(table):
                cursor.execute(
                    f"DELETE FROM {TABLES[table].model._meta.db_table} WHERE id = ANY (%s::uuid[])",
                    [[str(one) for one in ids]],
                )


def _other_parents(one: OwnedRow, inside: set[tuple[str, UUID]]) -> list[str]:
    """The columns that link a row to this entry, if other columns link it to something else."""
    table = TABLES[one.table]
    here: list[str] = []
    there: list[str] = []
    for column, parent in table.links.items():
        names = column in ("program_id", "taxonomy_term_id", "unit_id")
        if not names and (linked := one.row.get(column)):
            (here if (parent, linked) in inside else there).append(column)
    return here if there and not table.required.intersection(table.links) else []
