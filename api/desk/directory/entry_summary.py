"""What pages say of a directory entry, in words: how far, open or not, who is taken, when checked.

This module knows documents and rendered rows; it has no queries and no rules.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from api.desk.directory.search_form import METRES_A_MILE
from directory.listings import Listing
from directory.projection.opening_hours import Span
from directory.search.next_openings import Opening

Document = Mapping[str, Any]
AROUND_THE_CLOCK = timedelta(days=14)  # open for as long as this: "day and night"
WEEK = 7  # days
ALL_DAY = "day and night"


class Wording(NamedTuple):
    """A few words and their tone: good, warning, or '' for plain."""

    words: str
    mood: str = ""


@dataclass(frozen=True, slots=True)
class EntrySummary:
    """One service in a list."""

    listing: Listing
    opening: Wording
    intake: Wording | None
    distance: str
    languages: str
    places: str
    unchecked: str
    takes: bool  # a referral, now


def summarize(
    listing: Listing, opening: Opening | None, document: Document, now: datetime, *, takes: bool
) -> EntrySummary:
    """Summarize a service on a page of results; `document` is the listing's."""
    return EntrySummary(
        listing=listing,
        opening=opening_words(opening, now),
        intake=intake(listing, document),
        distance=distance(listing.metres),
        languages=", ".join(languages(document)),
        places=", ".join(towns(document)),
        unchecked=unchecked_warning(listing.assured_date, now),
        takes=takes,
    )


# -- How far, and how fresh ------------------------------------------------------------------------


def distance(metres: float | None) -> str:
    """Return words such as "1.3 mi (2.1 km)"."""
    if metres is None:
        return ""
    return f"{metres / METRES_A_MILE:.1f} mi ({metres / 1000:.1f} km)"


def review_days() -> int:
    return int(settings.DIRECTORY_REVIEW_DAYS)


def review_due(checked: date | None) -> date | None:
    """Return the day by which the entry has to be checked again; None if it never was checked."""
    return checked + timedelta(review_days()) if checked else None


def unchecked_warning(checked: date | None, now: datetime) -> str:
    """Return a warning for an entry that was not checked for long; '' for a fresh one."""
    if checked is None:
        return "Nobody has said when this was last checked."
    due = review_due(checked)
    if due and due < timezone.localtime(now).date():
        return f"Not checked since {day_words(checked, year=True)}."
    return ""


def day_words(day: date, *, year: bool = False) -> str:
    """Return words such as "Tue 24 Nov", or "24 Nov 2026"."""
    return f"{day.day} {day:%b %Y}" if year else f"{day:%a} {day.day} {day:%b}"


# -- Who is taken ----------------------------------------------------------------------------------


def intake(listing: Listing, document: Document) -> Wording | None:
    """Return whether the service takes people now; None if nothing is known of it."""
    if listing.status != "active":
        return Wording(listing.status.capitalize(), "warning")
    if listing.intake == "paused":
        return Wording("Paused: takes nobody just now, ring to ask", "warning")
    if listing.intake == "full":
        return Wording("Full just now, ring to ask", "warning")
    free = [capacity_words(one) for one in document.get("capacities", ())]
    if free:
        return Wording(f"Takes people now: {'; '.join(free)}", "good")
    if listing.answered_by:
        return Wording("Takes people now", "good")
    return None


def number(value: float | int | None) -> str:
    return "" if value is None else f"{value:g}"


def capacity_words(capacity: Document) -> str:
    """Return words such as "2 of 8 beds free"."""
    unit = capacity.get("unit", {}).get("name", "places")
    of = f" of {number(capacity['maximum'])}" if capacity.get("maximum") is not None else ""
    return f"{number(capacity.get('available', 0))}{of} {unit} free"


# -- Hours -----------------------------------------------------------------------------------------


def clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


def opening_words(opening: Opening | None, now: datetime) -> Wording:
    """Return whether it is open or closed now, and until when."""
    if opening is None or not opening.told:
        return Wording("Hours not told, ring to ask")
    if opening.span is None:
        return Wording("Closed for now")
    opens, closes = opening.span
    if opens > now:
        return Wording(f"Closed, opens {_when(opens, now)}")
    if closes - now > AROUND_THE_CLOCK:
        return Wording("Open day and night", "good")
    return Wording(f"Open now, until {_when(closes, now)}", "good")


def _when(moment: datetime, now: datetime) -> str:
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    if local.date() == today or (
        local.date() == today + timedelta(1) and moment - now < timedelta(hours=12)
    ):
        return f"{local:%H:%M}"
    if local.date() == today + timedelta(1):
        return f"tomorrow, {local:%H:%M}"
    return f"{day_words(local.date())}, {local:%H:%M}"


class Day(NamedTuple):
    name: str  # "Today", "Tomorrow" or "Thursday"
    day: str
    hours: str  # '' if it is closed
    is_today: bool


def week(spans: Sequence[Span], now: datetime) -> list[Day]:
    """Return the seven days from today, each with its opening hours. A night belongs to the day on
    which it begins."""
    zone, today = timezone.get_current_timezone(), timezone.localtime(now).date()
    found = []
    for ahead in range(WEEK):
        day = today + timedelta(ahead)
        begin = datetime.combine(day, time(), zone)
        end = datetime.combine(day + timedelta(1), time(), zone)
        hours = ", ".join(_of_day(spans, begin, end, first=not ahead))
        name = {0: "Today", 1: "Tomorrow"}.get(ahead, f"{day:%A}")
        found.append(Day(name, f"{day.day} {day:%b}", hours, not ahead))
    return found


def is_always(days: Sequence[Day]) -> bool:
    return all(day.hours == ALL_DAY for day in days)


def _of_day(spans: Sequence[Span], begin: datetime, end: datetime, *, first: bool) -> Iterator[str]:
    for opens, closes in spans:
        if closes <= begin or opens >= end:
            continue
        overnight = closes - opens < timedelta(hours=24)
        if opens <= begin and closes >= end:
            yield ALL_DAY
        elif opens < begin:
            if first or not overnight:
                yield f"until {clock(closes)}"
        elif closes <= end or overnight:
            yield f"{clock(opens)}\N{EN DASH}{clock(closes)}".replace("00:00", "midnight")
        else:
            yield f"from {clock(opens)}"


# -- Lists in a document ---------------------------------------------------------------------------


def once(words: Iterable[str]) -> list[str]:
    """Return each word once, in order, without empty ones."""
    return [word for word in dict.fromkeys(words) if word]


def languages(document: Document) -> list[str]:
    """Return the languages spoken by the service or at one of its places."""
    rows = list(document.get("languages", ()))
    for at in document.get("service_at_locations", ()):
        rows += at.get("location", {}).get("languages", ())
    return once(row.get("name") or row.get("code", "") for row in rows)


def towns(document: Document) -> list[str]:
    """Return the towns where the service is found, three at most."""
    found = once(
        address.get("city", "")
        for at in document.get("service_at_locations", ())
        for address in at.get("location", {}).get("addresses", ())
    )
    return [*found[:3], f"and {len(found) - 3} more"] if len(found) > 3 else found


def ages(document: Document) -> str:
    """Return words such as "10 to 21 years"; '' if the service names none."""
    least, most = document.get("minimum_age"), document.get("maximum_age")
    if least and most is not None:
        return f"{number(least)} to {number(most)} years"
    if least:
        return f"{number(least)} years and over"
    return f"Up to {number(most)} years" if most is not None else ""
