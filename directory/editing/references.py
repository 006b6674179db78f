"""Checks what a draft only names: other entries, units, terms. They must exist, the draft may name
them, and it must repeat what they say."""

from uuid import UUID

from directory import models as m
from directory.editing.columns import Existing, Values, changed_values, comparable
from directory.editing.draft_parser import NESTED, Draft, Reference
from directory.editing.stored_entry import StoredEntry, as_document, find_row, organization_of
from directory.hsds.flattening import Row
from directory.hsds.schema import TABLES
from permissions import assignments
from permissions.database.aliases import EDITOR
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest


def require_same(reference: Reference, present: StoredEntry | None) -> None:
    """Raise BadRequest unless the entry exists and matches what the draft says about it."""
    found = find_row(reference.table, reference.id)
    if found is None or reference.id is None:
        raise BadRequest(
            "unknown_reference", "There is no entry with this id.", f"{reference.pointer}/id"
        )
    known = present.known(reference.table, reference.id) if present else {}
    own = as_document(reference.table, found)
    for member, said in reference.said.items():
        if comparable(said) not in (
            None,
            comparable(known.get(member)),
            comparable(own.get(member)),
        ):
            raise BadRequest(
                "own_address",
                "This is a separate entry: give only its id, and change it there.",
                reference.pointer,
            )


def new_unit(draft: Draft, reference: Reference, agency_id: UUID) -> Values | None:
    """A new unit for a capacity, or None if an equal unit exists, which is then used. Links the
    naming row to the unit."""
    said = {member: value for member, value in reference.said.items() if member != "id"}
    if not said.keys() <= TABLES["unit"].columns.keys():
        raise BadRequest("unknown_field", "This field is not documented.", reference.pointer)
    unit = changed_values(Row("unit", said, reference.pointer), None, agency_id)
    same = m.Unit.objects.using(EDITOR).filter(**unit).values_list("id", flat=True).first()
    unit_id = reference.id or same or uuid7()
    for row in draft.rows:
        if row.pointer == reference.named_by:
            row.links["unit_id"] = str(unit_id)
    return None if same == unit_id else {**unit, "id": unit_id}


def require_named(
    row: Row, column: str, named: UUID, existing: Existing, organization_id: UUID, agency_id: UUID
) -> None:
    """Raise BadRequest unless the row may name this entry. It may keep what it named before."""
    if existing and existing[column] == named:
        return
    pointer = f"{row.pointer}/{column}"
    if column == "organization_id" and named != organization_id:
        raise BadRequest("invalid", "An entry cannot move to another organization.", pointer)
    if column == "service_id":
        raise BadRequest("invalid", NESTED, pointer)
    target = TABLES[row.table].links[column]
    found = find_row(target, named) if column != "organization_id" else {}
    if found is None:
        raise BadRequest("unknown_reference", "Your agency has no entry with this id.", pointer)
    if target == "program" and found["organization_id"] != organization_id:
        raise BadRequest("unknown_reference", "Your agency has no entry with this id.", pointer)
    # A confidential service would hide another organization's place by being located there.
    if target == "location" and not assignments.is_editor(
        m.Organization, organization_of(target, found), agency_id, EDITOR
    ):
        raise BadRequest("unknown_reference", "Your agency has no entry with this id.", pointer)
