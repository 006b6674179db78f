"""Reads one column of a source file as the type in the standard, and notes what it mended.

Pure functions: text in, value out. A value that cannot be read is left out with a note, never
guessed; what a person would read without a doubt ("9:00am", "www.example.org") is corrected.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TypeAlias
from uuid import UUID

from directory.hsds.schema import Kind
from directory.models import PLACES, STATUSES
from permissions import displayed_text

Value: TypeAlias = (
    str | int | float | bool | Decimal | date | time | datetime | UUID | list[str] | None
)


@dataclass(frozen=True, slots=True)
class Coerced:
    """A column's value; `note` says what was corrected or left out, '' if it was clean."""

    value: Value
    note: str = ""


NOTHING_SAID = {"", "n/a", "na", "none", "null", "nan", "-", "--"}
EMAIL = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+\.[^\s@<>(),;:\".]{2,}")
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?::\d+)?(?:[/?#]\S*)?", re.I)
URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s<>\"{}|\\^`]+", re.I)
TIME = re.compile(
    r"(\d{1,2})(?:[:.h]?(\d{2}))?(?::(\d{2})(?:\.\d+)?)?\s*([ap])?\.?m?\.?"
    r"\s*(?:z|[+-]\d{2}:?\d{2})?",
    re.I,
)
EXTENSION = re.compile(r"[\s,;]*(?:extension|ext\.?|x\.?|#)\s*(\d+)\s*$", re.I)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
YES = {"1", "true", "t", "yes", "y"}
NO = {"0", "false", "f", "no", "n"}


def text(raw: str) -> Coerced:
    """Read text without what cannot be seen; it keeps surrounding spaces and line breaks."""
    if raw.isascii() and raw.isprintable():
        return Coerced(raw)
    clean, composed = displayed_text.cleaned(raw), unicodedata.normalize("NFC", raw)
    return Coerced(clean, "invisible characters left out" if clean != composed else "")


def email(raw: str) -> Coerced:
    """Read an email address; removes `mailto:` and surrounding marks, refuses anything else."""
    if EMAIL.fullmatch(raw):
        return Coerced(raw)
    bare = raw.removeprefix("mailto:").strip("<> .;,")
    if EMAIL.fullmatch(bare):
        return Coerced(bare, "taken without what stood around it")
    return Coerced("", "not an e-mail address, left out")


def url(raw: str) -> Coerced:
    """Read an absolute URL; a bare host gets https://, spaces are encoded."""
    if URL.fullmatch(raw):
        return Coerced(raw)
    joined = raw.replace(" ", "%20")
    if URL.fullmatch(joined) and HOST.match(joined.split("://", 1)[1]):
        return Coerced(joined, "spaces encoded")
    if HOST.fullmatch(raw):
        return Coerced(f"https://{raw}", "https:// put before it")
    return Coerced("", "not a URL, left out")


def day(raw: str) -> Coerced:
    """Read a date in ISO 8601 or a US form."""
    try:
        return Coerced(date.fromisoformat(raw))
    except ValueError:
        pass
    for shape in ("%Y-%m-%dT%H:%M:%S", "%m/%d/%Y", "%m/%d/%y", "%B %d, %Y", "%b %d, %Y", "%Y%m%d"):
        try:
            found = datetime.strptime(raw.split(".")[0].removesuffix("Z"), shape).date()
        except ValueError:
            continue
        return Coerced(found, "written as a date")
    return Coerced(None, "not a date, left out")


def time_of_day(raw: str) -> Coerced:
    """Read a local time of day; corrects "9:00am", "9 AM", "noon" and "24:00"."""
    words = {"noon": time(12), "midday": time(12), "midnight": time(0), "24:00": time(0)}
    if found := words.get(raw.lower().removeprefix("12 ").strip()):
        return Coerced(found, "written as a time")
    match = TIME.fullmatch(raw)
    if not match:
        return Coerced(None, "not a time, left out")
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    if half := (match[4] or "").lower():
        if not 1 <= hour <= 12:
            return Coerced(None, "not a time, left out")
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        found = time(hour, minute, second)
    except ValueError:
        return Coerced(None, "not a time, left out")
    clean = raw in (found.strftime("%H:%M"), found.strftime("%H:%M:%S"))
    return Coerced(found, "" if clean else "written as a time")


def moment(raw: str) -> Coerced:
    """Read a moment in UTC; one without a zone is taken as UTC, a date as its midnight."""
    try:
        found = datetime.fromisoformat(raw.replace("Z", "+00:00"))
    except ValueError:
        read = day(raw)
        if not isinstance(read.value, date):
            return Coerced(None, "not a moment, left out")
        found = datetime.combine(read.value, time())
    if not 1 < found.year < 9999:  # some write "never" so: no date in some zones
        return Coerced(None, "not a moment, left out")
    if found.tzinfo is None:
        return Coerced(found.replace(tzinfo=UTC), "taken as UTC")
    return Coerced(found.astimezone(UTC))


def number(raw: str) -> Coerced:
    """Read a decimal number; commas between thousands are removed."""
    try:
        found = float(raw.replace(",", "")) if re.fullmatch(r"[-+\d.,eE]+", raw) else None
    except ValueError:
        found = None
    if found is None or abs(found) > 1e15:
        return Coerced(None, "not a number, left out")
    return Coerced(found)


def whole(raw: str) -> Coerced:
    """Read a whole number, or the year from a sentence that contains just one."""
    if re.fullmatch(r"[-+]?\d{1,9}", raw):
        return Coerced(int(raw))
    read = number(raw)
    if isinstance(read.value, float) and read.value == int(read.value) and abs(read.value) < 1e9:
        return Coerced(int(read.value))
    if years := re.findall(r"\b(?:1[6-9]|20)\d{2}\b", raw):
        return (
            Coerced(int(years[0]), "only the year taken")
            if len(years) == 1
            else Coerced(None, "left out")
        )
    return Coerced(None, "not a whole number, left out")


def amount(raw: str) -> Coerced:
    """Read an amount of money to the cent, without its currency sign."""
    bare = raw.strip("$£€ ").replace(",", "")
    try:
        found = Decimal(bare).quantize(Decimal("0.01"))
    except InvalidOperation:
        return Coerced(None, "not an amount, left out")
    if not found.is_finite() or abs(found) >= Decimal("1e10"):
        return Coerced(None, "not an amount, left out")
    return Coerced(found, "" if bare == raw else "taken without its sign")


def flag(raw: str) -> Coerced:
    """Read yes or no. Anything else counts as yes, since the flags protect people."""
    word = raw.lower()
    if word in YES | NO:
        return Coerced(word in YES)
    return Coerced(True, "neither yes nor no: taken as yes")


def words(raw: str) -> Coerced:
    """Read words separated by commas, semicolons or bars, also in braces as PostgreSQL writes."""
    return Coerced([part.strip() for part in re.split(r"[,;|]", raw.strip("{}")) if part.strip()])


def status(raw: str) -> Coerced:
    """Read a service's status; a word the standard does not have is taken as inactive."""
    word = raw.lower().replace("_", " ")
    known = {"temporarily closed", *STATUSES}
    if word in known:
        return Coerced(word, "" if word == raw else "written as in the standard")
    if word in {"closed", "deleted", "archived"}:
        return Coerced("defunct", "written as in the standard")
    return Coerced("inactive", "not a status of the standard: taken as inactive")


def place(raw: str) -> Coerced:
    """Read a location's type; a word the standard does not have is taken as physical."""
    word = raw.lower()
    if word in PLACES:
        return Coerced(word, "" if word == raw else "written as in the standard")
    return Coerced("physical", "not a type of the standard: taken as physical")


def phone(raw: str) -> Coerced:
    """Read a number as people write it; letters may spell it, but it needs three digits."""
    if sum(character.isdigit() for character in raw) < 3:
        return Coerced("", "no telephone number")
    return Coerced(raw)


def split_phone(raw: str) -> list[tuple[str, str]]:
    """(number, extension) of each number in a cell like "555-0100 x 12 or 555-0101"."""
    found = []
    for part in re.split(r"\s*(?:;|\bor\b|/(?=\s*[(\d]))\s*", raw):
        extension = EXTENSION.search(part)
        bare = part[: extension.start()] if extension else part
        if sum(character.isdigit() for character in bare) >= 3:
            found.append((bare.strip(" ,"), extension[1] if extension else ""))
    return found


def extension(raw: str) -> Coerced:
    """Read digits only, since the standard has a number here; a leading 0 is refused, since it
    would be lost."""
    bare = raw.lower().removeprefix("ext").strip(" .x#")
    if re.fullmatch(r"0|[1-9]\d{0,8}", bare):
        return Coerced(bare, "" if bare == raw else "taken without the word before it")
    return Coerced("", "not a number, left out")


def weekday(raw: str) -> Coerced:
    """Read one day in RRULE's form (RFC 5545); corrects "Monday", "Mon" and 1 … 7."""
    word = raw.strip().upper()
    if word in DAYS:
        return Coerced(word)
    if word in {"1", "2", "3", "4", "5", "6", "7"}:
        return Coerced(DAYS[int(word) - 1], "taken as a day, Monday being 1")
    if word[:2] in DAYS and word.isalpha():
        return Coerced(word[:2])
    return Coerced("", "not a day of the week, left out")


def frequency(raw: str) -> Coerced:
    """Read WEEKLY or MONTHLY, in RRULE's form (RFC 5545)."""
    word = raw.upper()
    if word in {"WEEKLY", "MONTHLY"}:
        return Coerced(word, "" if word == raw else "written as in the standard")
    return Coerced("", "not a frequency of the standard, left out")


READERS: Mapping[Kind, Callable[[str], Coerced]] = {
    Kind.TEXT: Coerced,
    Kind.EMAIL: email,
    Kind.URL: url,
    Kind.DATE: day,
    Kind.TIME: time_of_day,
    Kind.MOMENT: moment,
    Kind.WHOLE: whole,
    Kind.NUMBER: number,
    Kind.AMOUNT: amount,
    Kind.FLAG: flag,
    Kind.LIST: words,
    Kind.STATUS: status,
    Kind.PLACE: place,
    Kind.PHONE: phone,
    Kind.EXTENSION: extension,
    Kind.WEEKDAYS: weekday,
    Kind.FREQUENCY: frequency,
}


def read(kind: Kind, raw: str) -> Coerced | None:
    """Read one cell; None if it says nothing ('', and "n/a" in columns other than text)."""
    if not raw:
        return None
    clean = text(raw)
    assert isinstance(clean.value, str)
    bare = clean.value.strip()
    if not bare:
        return None
    if kind is Kind.TEXT:
        return clean
    if bare.lower() in NOTHING_SAID:
        return None
    found = READERS[kind](bare)
    return Coerced(found.value, found.note or clean.note) if clean.note else found


def read_line(kind: Kind, raw: str) -> Coerced | None:
    """Read like read(), without surrounding spaces: for names."""
    found = read(kind, raw)
    if found is None or not isinstance(found.value, str) or found.value == found.value.strip():
        return found
    return Coerced(found.value.strip(), found.note or "space around it left out")
