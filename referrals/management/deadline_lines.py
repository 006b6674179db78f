"""An agency's deadlines as lines that `manage.py deadlines` and `manage.py agency` print."""

from collections.abc import Iterator

from permissions.models import Agency
from referrals.deadlines import due_times

STEPS = "acknowledge, accept, hand off, expire"


def deadline_lines(agency: Agency) -> Iterator[str]:
    """The durations by urgency, the hours, the holidays and the time zone that count now."""
    for urgency, own in due_times.durations(agency).items():
        yield f"{urgency}: {','.join(map(str, own))} {unit(urgency)} ({STEPS})"
    calendar = due_times.calendar(agency)
    days = [f"{day[0]:%H:%M}-{day[1]:%H:%M}" if day else "closed" for day in calendar.week]
    yield f"hours: {','.join(days)}"
    yield f"holidays: {','.join(map(str, sorted(calendar.holidays))) or 'none'}"
    yield f"time zone: {calendar.zone.key}"


def unit(urgency: str) -> str:
    """The unit in which the durations of this urgency are given."""
    return "business days" if urgency in due_times.IN_BUSINESS_DAYS else "minutes"
