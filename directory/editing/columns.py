"""Reads the columns of a draft row into model fields. An unchanged column is left as it is and not
checked again: an import may have accepted it."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from directory import models as m
from directory.editing import validation
from directory.editing.draft_parser import SERVERS
from directory.editing.draft_parser import uuid as read_uuid
from directory.editing.stored_entry import as_document
from directory.hsds.flattening import Row
from directory.hsds.schema import TABLES, Kind
from permissions.errors import BadRequest, NotPermitted

Values = dict[str, Any]  # a row's fields, by the model's names
Existing = Mapping[str, Any] | None  # the stored row; None: the row is new


def changed_values(row: Row, existing: Existing, agency_id: UUID) -> Values:
    """The changed columns (all columns of a new row), read strictly. Raises BadRequest, and
    NotPermitted for another agency in `answered_by`."""
    kind, says = TABLES[row.table], as_document(row.table, dict(existing)) if existing else {}
    found: Values = {}
    for column, how in kind.columns.items():
        if column in SERVERS.get(row.table, ()):
            continue
        raw, pointer = row.values.get(column), f"{row.pointer}/{column}"
        if existing and comparable(raw) == comparable(says.get(column)):
            continue
        if comparable(raw) is None:
            if column in kind.required:
                raise BadRequest("invalid", "This field is needed.", pointer)
            if existing and how is Kind.FLAG and column == "confidential":
                continue  # only an explicit `false` makes it public
            found[kind.field_of(column)] = _default(kind.model, kind.field_of(column))
            continue
        try:
            found[kind.field_of(column)] = validation.read_value(row.table, column, how, raw)
        except validation.Fault as fault:
            raise BadRequest("invalid", f"{str(fault).capitalize()}.", pointer) from None
    if row.table == "service":
        paused = found.get("intake_paused", existing and existing["intake_paused"])
        if not paused or comparable(row.values.get("intake_paused_until")) is None:
            found["intake_paused_until"] = None  # no pause ends by the end of an earlier one
        found["answered_by_id"] = _answered_by(row, existing, agency_id)
    return found


def _answered_by(row: Row, existing: Existing, agency_id: UUID) -> UUID | None:
    said = row.values.get("answered_by")
    agency = read_uuid(said, "/answered_by") if said is not None else None
    there = existing["answered_by_id"] if existing else None
    if agency not in (None, there, agency_id):
        raise NotPermitted("not_your_agency", "Only your own agency may be named here.")
    return agency


def blank_values(table: str) -> Values:
    """The default fields of a new row."""
    ours = ("id", "source", "external_id", "part_of_id", "position")
    fields: Any = TABLES[table].model._meta.concrete_fields
    return {one.attname: one.get_default() for one in fields if one.attname not in ours}


def require_consistent(row: Row, whole: Values, existing: Existing, today: date) -> None:
    """Raise BadRequest for a new fault between columns; a fault the row already had is allowed."""
    found = validation.find_row_fault(row.table, whole, today)
    if found and not (existing and validation.find_row_fault(row.table, existing, today) == found):
        column, why = found
        raise BadRequest("invalid", f"{why.capitalize()}.", f"{row.pointer}/{column}")


def is_same_row(row: Row, existing: Mapping[str, Any]) -> bool:
    """Whether a row without an id equals this stored row."""
    says = as_document(row.table, dict(existing))
    columns = set(TABLES[row.table].columns) - SERVERS.get(row.table, set())
    return all(comparable(row.values.get(one)) == comparable(says.get(one)) for one in columns)


def comparable(value: object) -> object:
    """The value for comparison: every empty value becomes None."""
    return None if value in (None, "", []) else value


def _default(model: type[m.Entry], name: str) -> object:
    field: Any = model._meta.get_field(name)
    return field.get_default()
