"""Three lists of a service as rows of a form, and back: numbers, hours, and days unlike others.

A row that the form is too simple for is kept as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any, NamedTuple

from django import forms

from api.desk.forms import PRIVATE, listed

Document = dict[str, Any]
LINE, TEXT = 500, 20_000  # characters, as the domain takes them
DAYS = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}
PHONE_TYPES = [
    ("voice", "Voice"),
    ("hotline", "Hotline"),
    ("text", "Text messages"),
    ("fax", "Fax"),
    ("tty", "TTY"),
]


def line(label: str, hint: str = "", most: int = LINE, **attrs: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=most,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | attrs),
    )


def text(label: str, hint: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


def _time(label: str) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


def _date(label: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget)


class Rows(NamedTuple):
    """A list of the document in the form: its fields, and whether a row is simple enough to be
    shown. A row whose field `key` is empty is removed, or is not added."""

    title: str
    one: str
    key: str
    fields: Callable[[], dict[str, forms.Field]]
    fits: Callable[[Document], bool]
    fresh: Mapping[str, Any]  # of a new row


def _phone() -> dict[str, forms.Field]:
    return {
        "number": line("Number", "Empty: it is taken away.", type="tel"),
        "extension": line("Extension", most=9, inputmode="numeric"),
        "type": listed([("", "Not said"), *PHONE_TYPES], "Kind", required=False),
        "description": line("What it is for", "For example: intake, day and night."),
    }


def _hours() -> dict[str, forms.Field]:
    return {
        "byday": forms.MultipleChoiceField(
            choices=list(DAYS.items()),
            label="Days",
            required=False,
            widget=forms.CheckboxSelectMultiple,
        ),
        "opens_at": _time("Opens"),
        "closes_at": _time("Closes"),
        "description": line("Note", "All day: 00:00 to 23:59. No day ticked: it is taken away."),
    }


def _holiday() -> dict[str, forms.Field]:
    return {
        "start_date": _date("First day"),
        "end_date": _date("Last day"),
        "opens_at": _time("Opens"),
        "closes_at": _time("Closes"),
        "description": line("Note", "No opening time: closed. No first day: it is taken away."),
    }


def is_simple(schedule: Document) -> bool:
    """Return whether the form can express the schedule's rule: every week, on these days."""
    days = str(schedule.get("byday", "")).replace(" ", "").split(",")
    rule = ("byweekno", "bymonthday", "byyearday", "count", "until", "dtstart")
    return (
        set(days) <= set(DAYS)
        and schedule.get("freq", "WEEKLY") == "WEEKLY"
        and schedule.get("interval", 1) == 1
        and not any(schedule.get(name) for name in rule)
    )


LISTS = {
    "phones": Rows("Telephone", "Number", "number", _phone, lambda row: True, {}),
    "schedules": Rows("Hours", "Hours", "byday", _hours, is_simple, {"freq": "WEEKLY"}),
    "holiday_schedules": Rows("Not as usual", "Days", "start_date", _holiday, lambda row: True, {}),
}
BLANK = 2  # empty rows to fill in


def offer(field: forms.Field, value: str) -> None:
    """Offer the kinds of phone. A kind that is in the entry and not in our list stays what it
    is."""
    assert isinstance(field, forms.ChoiceField)
    if value not in dict(PHONE_TYPES):
        field.choices = [*([(value, value)] if value else []), ("", "Not said"), *PHONE_TYPES]


def initial(name: str, row: Document) -> Any:
    value = row.get(name, "")
    if name == "byday":
        return [day for day in str(value).replace(" ", "").split(",") if day]
    if name in ("opens_at", "closes_at"):
        return str(value)[:5]
    return value


def plain(name: str, value: Any, before: Any) -> Any:
    """Return the value as the document writes it, or as it was written if the meaning is the
    same."""
    match value:
        case time():
            return before if str(before)[:5] == f"{value:%H:%M}" else f"{value:%H:%M:%S}"
        case date():
            return value.isoformat()
        case list():
            was = str(before or "").replace(" ", "").split(",")
            return before if set(was) == set(value) else ",".join(d for d in DAYS if d in value)
        case str() if name == "extension" and value.isdecimal():
            return int(value)
    return value


def shown(value: Any) -> str:
    if value in ("", None):
        return "nothing"
    return f"{value:g}" if isinstance(value, float) else str(value)


def says(member: str, row: Document) -> str:
    opens, closes = str(row.get("opens_at", ""))[:5], str(row.get("closes_at", ""))[:5]
    times = f"{opens}\N{EN DASH}{closes}" if opens else ""
    if member == "phones":
        extension = f"ext. {row['extension']}" if row.get("extension") else ""
        parts: Sequence[str] = (row["number"], extension, row.get("type", ""))
    elif member == "schedules":
        days = " ".join(DAYS.get(day, day) for day in str(row.get("byday", "")).split(","))
        rule = (
            "" if is_simple(row) else f"{row.get('freq', '')} {row.get('bymonthday', '')}".strip()
        )
        parts = (days, times, rule.lower())
    else:
        first, last = row["start_date"], row["end_date"]
        parts = (first if first == last else f"{first} to {last}", times or "closed")
    note = f": {row['description']}" if row.get("description") else ""
    return " ".join(part for part in parts if part) + note
