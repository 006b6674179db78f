"""What is printed of the services on a list, in every language that papers are made in.

Everything is read without a principal: what the public may not see cannot be on the paper.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone, translation
from django.utils.translation import gettext

from api import languages
from api.desk.directory import entry_summary, service_page
from api.desk.directory.entry_summary import Day, Document, once
from api.desk.public_pages import safety_lines_in_all
from directory.listings import Phone
from directory.safety_lines import notice_in

Texts = list[tuple[str, str]]  # (language, words), without those that are the same


class Number(NamedTuple):
    number: str
    extension: str
    note: Texts


class Entry(NamedTuple):
    """One service on the paper."""

    name: str
    organization: str  # '' if it has the name of the service
    numbers: list[Number]
    before_you_call: str
    hours: list[Texts]
    hours_notes: list[str]
    places: list[list[str]]
    languages: Texts


def content(service_ids: Iterable[UUID]) -> dict[str, Any]:
    """Return what the paper's template needs."""
    loaded = [found for one in service_ids if (found := service_page.load(None, one))]
    return {
        "entries": [_entry(one) for one in loaded],
        "printed_on": in_each(partial(_day, loaded[0].now, year=True)) if loaded else [],
        "notices": in_each(lambda: notice_in(translation.get_language() or languages.SOURCE)),
        "lines": safety_lines_in_all(),
        "words": {name: in_each(say) for name, say in _WORDS.items()},
    }


def in_each(say: Callable[[], str]) -> Texts:
    """Say it in each language; once, where two of them say the same."""
    found: dict[str, str] = {}
    for language in languages.languages("papers"):
        with translation.override(language):
            found.setdefault(str(say()), language)
    return [(language, words) for words, language in found.items() if words]


_WORDS: dict[str, Callable[[], str]] = {
    "title": lambda: gettext("Phone numbers"),
    "before": lambda: gettext("Before you call:"),
    "hours": lambda: gettext("Hours"),
    "where": lambda: gettext("Where"),
    "languages": lambda: gettext("Languages"),
    "extension": lambda: gettext("ext."),
    "no_number": lambda: gettext("No number is listed."),
    "may_change": lambda: gettext("Hours and numbers may change. As of:"),
}


def _entry(loaded: service_page.Loaded) -> Entry:
    with translation.override(languages.SOURCE):
        shown = service_page.in_words(loaded)
    listing, document = shown.listing, shown.document
    same = listing.organization_name == listing.name
    return Entry(
        name=listing.name,
        organization="" if same else listing.organization_name,
        numbers=list(_numbers(listing.phones)),
        before_you_call=document.get("safe_contact_notes", ""),
        hours=_hours(loaded, shown),
        hours_notes=shown.hours.notes,
        places=list(_places(document)),
        languages=in_each(lambda: ", ".join(entry_summary.languages(document))),
    )


def _numbers(phones: Iterable[Phone]) -> Iterator[Number]:
    """Yield the numbers that a person calls or sends a text to."""
    for phone in phones:
        kind = phone.type.lower()
        if kind in ("fax", "pager", "modem"):
            continue
        note = [("", phone.description)] if phone.description else []
        if kind in ("text", "sms"):
            note += in_each(lambda: gettext("by text message"))
        yield Number(phone.number, phone.extension, note)


def _places(document: Document) -> Iterator[list[str]]:
    """Yield where people go: the name of each place that has an address, and the address."""
    for at in document.get("service_at_locations", ()):
        location = at.get("location") or {}
        addresses = once(
            service_page.address_words(one)
            for one in location.get("addresses", ())
            if one.get("address_type") != "postal"
        )
        if addresses:
            yield once([location.get("name", ""), *addresses])


def _hours(loaded: service_page.Loaded, shown: service_page.Page) -> list[Texts]:
    """Return the hours in words: of the service, or of each place where they differ."""
    at: list[int | None] = [number for number, place in enumerate(shown.places) if place.hours]
    return [in_each(partial(_words, loaded, one)) for one in at or [None]]


def _words(loaded: service_page.Loaded, at: int | None) -> str:
    """Return the hours of today with its date, or what is true of every day."""
    shown = service_page.in_words(loaded)
    if shown.listing.status != "active":
        closed = entry_summary.intake(shown.listing, shown.document)
        return str(closed.words) if closed else ""
    if at is None:
        return _of_today(shown.hours.days, loaded.now) or str(shown.hours.says.words)
    place = shown.places[at]
    return ": ".join(filter(None, (place.name, _of_today(place.hours, loaded.now))))


def _of_today(days: list[Day], now: datetime) -> str:
    if not days:
        return ""
    if entry_summary.is_always(days):
        return gettext("Open 24/7")
    hours = days[0].hours or gettext("closed")
    if hours == entry_summary.ALL_DAY:
        hours = gettext("all day and all night")
    return f"{_day(now)}: {hours}"


def _day(now: datetime, *, year: bool = False) -> str:
    return entry_summary.day_words(timezone.localtime(now).date(), year=year)
