"""Makes a service, an organization or a place confidential, or public again, after a preview.

The preview (`Plan`) says what disappears from the public and what is erased, or what everyone will
see. It has a token: the act is refused if anything of the preview has changed since. The database
erases where a hidden place is (directory/sql/functions/places.sql), with all earlier text of the
organization; what undo needs is sealed apart (undo.py).
"""

import hashlib
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db.models import Q

from directory import models as m
from directory.editing import draft_parser
from directory.editing.confidentiality import hide_confidential
from directory.editing.edit import (
    Preconditions,
    apply_patch,
    editing_transaction,
    load_for_editing,
    require_editor,
)
from directory.editing.stored_entry import StoredEntry, find_row
from directory.editing.versions import undo
from directory.editing.versions.undo import Undo
from permissions import assignments
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.errors import BadRequest, NotPossible, Refused, StaleMatch
from permissions.principal import Principal


class Named(NamedTuple):
    id: UUID
    name: str


class HiddenPlace(NamedTuple):
    """A public place that the act hides. `ours`: the caller's agency edits it, so an undo can put
    it back; `erased`: its addresses and how to get there."""

    id: UUID
    name: str
    erased: list[str]
    has_point: bool
    phones: list[str]
    ours: bool


class Plan(NamedTuple):
    """What an act would do. `services`: found by the public no longer, or from now on; `others`:
    public services that lose a place; `sealed`: the agency keeps an address that would go."""

    table: str
    entry_id: UUID
    name: str
    hides: bool
    document: dict[str, Any]
    services: list[Named]
    places: list[HiddenPlace]
    others: list[Named]
    sealed: bool
    problem: Refused | None
    token: str


class Choice(NamedTuple):
    """Something that can be made confidential, or public again; `undo`: by its agency, for now."""

    table: str
    id: UUID
    name: str
    is_confidential: bool
    undo: Undo | None = None


# -- Preview ---------------------------------------------------------------------------------------


def choices(principal: Principal, service_id: UUID) -> list[Choice]:
    """What can be hidden or shown from a service's page: the service, its organization, and its
    places that the caller's agency edits. Raises NotPermitted, NotVisible."""
    require_editor(principal, "directory.read", lambda: False, service_id)
    with identified_transaction(principal, EDITOR) as now:
        service = load_for_editing(principal, "service", service_id)
        above = find_row("organization", service.organization_id)
        assert above is not None
        found = [
            Choice("service", service_id, service.row["name"], service.document["confidential"]),
            Choice("organization", above["id"], above["name"], above["confidential"]),
        ]
        rows = m.Location.objects.using(EDITOR).filter(serviceatlocation__service_id=service_id)
        for row in rows.order_by("serviceatlocation__position", "id").distinct().values():
            if _edits(principal, row["part_of_id"]):
                found.append(Choice("location", row["id"], row["name"], row["confidential"]))
        good = {one.entry_id: one for one in undo.good([one.id for one in found], now)}
    return [one._replace(undo=good.get(one.id)) for one in found]


def preview(principal: Principal, table: str, entry_id: UUID) -> Plan:
    """What hiding the entry would do, or showing it if it is confidential. Writes nothing. Raises
    NotVisible, NotPermitted."""
    require_editor(principal, "directory.read", lambda: False, entry_id)
    with identified_transaction(principal, EDITOR):
        return _plan(principal, load_for_editing(principal, table, entry_id))


def _plan(principal: Principal, present: StoredEntry) -> Plan:
    document, entry_id = present.document, present.row["id"]
    hides = not document["confidential"]
    hidden = _public_places(present) if hides else set()
    services = _services(present)
    places = [_place(principal, row) for row in _rows_of(hidden)]
    others = _public_services(hidden, {one.id for one in services})
    plan = Plan(
        present.table,
        entry_id,
        present.row["name"],
        hides,
        document,
        services,
        places,
        others,
        not hides and present.table == "location" and _has_sealed_address(entry_id),
        _problem(present, hides),
        "",
    )
    shown: list[Any] = [[*one] for one in (*services, *places, *others)]
    if not hides:  # what everyone will see of its services is no part of its own document
        rows = m.Service.objects.using(EDITOR).filter(id__in=[one.id for one in services])
        shown += rows.order_by("id").values_list("last_modified", flat=True)
    said = [present.etag, hides, plan.sealed, len(services), len(others), shown]
    return plan._replace(token=hashlib.sha256(orjson.dumps(said)).hexdigest())


def _problem(present: StoredEntry, hides: bool) -> Refused | None:
    """What the act would be refused for."""
    above = find_row("organization", present.organization_id)
    if not hides and present.table != "organization" and above and above["confidential"]:
        return NotPossible(
            "confidential_here",
            "Its organization is confidential. Make the organization public first.",
        )
    document = draft_parser.patched(present.table, present.document, {"confidential": hides})
    draft = draft_parser.parse_draft(present.table, present.row["id"], document)
    try:
        hide_confidential(draft, present, present.organization_id)
    except (BadRequest, NotPossible) as refusal:
        return refusal
    return None


def _public_places(present: StoredEntry) -> set[UUID]:
    """The public places that hiding the entry hides."""
    entry_id = present.row["id"]
    rows = m.Location.objects.using(EDITOR).filter(confidential=False)
    if present.table == "location":
        rows = rows.filter(id=entry_id)
    elif present.table == "service":
        rows = rows.filter(serviceatlocation__service_id=entry_id)
    else:
        found_there = Q(serviceatlocation__service__organization_id=entry_id)
        rows = rows.filter(Q(organization_id=entry_id) | found_there)
    return set(rows.values_list("id", flat=True))


def _services(present: StoredEntry) -> list[Named]:
    """The services that the public finds no longer, or from now on."""
    if present.table == "location":
        return []
    rows = m.Service.objects.using(EDITOR).exclude(status="defunct")
    if present.table == "service":
        rows = rows.filter(id=present.row["id"])
    else:
        rows = rows.filter(organization_id=present.row["id"], confidential=False)
    return _named(rows)


def _public_services(places: Collection[UUID], but: Collection[UUID]) -> list[Named]:
    rows = m.Service.objects.using(EDITOR).filter(serviceatlocation__location_id__in=places)
    rows = rows.filter(confidential=False, organization__confidential=False)
    return _named(rows.exclude(status="defunct").exclude(id__in=but).distinct())


def _named(rows: Any) -> list[Named]:
    return [Named(*one) for one in rows.order_by("name", "id").values_list("id", "name")]


def _rows_of(places: Iterable[UUID]) -> list[dict[str, Any]]:
    rows: Any = m.Location.objects.using(EDITOR).filter(id__in=list(places))
    return list(rows.order_by("name", "id").values())


def _place(principal: Principal, row: dict[str, Any]) -> HiddenPlace:
    addresses = m.Address.objects.using(EDITOR).filter(location_id=row["id"])
    parts = ("address_1", "address_2", "city", "state_province", "postal_code")
    lines = [
        ", ".join(part for part in one if part)
        for one in addresses.order_by("position", "id").values_list(*parts)
    ]
    lines += [row[name] for name in ("transportation", "url") if row[name]]
    phones = m.Phone.objects.using(EDITOR).filter(location_id=row["id"])
    return HiddenPlace(
        row["id"],
        row["name"],
        lines,
        row["latitude"] is not None,
        list(phones.order_by("position", "id").values_list("number", flat=True)),
        _edits(principal, row["part_of_id"]),
    )


def _edits(principal: Principal, organization_id: UUID) -> bool:
    return assignments.is_editor(m.Organization, organization_id, principal.agency_id, EDITOR)


def _has_sealed_address(location_id: UUID) -> bool:
    rows = m.ConfidentialAddress.objects.using(EDITOR)
    return bool(rows.filter(location_id=location_id).values_list("id").first())


# -- Do it -----------------------------------------------------------------------------------------


def hide(
    principal: Principal, table: str, entry_id: UUID, token: str, *, with_undo: bool
) -> UUID | None:
    """Make the entry confidential, as previewed. Returns the undo, which ends after a day; without
    one, everything is erased for good at once. Raises as `edit.put` does, StaleMatch if the preview
    is no longer true, NotPossible (`already_so`), Unavailable (the undo cannot be sealed:
    nothing was changed)."""
    with editing_transaction(principal, table, entry_id) as attempt:
        present = load_for_editing(principal, table, entry_id)
        plan = _plan(principal, present)
        if not plan.hides:
            raise NotPossible("already_so", "It is confidential already.")
        _require(plan, token)
        ours = [one.id for one in plan.places if one.ours]
        before = undo.look(principal, present, ours) if with_undo else None
        apply_patch(attempt, present, {"confidential": True}, Preconditions(present.etag))
        return undo.keep(attempt, present, before) if before else None


def show(principal: Principal, table: str, entry_id: UUID, token: str) -> None:
    """Make the entry public again, as previewed. What was erased does not come back. Raises as
    `hide` does, NotPossible (`already_so`)."""
    with editing_transaction(principal, table, entry_id) as attempt:
        present = load_for_editing(principal, table, entry_id)
        plan = _plan(principal, present)
        if plan.hides:
            raise NotPossible("already_so", "It is public already.")
        _require(plan, token)
        apply_patch(attempt, present, {"confidential": False}, Preconditions(present.etag))
        undo.forget(principal, entry_id)


def _require(plan: Plan, token: str) -> None:
    if plan.token != token:
        raise StaleMatch
    if plan.problem:
        raise plan.problem
