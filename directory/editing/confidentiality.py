"""What an edit does to confidential places (R4): nothing that tells where one is comes in or
stays, and which places an act hides is known before it is written, so that all is rendered anew."""

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

SHORT = 6  # letters of a street that are enough to look for it in texts
NOT_STORED = "Where a confidential place is, is not stored: its agency may seal it apart."


def hide_confidential(
    draft: Draft, present: StoredEntry | None, organization_id: UUID
) -> set[UUID]:
    """Take out of the draft what may not be stored; the public places that the act hides.

    Raises BadRequest for whereabouts that are new and for a text that holds a street that goes,
    NotPossible where a place is to be public while something confidential is found there.
    """
    entry, table = draft.entry, draft.table
    was = bool(present and present.row["confidential"])
    said = entry.values.get("confidential")
    above = find_row("organization", organization_id) if table != "organization" else None
    secret_above = bool(above and above["confidential"])
    if table == "service" and present and said is True and secret_above and not was:
        del entry.values["confidential"]  # as its document says it, for its organization's sake
    if table == "location" and was and said is False and _is_confidential_at(present, secret_above):
        raise NotPossible(
            "confidential_here",
            "Something confidential is found at this place, or its organization is so.",
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
    """What it said before goes; what it says anew is refused, lest somebody take it for stored."""
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
    """Where the entry is, or its services are, once the draft is written, and were before."""
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
    """A street that is forgotten as an address must not stay behind in a text."""
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
                    "This text holds the street of a place that becomes confidential.",
                    f"{row.pointer}/{column}",
                )
