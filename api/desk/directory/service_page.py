"""One service as a page: all that the standard knows of it, with what is needed in a hurry
first."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from api.desk.directory import entry_summary, service_detail
from api.desk.directory.entry_summary import Document, once
from api.desk.directory.own_entries import secret_places
from api.desk.request_context import Visit, signed_in
from api.desk.times import time_of_day
from api.http.problem_details import refused_page
from directory import listings
from directory.editing.confidential_addresses import READERS
from directory.models import OPEN_STATUSES
from directory.search import next_openings
from directory.search.next_openings import Opening, PlaceHours
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotVisible
from permissions.models import Agency
from permissions.principal import Principal
from referrals.acts import availability


class Place(NamedTuple):
    """A place of the service: lines to read, and phone numbers that are of this place only."""

    name: str
    lines: list[str]
    access: list[str]
    phones: list[listings.Phone]
    hours: list[entry_summary.Day]  # empty if every place has the same hours


class Hours(NamedTuple):
    says: entry_summary.Wording
    days: list[entry_summary.Day]
    zone: str
    holidays: list[str]
    notes: list[str]


class Loaded(NamedTuple):
    """What `load` reads of a service, in no language yet."""

    listing: listings.Listing
    ahead: list[PlaceHours]
    soon: Opening | None
    now: datetime


class Page(NamedTuple):
    """What `find` returns: the listing, its document and its state now."""

    listing: listings.Listing
    document: Document
    hours: Hours
    places: list[Place]
    now: datetime


@require_safe
def public_service(request: HttpRequest, service_id: UUID) -> HttpResponse:
    with timezone.override(ZoneInfo(settings.NETWORK_TIME_ZONE)):
        found = find(None, service_id)
        if found is None:
            return refused_page(request, NotVisible())
        return render(request, "desk/service.html", context_of(found))


@require_safe
@signed_in
def service(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    found = find(visit.principal, service_id)
    if found is None:
        raise NotVisible
    listing = found.listing
    answered_by = Agency.objects.filter(id=listing.answered_by).first()  # type: ignore[misc]
    own = listing.answered_by == visit.agency.id
    context = context_of(found) | {"answered_by": answered_by, "own": own}
    with identified_transaction(visit.principal):
        ours = listings.edits(visit.principal, listing.organization_id)
        context["takes"] = listing.id in availability.open_to_referrals([listing])
    context["changes_it"] = ours and visit.edits_entries
    if ours and visit.principal.has_role(*READERS):
        context["secret_places"] = secret_places(found.document)
    return render(request, "desk/service.html", context)


def find(principal: Principal | None, service_id: UUID) -> Page | None:
    """Return the service with its hours; None if it does not exist or may not be seen."""
    loaded = load(principal, service_id)
    return in_words(loaded) if loaded else None


def load(principal: Principal | None, service_id: UUID) -> Loaded | None:
    with identified_transaction(principal) as now:
        listing = listings.find(principal, service_id)
        if listing is None:
            return None
        until = now + timedelta(entry_summary.WEEK + 1)
        ahead = next_openings.hours_ahead(principal, service_id, now, until)
        soon = next_openings.next_openings(principal, [service_id], now).get(service_id)
    return Loaded(listing, ahead, soon, now)


def in_words(loaded: Loaded) -> Page:
    """Say it in the active language and time zone."""
    listing, ahead, soon, now = loaded
    document = orjson.loads(listing.document)
    same = len({one.spans for one in ahead}) < 2
    hours = Hours(
        says=entry_summary.opening_words(soon, now),
        days=entry_summary.week(ahead[0].spans, now) if same and soon and soon.told else [],
        zone=f"{timezone.localtime(now):%Z}",
        holidays=_holidays(document, timezone.localtime(now).date()),
        notes=[
            one for one in _notes(document) if not one.lower().startswith(entry_summary.ALL_DAY)
        ],
    )
    places = list(_places(document, [] if same else ahead, now))
    return Page(listing, document, hours, places, now)


def context_of(found: Page) -> dict[str, Any]:
    """What its page shows of a service."""
    listing, document = found.listing, found.document
    phones = {(phone.number, phone.extension) for place in found.places for phone in place.phones}
    return {
        "listing": listing,
        "is_open": listing.status in OPEN_STATUSES,
        "document": document,
        "hours": found.hours,
        "places": found.places,
        "phones": [p for p in listing.phones if (p.number, p.extension) not in phones]
        or listing.phones,
        "intake": entry_summary.intake(listing, document),
        "capacities": [service_detail.capacity(one) for one in document.get("capacities", ())],
        "facts": [fact for fact in service_detail.facts(listing, document) if fact.lines],
        "more": [fact for fact in service_detail.more(document) if fact.lines],
        "links": service_detail.links(document),
        "origin": service_detail.origin(document),
        "checked": listing.assured_date
        and entry_summary.day_words(listing.assured_date, year=True),
        "changed": entry_summary.day_words(
            timezone.localtime(listing.last_modified).date(), year=True
        ),
        "unchecked": entry_summary.unchecked_warning(listing.assured_date, found.now),
        "now": found.now,
    }


# -- Hours and places ------------------------------------------------------------------------------


def _scheduled(document: Document, member: str) -> Iterator[Document]:
    """Yield schedules or holidays of the service, of the service at a place, and of the place."""
    yield from document.get(member, ())
    for at in document.get("service_at_locations", ()):
        yield from at.get(member, ())
        yield from at.get("location", {}).get(member, ())


def _holidays(document: Document, today: date) -> list[str]:
    """Return the days that are not as usual, from today on, the next one first."""
    found = []
    for row in _scheduled(document, "holiday_schedules"):
        first, last = parse_date(row["start_date"]), parse_date(row["end_date"])
        if not first or not last or last < today:
            continue
        days = entry_summary.day_words(first)
        if last != first:
            days = gettext("{first} to {last}").format(
                first=days, last=entry_summary.day_words(last)
            )
        if last.year != today.year:
            days += f", {last.year}"
        opens, closes = (_clock(row.get(name)) for name in ("opens_at", "closes_at"))
        hours = (
            gettext("closed") if row.get("closed") or not opens else f"{opens}\N{EN DASH}{closes}"
        )
        says = f" ({row['description']})" if row.get("description") else ""
        found.append((first, f"{days}: {hours}{says}"))
    return once(words for _first, words in sorted(found))


def _clock(written: str | None) -> str:
    """Return a time of the document in words; as it is, if it is no time."""
    try:
        return time_of_day(time.fromisoformat((written or "")[:5]))
    except ValueError:
        return written or ""


def _notes(document: Document) -> list[str]:
    """Return what is said of the hours in addition to the times."""
    said = (
        text
        for row in _scheduled(document, "schedules")
        for text in (row.get("description", ""), row.get("notes", ""))
    )
    return once(said)


def _places(document: Document, ahead: Iterable[PlaceHours], now: datetime) -> Iterator[Place]:
    hours = {str(one.link): one for one in ahead}
    for at in document.get("service_at_locations", ()):
        location = at.get("location")
        if not location:
            continue
        own = hours.get(at["id"])
        lines = [location.get("name", "")]
        lines += [address_words(one) for one in location.get("addresses", ())]
        lines += [location.get("description", ""), at.get("description", "")]
        if way := location.get("transportation"):
            lines.append(gettext("Getting there: {way}").format(way=way))
        yield Place(
            name=location.get("name", ""),
            lines=once(lines),
            access=once(
                " ".join(filter(None, (one.get("description"), one.get("details"))))
                for one in location.get("accessibility", ())
            ),
            phones=[_phone(one) for one in (*at.get("phones", ()), *location.get("phones", ()))],
            hours=entry_summary.week(own.spans, now) if own and own.told else [],
        )


def address_words(row: Document) -> str:
    parts = [row.get(key) for key in ("attention", "address_1", "address_2", "city")]
    state = " ".join(filter(None, (row.get("state_province"), row.get("postal_code"))))
    address = ", ".join(part for part in (*parts, state) if part)
    if row.get("address_type") != "postal":
        return address
    return gettext("{address} (mailing address)").format(address=address)


def _phone(row: Document) -> listings.Phone:
    extension = str(row.get("extension", "") or "")
    return listings.Phone(row["number"], extension, row.get("type", ""), row.get("description", ""))
