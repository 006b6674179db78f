"""Rotas as iCalendar (RFC 5545): what a calendar reads, and a file of shifts that is read.

A shift of a file is an event whose title is a member's name, alone or after "First:", "Second:" or
"Away:". Times without a zone are the agency's. Nothing is guessed: an event that is not
understood is a fault, named with its number, and a file with a fault changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from permissions.errors import BadRequest, Refused
from referrals.on_call import changes
from referrals.on_call.who_is_on import Shift, Span

LONGEST_FILE = 200_000  # characters
MOST_EVENTS = changes.MOST_SHIFTS
_KINDS = {"first": "first", "on call": "first", "second": "second", "away": "away"}


class Line(NamedTuple):
    """One event of a file: the shift it is, or what is wrong with it."""

    number: int
    title: str
    shift: Shift | None
    fault: str


def written(title: str, of: UUID, spans: Iterable[Span], names: Mapping[UUID, str]) -> bytes:
    """Return a calendar with an event for each person and span. The same spans are the same bytes.
    `of`: the agency, from which the events' ids are made."""
    calendar = Calendar()
    calendar.add("prodid", "-//Cairn//on call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", title)
    for span in spans:
        for kind, member_id in (("First", span.on.first), ("Second", span.on.second)):
            if member_id is not None and member_id in names:
                event = Event()
                event.add("uid", str(uuid5(of, f"{span.begins_at.isoformat()} {kind}")))
                event.add("dtstamp", span.begins_at)
                event.add("dtstart", span.begins_at)
                event.add("dtend", span.ends_at)
                event.add("summary", f"{kind}: {names[member_id]}")
                event.add("transp", "TRANSPARENT")
                calendar.add_component(event)
    return bytes(calendar.to_ical())


def read(text: str, names: Mapping[UUID, str], zone: ZoneInfo, now: datetime) -> list[Line]:
    """Return the events of a file in order, each with its shift or its fault. Raises BadRequest if
    it is no calendar, or too long."""
    if len(text) > LONGEST_FILE:
        raise BadRequest("invalid", "This file is too long.", "/file")
    try:
        calendars = Calendar.from_ical(text, multiple=True)
        events = [event for one in calendars for event in one.walk("VEVENT")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise BadRequest("invalid", "This is not a calendar file (.ics).", "/file") from None
    if not events:
        raise BadRequest("invalid", "This file has no events.", "/file")
    if len(events) > MOST_EVENTS:
        raise BadRequest("invalid", "This file has too many events.", "/file")
    return list(_lines(events, names, zone, now))


def _lines(
    events: Iterable[Any], names: Mapping[UUID, str], zone: ZoneInfo, now: datetime
) -> Iterator[Line]:
    by_name: dict[str, list[UUID]] = {}
    for member_id, name in names.items():
        by_name.setdefault(_plain(name), []).append(member_id)
    for number, event in enumerate(events, 1):
        title = str(event.get("summary", ""))[:200]
        try:
            shift = _shift(event, title, by_name, zone)
            changes.check(shift, now)
        except Refused as error:
            yield Line(number, title, None, error.detail)
        else:
            yield Line(number, title, shift, "")


def _shift(event: Any, title: str, by_name: Mapping[str, list[UUID]], zone: ZoneInfo) -> Shift:
    if any(event.get(name) is not None for name in ("rrule", "rdate", "exdate", "recurrence-id")):
        raise BadRequest("invalid", "It repeats. Export each shift as an event of its own.")
    word, colon, rest = title.partition(":")
    kind = _KINDS.get(_plain(word)) if colon else "first"
    if kind is None:
        raise BadRequest("invalid", "The title begins with none of First, Second and Away.")
    found = by_name.get(_plain(rest if colon else title), [])
    if len(found) != 1:
        raise BadRequest("invalid", "The title is not the name of one worker or lead.")
    try:
        begins, ends = event.start, event.end
    except (KeyError, ValueError, TypeError, AttributeError):
        raise BadRequest("invalid", "It has no beginning or no end.") from None
    return Shift(found[0], kind, _moment(begins, zone), _moment(ends, zone))


def _moment(given: Any, zone: ZoneInfo) -> datetime:
    """Return the moment in UTC; of a date, its first one in the agency's zone."""
    try:
        if isinstance(given, datetime):
            return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)
        if isinstance(given, date):
            return datetime.combine(given, time(), zone).astimezone(UTC)
    except (OverflowError, ValueError):
        pass
    raise BadRequest("invalid", "It has no beginning or no end.")


def _plain(words: str) -> str:
    return " ".join(words.split()).casefold()
