"""Reads one value of an edited entry. What an import would mend is refused here, with the reason.

The readers are the importer's (directory/importing/coercion.py). Anything they correct or leave out
is a fault, since the editor can correct it themselves.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from urllib.parse import urlsplit

from directory import time_zones
from directory.hsds.schema import Kind
from directory.importing import coercion
from directory.importing.coercion import Value
from directory.projection import opening_hours
from directory.vocabulary import VICTIMIZATION_TYPES
from permissions import displayed_text

MOST_CHARACTERS = 20_000  # in a text
MOST_IN_LINE = 500  # in a name, an address, a URL
MARKUP = re.compile(r"<[a-z/!?]", re.I)
_TRIMMED = "space around it left out"
_NUMBERS = {Kind.NUMBER, Kind.AMOUNT, Kind.WHOLE}
_LONG = {"description", "safe_contact_notes", "details", "notes", "extent"}


class Fault(Exception):
    """The value is refused; the message says why, without the value."""


def read_value(table: str, column: str, kind: Kind, raw: object) -> Value:
    """Read a column's value from the document's. Raises Fault."""
    if kind is Kind.FLAG:
        if not isinstance(raw, bool):
            raise Fault("true or false is needed")
        return raw
    if kind is Kind.LIST:
        return _words(column, raw)
    if kind in _NUMBERS or (kind is Kind.EXTENSION and not isinstance(raw, str)):
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise Fault("a number is needed")
        raw = repr(int(raw) if raw == int(raw) else raw)
    if not isinstance(raw, str):
        raise Fault("a text is needed")
    most = MOST_CHARACTERS if kind is Kind.TEXT and is_long(column) else MOST_IN_LINE
    if len(raw) > most:
        raise Fault(f"at most {most} characters")
    raw = displayed_text.normalized(raw)
    lines = kind is Kind.TEXT and "name" not in column
    if fault := displayed_text.fault_of(raw, lines=lines):
        raise Fault(fault.rstrip("."))
    found = coercion.read(kind, raw)
    if found is None:
        raise Fault("it says nothing: leave it out")
    if found.note not in ("", _TRIMMED):
        raise Fault(found.note.removesuffix(", left out"))
    if kind is Kind.URL:
        _safe(str(found.value))
    if kind in (Kind.TEXT, Kind.PHONE) and MARKUP.search(str(found.value)):
        raise Fault("text without markup is needed")
    return found.value


def is_long(column: str) -> bool:
    """Return whether a text of this column may have MOST_CHARACTERS. No database."""
    return column in _LONG or column.endswith(("_description", "_process", "_value"))


def _safe(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Fault("an http or https URL is needed")


def _words(column: str, raw: object) -> list[str]:
    if not isinstance(raw, list) or not all(isinstance(one, str) for one in raw):
        raise Fault("a list of codes is needed")
    if column == "victimization_types" and not set(raw) <= set(VICTIMIZATION_TYPES):
        raise Fault("a code that is not of the taxonomy of victimization")
    if len(set(raw)) != len(raw):
        raise Fault("a code is given more than once")
    return [str(one) for one in raw]


# -- Faults between columns -----------------------------------------------------------------------


def find_row_fault(table: str, values: Mapping[str, object], today: date) -> tuple[str, str] | None:
    """The fault of a row as a whole: (column, why), or None. `values` are all its fields."""
    for column, low, high in _RANGES.get(table, ()):
        number = values.get(column)
        if isinstance(number, int | float) and not low <= number <= high:
            return column, f"from {low} to {high}"
    for first, last in _ORDERED.get(table, ()):
        one, other = values.get(first), values.get(last)
        if one is not None and other is not None and other < one:  # type: ignore[operator]
            return last, f"before {first}"
    if table == "location" and (values["latitude"] is None) != (values["longitude"] is None):
        return "latitude", "latitude and longitude belong together"
    assured = values.get("assured_date")
    if isinstance(assured, date) and assured > today:
        return "assured_date", "in the future"
    for column, value in values.items():
        if isinstance(value, date) and value.year < EARLIEST:
            return column, f"a date before {EARLIEST}"
    if table == "schedule":
        return _schedule(values, today)
    if table == "holiday_schedule" and values["closed"] and values["opens_at"]:
        return "opens_at", "it is closed on these days"
    return None


_RANGES: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "service": (("minimum_age", 0, 150), ("maximum_age", 0, 150)),
    "location": (("latitude", -90, 90), ("longitude", -180, 180)),
    "schedule": (("timezone", -14, 14), ("interval", 1, 366), ("count", 1, 10_000)),
    "service_capacity": (("available", 0, 1e6), ("maximum", 0, 1e6)),
    "cost_option": (("amount", 0, 1e9),),
    "organization": (("year_incorporated", 1500, 2200),),
}
_ORDERED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "service": (("minimum_age", "maximum_age"),),
    "schedule": (("valid_from", "valid_to"), ("dtstart", "until")),
    "holiday_schedule": (("start_date", "end_date"),),
    "cost_option": (("valid_from", "valid_to"),),
    "service_capacity": (("available", "maximum"),),
}
EARLIEST = 1900  # some sources write earlier dates for "never" or "every year"
_DAY = re.compile(r"[+-]?[1-5]?(MO|TU|WE|TH|FR|SA|SU)")
_LISTS = {"bymonthday": 31, "byyearday": 366, "byweekno": 53}  # numbers from -n to n, except 0


def _schedule(values: Mapping[str, object], today: date) -> tuple[str, str] | None:
    """The fault of a schedule's rule, if it cannot be expanded (RFC 5545, section 3.3.10)."""
    name = str(values["time_zone"])
    if name and time_zones.named(name) != name:
        return "time_zone", "a name as the IANA database has it, for example America/Denver"
    byday = str(values["byday"]).replace(" ", "")
    if byday and not all(_DAY.fullmatch(part) for part in byday.split(",")):
        return "byday", "not days as an RRULE writes them, for example MO,2TU,-1FR"
    for column, most in _LISTS.items():
        text = str(values[column]).replace(" ", "")
        if text and not all(
            re.fullmatch(r"[+-]?\d{1,3}", part) and 0 < abs(int(part)) <= most
            for part in text.split(",")
        ):
            return column, f"numbers from -{most} to {most}"
    if values["count"] and values["until"]:
        return "count", "count or until, not both"
    begins = values["dtstart"]
    if values["count"] and isinstance(begins, date) and today - begins > opening_hours.LONGEST:
        return "count", "counted from more than ten years ago: say without it when it is open"
    opens, closes = values["opens_at"], values["closes_at"]
    if closes is not None and opens is None:
        return "opens_at", "it closes and never opens"
    if isinstance(opens, time) and not opening_hours.can_expand(values):
        return "freq", "a rule that can be expanded is needed"
    return None


def network_date(now: datetime) -> date:
    """The date in the network's time zone; an assurance may not be later."""
    return now.astimezone(opening_hours.zone_of(None, now.date())).date()
