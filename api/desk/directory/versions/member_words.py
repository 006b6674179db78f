"""Members of an entry's document in words: for what an edit replaced, and for what everyone will
see. No queries and no rules."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.directory.entry_form import EntryForm
from api.desk.directory.entry_rows import LISTS, says
from api.desk.directory.entry_summary import STATUS_WORDS, capacity_words
from api.desk.directory.making.marks import Changed
from api.desk.directory.own_entries import field_words
from directory.editing.draft_parser import ELSEWHERE, SERVERS
from directory.hsds.schema import ONES

Document = Mapping[str, Any]
Places = Mapping[UUID, str]  # the names of public places
# Parts of a row that say nothing to a reader.
_MUTE = {"address_type", "location_type", "link_type", "resource_type", "priority"}


_TITLES = {  # of members that the form of a service has not
    "accessibility": _("Accessibility"),
    "addresses": _("Address"),
    "additional_urls": _("More websites"),
    "additional_websites": _("More websites"),
    "capacities": _("Openings"),
    "contacts": _("Contacts"),
    "cost_options": _("Costs"),
    "languages": _("Languages"),
    "latitude": _("Latitude"),
    "longitude": _("Longitude"),
    "location_type": _("Kind of place"),
    "organization_identifiers": _("Identifiers"),
    "required_documents": _("Required documents"),
    "service_areas": _("Service areas"),
    "transportation": _("How to get there"),
    "victimization_types": _("Kinds of victimization"),
}


def titled(member: str) -> str:
    """Return the name of a document's member, as the form of a service calls it."""
    if member in LISTS:
        return str(LISTS[member].title)
    if member in EntryForm.MAIN:
        return str(EntryForm.base_fields[member].label)
    words = str(_TITLES.get(member) or field_words(member))
    return words[:1].upper() + words[1:]


def compared(
    members: Iterable[str], before: Document, after: Document, places: Places
) -> list[Changed]:
    """Return each member as it was and as it is, or will be."""
    return [
        Changed(
            titled(name),
            lines(name, before.get(name), places),
            lines(name, after.get(name), places),
        )
        for name in members
    ]


def facts(table: str, document: Document, places: Places) -> list[tuple[str, list[str]]]:
    """Return all that a document says of its entry itself."""
    out = {"id", "confidential", *SERVERS.get(table, ()), *ELSEWHERE.get(table, ())}
    out |= {"organization_id", "program_id", *ONES.get(table, ())}
    found = [(titled(name), lines(name, document[name], places)) for name in document
             if name not in out]  # fmt: skip
    return [one for one in found if one[1]]


def lines(member: str, value: Any, places: Places) -> list[str]:
    """Return a member's value, a line for each of its rows."""
    rows = value if isinstance(value, list) else [] if value in (None, "") else [value]
    found = []
    for row in rows:
        if member == "status":
            found.append(str(STATUS_WORDS.get(row, row)))
        elif not isinstance(row, Mapping):
            found.append(_plain(row))
        elif member in LISTS:
            found.append(says(member, dict(row)))
        elif member == "capacities":
            found.append(capacity_words(row))
        elif member == "service_at_locations":
            found.append(_place(row, places))
        else:
            found.append(", ".join(dict.fromkeys(_leaves(row))))
    return [line for line in found if line]


def _place(link: Document, places: Places) -> str:
    location = link.get("location", {})
    place_id = location.get("id") or link.get("location_id")
    name = location.get("name") or places.get(UUID(place_id), "") if place_id else ""
    rest = {one: value for one, value in link.items() if one not in ("location", "service")}
    return ": ".join(one for one in (name or gettext("A place"), ", ".join(_leaves(rest))) if one)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _leaves(row: Document) -> Iterator[str]:
    """Yield the texts of a row and of what it contains, without ids."""
    for name, value in row.items():
        if name == "id" or name.endswith("_id") or name in _MUTE or value in (None, ""):
            continue
        if name in LISTS and isinstance(value, list):
            yield from (says(name, one) for one in value)
        elif isinstance(value, Mapping):
            yield from _leaves(value)
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, Mapping):
                    yield from _leaves(one)
                else:
                    yield _plain(one)
        else:
            yield _plain(value)
