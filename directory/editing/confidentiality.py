"""Protects confidential places in an edit (R4): nothing that shows where one is comes in or stays.
The places that an act hides are known before it is written, so that all of them are rendered."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from directory import models as m
from directory.editing.columns import comparable
from directory.editing.draft_parser import Draft
from directory.editing.stored_entry import StoredEntry, as_document, find_row
from directory.hsds.schema import WHEREABOUTS
from permissions.database.aliases import EDITOR
from permissions.errors import BadRequest, NotPossible

SHORT = 6  # the shortest street that is searched for in texts
NOT_STORED = "Where a confidential place is, is not stored: its agency may seal it apart."


def hide_confidential(
    draft: Draft, present: StoredEntry | None, organization_id: UUID
) -> set[UUID]:
    """Remove from the draft what may not be stored; returns the public places that the act hides.

    Raises BadRequest for new whereabouts and for a text that contains a street being removed,
    NotPossible if a place is to become public while something confidential is located there.
    """
    entry, table = draft.entry, draft.table
    was = bool(present and present.row["confidential"])
    said = entry.values.get("confidential")
    above = find_row("organization", organization_id) if table != "organization" else None
    secret_above = bool(above and above["confidential"])
    if table == "service" and present and said is True and secret_above and not was:
        del entry.values["confidential"]  # its document says so only because its organization is
    if table == "location" and was and said is False and _is_confidential_at(present, secret_above):
        raise NotPossible(
            "confidential_here",
            "A confidential service is offered at this place, or its organization is confidential.",
        )
    if not (secret_above or said is True or (said is None and was)):
        return set()
    if table == "location":
        entry.values["confidential"] = True
        _forget_where(draft, present)
    places = _public(_places(draft, present))
    _forbid_streets(draft, places)
    return places


def _is_confidential_at(present: StoredEntry | None, secret_above: bool) -> bool:
    assert present is not None
    links = m.ServiceAtLocation.objects.using(EDITOR).filter(location_id=present.row["id"])
    return (
        secret_above
        or links.filter(service__confidential=True).exists()
        or links.filter(service__organization__confidential=True).exists()
    )


def _forget_where(draft: Draft, present: StoredEntry | None) -> None:
    """Remove the old whereabouts; refuse new ones, so that no editor believes they were stored."""
    says = as_document("location", present.row) if present else {}
    for column in WHEREABOUTS["location"]:
        said = comparable(draft.entry.values.pop(column, None))
        if said not in (None, comparable(says.get(column))):
            raise BadRequest("confidential_place", NOT_STORED, f"/{column}")
    owned: Mapping[tuple[str, UUID], Any] = present.owned if present else {}
    for row in [one for one in draft.rows if one.table == "address"]:
        if not row.key or ("address", UUID(row.key)) not in owned:
            raise BadRequest("confidential_place", NOT_STORED, row.pointer)
    draft.rows = [
        one
        for one in draft.rows
        if one.table != "address" and not (one.about and one.about.table == "address")
    ]


def _places(draft: Draft, present: StoredEntry | None) -> set[UUID]:
    """The places of the entry or of its services, before the draft is written and after."""
    if draft.table == "location":
        return {UUID(draft.entry.key)}
    links = m.ServiceAtLocation.objects.using(EDITOR)
    found = {
        UUID(link) for row in draft.rows if isinstance(link := row.links.get("location_id"), str)
    }
    if present is None:
        return found
    entry_id = present.row["id"]
    if draft.table == "service":
        there = links.filter(service_id=entry_id)
    else:
        there = links.filter(service__organization_id=entry_id)
        own = m.Location.objects.using(EDITOR).filter(organization_id=entry_id)
        found |= set(own.values_list("id", flat=True))
    return found | set(there.values_list("location_id", flat=True))


def _public(places: set[UUID]) -> set[UUID]:
    rows = m.Location.objects.using(EDITOR).filter(id__in=places, confidential=False)
    return set(rows.values_list("id", flat=True))


def _forbid_streets(draft: Draft, places: set[UUID]) -> None:
    """Refuse a text that contains the street of an address being removed."""
    rows = m.Address.objects.using(EDITOR).filter(location_id__in=places)
    streets = {
        street.casefold()
        for street in rows.values_list("address_1", flat=True)
        if len(street) >= SHORT
    }
    for row in draft.rows:
        for column, value in row.values.items():
            text = value.casefold() if isinstance(value, str) else ""
            if any(street in text for street in streets):
                raise BadRequest(
                    "street_in_text",
                    "This text contains the street of a place that becomes confidential.",
                    f"{row.pointer}/{column}",
                )
