"""Three lists of a service as rows of a form, and back: numbers, hours, and days unlike others.

A row that the form is too simple for is kept as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.forms import PRIVATE, Text, listed
from api.texts import StrOrPromise

Document = dict[str, Any]
LINE, TEXT = 500, 20_000  # characters, as the domain takes them
DAYS = {
    "MO": _("Mon"),
    "TU": _("Tue"),
    "WE": _("Wed"),
    "TH": _("Thu"),
    "FR": _("Fri"),
    "SA": _("Sat"),
    "SU": _("Sun"),
}
PHONE_TYPES = [
    ("voice", _("Voice")),
    ("hotline", _("Hotline")),
    ("text", _("Text messages")),
    ("fax", _("Fax")),
    ("tty", _("TTY")),
]


def line(label: StrOrPromise, hint: StrOrPromise = "", most: int = LINE, **attrs: str) -> Text:
    return Text(
        label=label,
        help_text=hint,
        max_length=most,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | attrs),
    )


def text(label: StrOrPromise, hint: StrOrPromise = "") -> Text:
    return Text(
        label=label,
        help_text=hint,
        max_length=TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


def _time(label: StrOrPromise) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


def _date(label: StrOrPromise) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget)


class Rows(NamedTuple):
    """A list of the document in the form: its fields, and whether a row is simple enough to be
    shown. A row whose field `key` is empty is removed, or is not added."""

    title: StrOrPromise
    one: StrOrPromise
    key: str
    fields: Callable[[], dict[str, forms.Field]]
    fits: Callable[[Document], bool]
    fresh: Mapping[str, Any]  # of a new row


def _phone() -> dict[str, forms.Field]:
    return {
        "number": line(_("Number"), _("Leave blank to remove."), type="tel"),
        "extension": line(_("Extension"), most=9, inputmode="numeric"),
        "type": listed([("", _("Not stated")), *PHONE_TYPES], _("Kind"), required=False),
        "description": line(_("What it is for"), _("For example: intake, 24/7.")),
    }


def _hours() -> dict[str, forms.Field]:
    return {
        "byday": forms.MultipleChoiceField(
            choices=list(DAYS.items()),
            label=_("Days"),
            required=False,
            widget=forms.CheckboxSelectMultiple,
        ),
        "opens_at": _time(_("Opens")),
        "closes_at": _time(_("Closes")),
        "description": line(_("Note"), _("All day: 00:00 to 23:59. Choose no day to remove.")),
    }


def _holiday() -> dict[str, forms.Field]:
    return {
        "start_date": _date(_("First day")),
        "end_date": _date(_("Last day")),
        "opens_at": _time(_("Opens")),
        "closes_at": _time(_("Closes")),
        "description": line(
            _("Note"), _("No opening time means closed. Leave the first day blank to remove.")
        ),
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
    "phones": Rows(_("Phone"), _("Number"), "number", _phone, lambda row: True, {}),
    "schedules": Rows(_("Hours"), _("Hours"), "byday", _hours, is_simple, {"freq": "WEEKLY"}),
    "holiday_schedules": Rows(
        _("Holidays and closures"), _("Days"), "start_date", _holiday, lambda row: True, {}
    ),
}
BLANK = 2  # empty rows to fill in


def offer(field: forms.Field, value: str) -> None:
    """Offer the kinds of phone. A kind that is in the entry and not in our list stays what it
    is."""
    assert isinstance(field, forms.ChoiceField)
    if value not in dict(PHONE_TYPES):
        field.choices = [*([(value, value)] if value else []), ("", _("Not stated")), *PHONE_TYPES]


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
        return gettext("nothing")
    return f"{value:g}" if isinstance(value, float) else str(value)


def says(member: str, row: Document) -> str:
    opens, closes = str(row.get("opens_at", ""))[:5], str(row.get("closes_at", ""))[:5]
    times = f"{opens}\N{EN DASH}{closes}" if opens else ""
    if member == "phones":
        extension = (
            gettext("ext. {number}").format(number=row["extension"]) if row.get("extension") else ""
        )
        parts: Sequence[str] = (row["number"], extension, row.get("type", ""))
    elif member == "schedules":
        days = " ".join(str(DAYS.get(day, day)) for day in str(row.get("byday", "")).split(","))
        rule = (
            "" if is_simple(row) else f"{row.get('freq', '')} {row.get('bymonthday', '')}".strip()
        )
        parts = (days, times, rule.lower())
    else:
        first, last = row["start_date"], row["end_date"]
        parts = (
            first if first == last else gettext("{first} to {last}").format(first=first, last=last),
            times or gettext("closed"),
        )
    note = f": {row['description']}" if row.get("description") else ""
    return " ".join(part for part in parts if part) + note
