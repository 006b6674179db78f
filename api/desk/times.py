"""Times in words for people, in the active (the agency's) time zone."""

from datetime import date, datetime, time, timedelta

from babel import Locale
from babel.dates import format_skeleton
from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext


def time_left(left: timedelta) -> str:
    """Return words such as "12 min left" or "3 min overdue"."""
    late = left <= timedelta(0)
    minutes = int(abs(left).total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60
    if minutes < 1:
        return gettext("due now") if late else gettext("less than a minute left")
    if days >= 2:
        length = ngettext("{days} day", "{days} days", days).format(days=days)
    elif hours >= 1:
        length = gettext("{hours} h {minutes} min").format(hours=hours, minutes=minutes % 60)
    else:
        length = gettext("{minutes} min").format(minutes=minutes)
    frame = gettext("{time} overdue") if late else gettext("{time} left")
    return frame.format(time=length)


def clock_words() -> dict[str, str]:
    """Return the same words for the script that makes times move (static/desk/desk.js)."""
    return {
        "left": gettext("{time} left"),
        "overdue": gettext("{time} overdue"),
        "due-now": gettext("due now"),
        "soon": gettext("less than a minute left"),
        "minutes": gettext("{minutes} min"),
        "hours": gettext("{hours} h {minutes} min"),
        "days": ngettext("{days} day", "{days} days", 2),
    }


def clock_time(moment: datetime, now: datetime) -> str:
    """Return the moment in the active (the agency's) time zone: "2:45 a.m. MST", with the day if it
    is not today: "Fri, Dec 4, 11:07 a.m. MST"."""
    local, today = localtime(moment), localtime(now)
    time = f"{time_of_day(local)} {local:%Z}"
    if local.date() == today.date():
        return time
    same_year = local.year == today.year
    return f"{short_day(local) if same_year else long_day(local)}, {time}"


def time_of_day(local: datetime | time, *, seconds: bool = False) -> str:
    """Return words such as "2:45 a.m."."""
    half = gettext("p.m.") if local.hour >= 12 else gettext("a.m.")
    clock = f"{local.hour % 12 or 12}:{local:%M}" + (f":{local:%S}" if seconds else "")
    return f"{clock}\N{NO-BREAK SPACE}{half}"


def short_day(day: date) -> str:
    """Return words such as "Tue, Nov 24", as the active language writes them."""
    return _day(day, "MMMEd")


def long_day(day: date) -> str:
    """Return words such as "Nov 24, 2026"."""
    return _day(day, "yMMMd")


def month_and_year(day: date) -> str:
    """Return words such as "October 2026"."""
    return _day(day, "yMMMM")


def day_of_month(day: date) -> str:
    """Return words such as "Nov 24"."""
    return _day(day, "MMMd")


def _day(day: date, skeleton: str) -> str:
    plain = date(day.year, day.month, day.day)
    locale = Locale.parse(get_language() or "en", sep="-")
    return str(format_skeleton(skeleton, plain, locale=locale))


def localtime(moment: datetime) -> datetime:
    """Return the moment in the active time zone, or unchanged at an end of the calendar."""
    try:
        return timezone.localtime(moment)
    except (OverflowError, ValueError):
        return moment


def day_and_time(moment: datetime, *, seconds: bool = False) -> str:
    """Return the moment with its day and year: "Nov 24, 2026, 2:45 a.m. MST"."""
    local = localtime(moment)
    return f"{long_day(local)}, {time_of_day(local, seconds=seconds)} {local:%Z}"


def log_time(moment: datetime) -> str:
    """Return the moment for the log's reader: "Nov 24, 2026, 2:45:07 a.m. MST"."""
    return day_and_time(moment, seconds=True)
