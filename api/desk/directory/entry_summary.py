"""What pages say of a directory entry, in words: how far, open or not, who is taken, when checked.

This module knows documents and rendered rows; it has no queries and no rules.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from api.desk.directory.search_form import METRES_A_MILE, language_names
from api.desk.times import day_of_month, long_day, short_day, time_of_day
from api.languages import SOURCE
from api.texts import StrOrPromise
from directory.listings import Listing
from directory.models import STATUSES
from directory.projection.opening_hours import Span
from directory.search.next_openings import Opening

Document = Mapping[str, Any]
AROUND_THE_CLOCK = timedelta(days=14)  # open for as long as this: "day and night"
WEEK = 7  # days
ALL_DAY = "day and night"
ROUGHLY = 100.0  # meters: no nearer than this is shown of a place whose point is not known


class Wording(NamedTuple):
    """A few words and their tone: good, warning, or '' for plain."""

    words: StrOrPromise
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
        distance=distance(listing.metres, listing.somewhere_in),
        languages=", ".join(languages(document)),
        places=", ".join(towns(document)),
        unchecked=unchecked_warning(listing.assured_date, now),
        takes=takes,
    )


# -- How far, and how fresh ------------------------------------------------------------------------


def distance(metres: float | None, somewhere_in: str) -> str:
    """Return words such as "1.3 mi (2.1 km)", or "somewhere in 59801, about 1.3 mi (2.1 km)"."""
    if metres is None:
        return ""
    miles, km = f"{metres / METRES_A_MILE:.1f}", f"{metres / 1000:.1f}"
    exact = gettext("{miles} mi ({km} km)").format(miles=miles, km=km)
    if not somewhere_in:
        return exact
    if metres < ROUGHLY:
        return gettext("somewhere in {code}").format(code=somewhere_in)
    return gettext("somewhere in {code}, about {distance}").format(
        code=somewhere_in, distance=exact
    )


def review_days() -> int:
    return int(settings.DIRECTORY_REVIEW_DAYS)


def review_due(checked: date | None) -> date | None:
    """Return the day by which the entry has to be checked again; None if it never was checked."""
    return checked + timedelta(review_days()) if checked else None


def unchecked_warning(checked: date | None, now: datetime) -> str:
    """Return a warning for an entry that was not checked for long; '' for a fresh one."""
    if checked is None:
        return gettext("This was never checked, or the date is unknown.")
    due = review_due(checked)
    if due and due < timezone.localtime(now).date():
        return gettext("Not checked since {day}.").format(day=day_words(checked, year=True))
    return ""


def day_words(day: date, *, year: bool = False) -> str:
    """Return words such as "Tue, Nov 24", or "Nov 24, 2026"."""
    return long_day(day) if year else short_day(day)


# -- Who is taken ----------------------------------------------------------------------------------

STATUS_WORDS = {
    "active": _("Active"),
    "inactive": _("Inactive"),
    "defunct": _("Defunct"),
    "temporarily closed": _("Temporarily closed"),
}
assert set(STATUS_WORDS) == set(STATUSES)


def intake(listing: Listing, document: Document) -> Wording | None:
    """Return whether the service takes people now; None if it does not say."""
    if listing.status != "active":
        return Wording(str(STATUS_WORDS[listing.status]), "warning")
    if listing.intake == "paused" and (until := paused_until(document)):
        words = gettext("Not accepting clients right now (until {when}). Call to check.")
        day = day_words(until, year=until.year != timezone.localtime().year)
        return Wording(words.format(when=f"{day}, {time_of_day(until)}"), "warning")
    if listing.intake == "paused":
        return Wording(_("Not accepting clients right now. Call to check."), "warning")
    if listing.intake == "full":
        return Wording(_("Full right now. Call to check."), "warning")
    free = [capacity_words(one) for one in document.get("capacities", ())]
    if free:
        return Wording(gettext("Accepting clients: {free}").format(free="; ".join(free)), "good")
    if listing.intake == "unknown":
        return Wording(_("Accepting clients? Call to ask."))
    if listing.answered_by:
        return Wording(_("Accepting clients"), "good")
    return None


def paused_until(document: Document) -> datetime | None:
    """Return when the pause ends by itself, in the active time zone; None if it has no end."""
    moment = parse_datetime(document.get("intake_paused_until") or "")
    return timezone.localtime(moment) if moment else None


def number(value: float | int | None) -> str:
    return "" if value is None else f"{value:g}"


def capacity_words(capacity: Document) -> str:
    """Return words such as "2 of 8 beds free"."""
    unit = capacity.get("unit", {}).get("name") or gettext("places")
    free, most = number(capacity.get("available", 0)), capacity.get("maximum")
    if most is None:
        return gettext("{free} {unit} free").format(free=free, unit=unit)
    return gettext("{free} of {most} {unit} free").format(free=free, most=number(most), unit=unit)


# -- Hours -----------------------------------------------------------------------------------------


def clock(moment: datetime) -> str:
    local = timezone.localtime(moment)
    return gettext("midnight") if (local.hour, local.minute) == (0, 0) else time_of_day(local)


def opening_words(opening: Opening | None, now: datetime) -> Wording:
    """Return whether it is open or closed now, and until when."""
    if opening is None or not opening.told:
        return Wording(_("Hours not listed. Call to ask."))
    if opening.span is None:
        return Wording(_("Closed for now"))
    opens, closes = opening.span
    if opens > now:
        return Wording(gettext("Closed, opens {when}").format(when=_when(opens, now)))
    if closes - now > AROUND_THE_CLOCK:
        return Wording(_("Open 24/7"), "good")
    return Wording(gettext("Open now, until {when}").format(when=_when(closes, now)), "good")


def _when(moment: datetime, now: datetime) -> str:
    local, today = timezone.localtime(moment), timezone.localtime(now).date()
    if local.date() == today or (
        local.date() == today + timedelta(1) and moment - now < timedelta(hours=12)
    ):
        return time_of_day(local)
    if local.date() == today + timedelta(1):
        return gettext("tomorrow, {time}").format(time=time_of_day(local))
    return f"{day_words(local.date())}, {time_of_day(local)}"


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
        name = (_("Today"), _("Tomorrow"))[ahead] if ahead < 2 else WEEKDAYS[day.weekday()]
        found.append(Day(str(name), day_of_month(day), hours, not ahead))
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
                yield gettext("until {time}").format(time=clock(closes))
        elif closes <= end or overnight:
            yield f"{clock(opens)}\N{EN DASH}{clock(closes)}"
        else:
            yield gettext("from {time}").format(time=clock(opens))


# -- Lists in a document ---------------------------------------------------------------------------


def once(words: Iterable[str]) -> list[str]:
    """Return each word once, in order, without empty ones."""
    return [word for word in dict.fromkeys(words) if word]


def languages(document: Document) -> list[str]:
    """Return the languages spoken by the service or at one of its places."""
    rows = list(document.get("languages", ()))
    for at in document.get("service_at_locations", ()):
        rows += at.get("location", {}).get("languages", ())
    known = language_names(get_language() or SOURCE)
    return once(
        known.get(row.get("code", "")) or row.get("name") or row.get("code", "") for row in rows
    )


def towns(document: Document) -> list[str]:
    """Return the towns where the service is found, three at most."""
    found = once(
        address.get("city", "")
        for at in document.get("service_at_locations", ())
        for address in at.get("location", {}).get("addresses", ())
    )
    return (
        [*found[:3], gettext("and {count} more").format(count=len(found) - 3)]
        if len(found) > 3
        else found
    )


def ages(document: Document) -> str:
    """Return words such as "10 to 21 years"; '' if the service names none."""
    least, most = document.get("minimum_age"), document.get("maximum_age")
    if least and most is not None:
        return gettext("{least} to {most} years").format(least=number(least), most=number(most))
    if least:
        return gettext("{least} years and over").format(least=number(least))
    if most is None:
        return ""
    return gettext("Up to {most} years").format(most=number(most))
