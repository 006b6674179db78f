"""Time zones as sources write them: names of the IANA database, what people call the zones of the
United States, and offsets from UTC. No database.
"""

import re
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

# By what people write, less "time", "standard" and "daylight". An abbreviation of the winter means
# the whole year: a place that says EST in November opens by daylight saving time in July.
_SPOKEN = {
    "America/New_York": ("et", "est", "edt", "eastern"),
    "America/Chicago": ("ct", "cst", "cdt", "central"),
    "America/Denver": ("mt", "mst", "mdt", "mountain"),
    "America/Phoenix": ("arizona",),
    "America/Los_Angeles": ("pt", "pst", "pdt", "pacific"),
    "America/Anchorage": ("akt", "akst", "akdt", "alaska"),
    "Pacific/Honolulu": ("ht", "hst", "hawaii"),
    "America/Puerto_Rico": ("puerto rico",),
    "Pacific/Guam": ("chst", "guam", "chamorro"),
}
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?(00|15|30|45))?", re.I)
_LEFT_OUT = re.compile(r"\b(?:time|standard|daylight|us|zone)\b|[/().]")
MOST_HOURS = 14


def named(text: str) -> str:
    """Return the zone's name in the IANA database; '' if the text names none."""
    bare = text.strip()
    plain = " ".join(_LEFT_OUT.sub(" ", bare.lower()).split())
    return _spoken().get(plain) or _names().get(bare.lower().replace(" ", "_"), "")


def offset(text: str) -> float | None:
    """Return the hours from UTC of "UTC-8" or "-08:00"; None if the text is nothing like it."""
    found = _OFFSET.fullmatch(text.strip())
    if not found:
        return None
    hours = int(found[2]) + int(found[3] or 0) / 60
    return (hours if found[1] == "+" else -hours) if hours <= MOST_HOURS else None


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo | None:
    """Return the zone of this name; None if the database of this machine does not have it."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not there, a folder, or no key at all
        return None


@lru_cache
def _spoken() -> dict[str, str]:
    return {said: name for name, all_said in _SPOKEN.items() for said in all_said}


@lru_cache
def _names() -> dict[str, str]:
    """The names of places, by their lower case; not those without one, such as "Factory"."""
    return {name.lower(): name for name in available_timezones() if "/" in name} | {"utc": "UTC"}
