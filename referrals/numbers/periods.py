"""Periods of figures: whole months, named as people and funders name them.

A period is written `2026-03` (a month), `2026-Q1` (a quarter), `2026-H1` (a half-year), `2026` (a
year), and, in the calendar of the United States government, whose year 2026 begins in October 2025,
`FY2026` and its halves `FY2026-H1` and `FY2026-H2`.
"""

import re
from datetime import date
from typing import NamedTuple

from permissions.errors import BadRequest

EARLIEST, LATEST = 2000, 2099
HOW = "A period is written 2026-03, 2026-Q1, 2026-H1, 2026, FY2026 or FY2026-H1."
_WRITTEN = re.compile(r"(FY)?(20\d\d)(?:-(\d\d|Q[1-4]|H[12]))?", re.ASCII)
# The calendars by which a year is divided, with the months of a part.
CALENDARS = {
    "month": 1,
    "quarter": 3,
    "half_year": 6,
    "year": 12,
    "federal_half_year": 6,
    "federal_year": 12,
}


class Period(NamedTuple):
    """From the first day of a month to before the first day of a later one."""

    name: str
    calendar: str
    begins: date
    ends: date

    @property
    def months(self) -> list[date]:
        """The first day of each of its months."""
        return months_between(self.begins, self.ends)

    @property
    def before(self) -> "Period":
        """The one of the same length that ends where this one begins."""
        return containing(self.calendar, shifted(self.begins, -1))


def parse(text: str) -> Period:
    """Return the period that is written so. Raises BadRequest."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise BadRequest("invalid", HOW, "period")
    federal, year, part = bool(found[1]), int(found[2]), found[3] or ""
    start = shifted(date(year, 1, 1), -3 if federal else 0)
    prefix = "federal_" if federal else ""
    if not part:
        return _period(f"{prefix}year", start)
    if part[0] == "H":
        return _period(f"{prefix}half_year", shifted(start, 6 * (int(part[1]) - 1)))
    if federal:
        raise BadRequest("invalid", HOW, "period")
    if part[0] == "Q":
        return _period("quarter", shifted(start, 3 * (int(part[1]) - 1)))
    if not 1 <= int(part) <= 12:
        raise BadRequest("invalid", HOW, "period")
    return _period("month", shifted(start, int(part) - 1))


def containing(calendar: str, month: date) -> Period:
    """Return the period of this calendar (one of CALENDARS) that has this month."""
    length = CALENDARS[calendar]
    # Counted from the calendar's own first month: a federal year begins in October.
    offset = (month.month + 2) % 12 if calendar.startswith("federal") else month.month - 1
    return _period(calendar, shifted(month, -(offset % length)))


def latest(calendar: str, this_month: date, number: int) -> list[Period]:
    """Return the latest periods of this calendar that are over when `this_month` has begun, the
    newest first."""
    found = []
    period = containing(calendar, this_month).before
    for _ in range(number):
        found.append(period)
        period = period.before
    return found


def months_between(begins: date, ends: date) -> list[date]:
    """Return the first day of each month from `begins` to before `ends`."""
    number = (ends.year - begins.year) * 12 + ends.month - begins.month
    return [shifted(begins, by) for by in range(number)]


def shifted(month: date, by: int) -> date:
    """Return the first day of the month that is `by` months later."""
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def _period(calendar: str, begins: date) -> Period:
    length = CALENDARS[calendar]
    ends = shifted(begins, length)
    federal = calendar.startswith("federal")
    year = f"FY{shifted(begins, 3).year}" if federal else f"{begins.year}"
    at = (begins.month + 2) % 12 if federal else begins.month - 1
    part = {1: f"-{begins.month:02}", 3: f"-Q{at // 3 + 1}", 6: f"-H{at // 6 + 1}", 12: ""}[length]
    return Period(f"{year}{part}", calendar, begins, ends)
