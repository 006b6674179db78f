"""Takes back, for a day, that a service, an organization or a place became confidential (ADR 0139).

The act erases where the places are. If its editor wants an undo, what is erased is sealed with the
agency's key first, as a confidential address is (R4), and ends after a day, at once if they say so,
or when anything else of the organization becomes confidential. Undo puts the same rows back. It is
refused once an entry was changed: a text that was written for the network would become public.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from directory import models as m
from directory.editing import earlier_text
from directory.editing.apply import Change, affected_entries
from directory.editing.earlier_text import About, record_edit
from directory.editing.edit import editing_transaction, load_for_editing
from directory.editing.stored_entry import StoredEntry
from directory.hsds.schema import TABLES
from directory.projection.entry_documents import json_value
from directory.projection.render import render
from permissions import assignments
from permissions.audit.writer import LoggedAct
from permissions.database.aliases import EDITOR
from permissions.errors import NotPossible
from permissions.principal import Principal

GOOD_FOR = timedelta(hours=24)
COLUMNS = (  # of a place: what the database erases, and an editor may write
    *("latitude", "longitude", "transportation", "url"),
    *("external_identifier", "external_identifier_type"),
)

Rows = dict[tuple[str, UUID], dict[str, Any]]  # (table, id) → the row, as JSON


class Before(NamedTuple):
    """What an act is about to erase of places that the agency edits."""

    organizations: Sequence[UUID]
    places: dict[UUID, dict[str, Any]]
    rows: Rows


class Undo(NamedTuple):
    """An undo that is still good; `entry_id` is what was made confidential."""

    id: UUID
    table: str
    entry_id: UUID
    ends_at: datetime


# -- Keep ------------------------------------------------------------------------------------------


def look(principal: Principal, present: StoredEntry, places: Sequence[UUID]) -> Before:
    """What the act may erase, read before it is done: `places` are those that the caller's agency
    edits. Nothing is kept of others, since it could not put them back."""
    rows = m.Location.objects.using(EDITOR).filter(id__in=places)
    services = m.Service.objects.using(EDITOR).filter(serviceatlocation__location_id__in=places)
    concerned = {
        present.organization_id,
        *rows.values_list("part_of_id", flat=True),
        *services.values_list("organization_id", flat=True),
    }
    organizations = [
        one
        for one in sorted(concerned)
        if assignments.is_editor(m.Organization, one, principal.agency_id, EDITOR)
    ]
    columns = {row["id"]: row for row in rows.values("id", *COLUMNS)}
    return Before(
        organizations,
        {one: {name: row[name] for name in COLUMNS} for one, row in columns.items()},
        _erasable(organizations, places),
    )


def _erasable(organizations: Sequence[UUID], places: Sequence[UUID]) -> Rows:
    found: Rows = {}
    addresses = m.Address.objects.using(EDITOR).filter(location_id__in=places)
    of_addresses = list(addresses.values_list("id", flat=True))
    attributes = m.Attribute.objects.using(EDITOR).filter(link_id__in=of_addresses)
    metadata = m.Metadata.objects.using(EDITOR).filter(part_of_id__in=organizations)
    kinds: tuple[tuple[str, Any], ...] = (
        ("address", addresses),
        ("attribute", attributes),
        ("metadata", metadata),
    )
    for table, rows in kinds:
        for row in rows.filter(part_of_id__in=organizations).values():
            said = {name: json_value(value) for name, value in row.items()}
            found[table, row["id"]] = said | {"source": "", "external_id": ""}
    return found


def keep(attempt: LoggedAct, present: StoredEntry, before: Before) -> UUID:
    """Seal what the act has erased, in its transaction. Raises Unavailable."""
    there = _erasable(before.organizations, list(before.places))
    places, entry_id = sorted(before.places), present.row["id"]
    modified = present.row.get("last_modified")
    content = {
        "hidden_at": json_value(attempt.now),
        "last_modified": json_value(modified) if modified else None,
        "places": [[str(one), before.places[one]] for one in places],
        "rows": [[table, row] for (table, one), row in before.rows.items()
                 if (table, one) not in there],
        "edits": _edits(present, places).count(),
    }  # fmt: skip
    line = m.Edit.objects.using(EDITOR).filter(row_id=entry_id).order_by("-id").first()
    assert line is not None
    about = About(line.id, present.organization_id, present.table, entry_id)
    return earlier_text.store(attempt, "undo", about, content, GOOD_FOR)


def _edits(present: StoredEntry, places: Iterable[UUID]) -> "QuerySet[m.Edit]":
    """The lines of the history of all that an undo would publish. They are counted: the moment of a
    line is when its act began, and one may have begun before another and ended after it."""
    concerned = Q(row_id__in=[present.row["id"], *places])
    if present.table == "organization":
        concerned |= Q(organization_id=present.organization_id)
    return m.Edit.objects.using(EDITOR).filter(concerned)


# -- Undo, or end it -------------------------------------------------------------------------------


def good(entry_ids: Iterable[UUID], now: datetime) -> list[Undo]:
    """The undos of the caller's agency that are still good. Call it within a transaction of EDITOR
    that has the caller's identity."""
    rows = m.EarlierText.objects.using(EDITOR).filter(
        kind="undo", row_id__in=list(entry_ids), ends_at__gt=now
    )
    return [Undo(*one) for one in rows.values_list("id", "table", "row_id", "ends_at")]


def undo(principal: Principal, table: str, entry_id: UUID, undo_id: UUID) -> None:
    """Make public again what was hidden, with all that was erased, byte for byte. Once only.

    Raises NotVisible (there is no such copy for the caller, or it has ended), NotPossible
    (`undo_over`, `changed_since`, `confidential_here`), as `edit.put` does, Unavailable.
    """
    kept = earlier_text.open_text(principal, entry_id, undo_id)
    content = kept.content
    places = [(UUID(one), columns) for one, columns in content["places"]]
    ids = [one for one, _ in places]
    with editing_transaction(principal, table, entry_id) as attempt:
        present = load_for_editing(principal, table, entry_id)
        owner = present.organization_id
        if kept.kind != "undo" or not _take(principal, undo_id):
            raise over()
        if _edits(present, ids).count() != content["edits"]:
            raise NotPossible(
                "changed_since",
                "It was changed since it became confidential, so undo could publish what was"
                " written for the network. Make it public again, and enter what was erased.",
            )
        rows: Any = TABLES[table].model._default_manager.using(EDITOR).filter(id=entry_id)
        if table != "location":
            rows.update(confidential=False)
        if content["last_modified"]:
            rows.filter(last_modified=content["hidden_at"]).update(
                last_modified=content["last_modified"]
            )
        for one, columns in places:
            _show_place(one, columns)
        for name, row in content["rows"]:
            TABLES[name].model(**row).save(using=EDITOR, force_insert=True)
        change = Change(table, entry_id, owner, {}, fields={"confidential"}, places=set(ids))
        services, organizations = affected_entries(change)
        render(services, organizations, using=EDITOR)
        record_edit(attempt, owner, table, entry_id, "updated", change.fields)


def over() -> NotPossible:
    """The refusal once there is no copy."""
    return NotPossible(
        "undo_over",
        "The copy for undo has ended. Make it public again, and enter what was erased.",
    )


def _take(principal: Principal, undo_id: UUID) -> bool:
    """Use the copy up. False: another act has used or erased it meanwhile."""
    rows = m.EarlierText.objects.using(EDITOR).filter(
        id=undo_id, kind="undo", agency_id=principal.agency_id
    )
    return bool(rows._raw_delete(EDITOR))


def _show_place(place_id: UUID, columns: dict[str, Any]) -> None:
    links = m.ServiceAtLocation.objects.using(EDITOR).filter(location_id=place_id)
    secret = Q(service__confidential=True) | Q(service__organization__confidential=True)
    rows = m.Location.objects.using(EDITOR).filter(id=place_id)
    if links.filter(secret).exists() or rows.filter(organization__confidential=True).exists():
        raise NotPossible(
            "confidential_here",
            "Something else that is confidential is found at one of its places now.",
        )
    rows.update(confidential=False, **columns)


def end(principal: Principal, table: str, entry_id: UUID, undo_id: UUID) -> None:
    """Erase the copy for undo now. Twice is safe. Raises NotVisible, NotPermitted."""
    with editing_transaction(principal, table, entry_id):
        load_for_editing(principal, table, entry_id)
        _take(principal, undo_id)


def forget(principal: Principal, entry_id: UUID) -> None:
    """Erase the agency's copies for undo of an entry that is public again, in that transaction."""
    m.EarlierText.objects.using(EDITOR).filter(
        row_id=entry_id, kind="undo", agency_id=principal.agency_id
    )._raw_delete(EDITOR)
