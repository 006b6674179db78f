"""The form of an agency's settings. A blank group means the network's own value."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.agency.words import WEEKDAYS
from api.desk.forms import PRIVATE, DeskForm, Group, Text, one_of
from permissions.models import Agency
from referrals.deadlines import due_times
from referrals.deadlines.agency_settings import MOST_HOLIDAYS, RETENTION
from referrals.deadlines.due_times import DURATIONS, IN_BUSINESS_DAYS, LONGEST, Durations

URGENCIES = {
    "emergency": _("Deadlines: emergency"),
    "urgent": _("Deadlines: urgent"),
    "routine": _("Deadlines: routine"),
}
STEPS = {
    "ack": _("Look at it"),
    "accept": _("Accept or decline"),
    "handoff": _("Hand-off after the accept"),
    "expires": _("It expires"),
}
ZONES = (
    *("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix"),
    *("America/Los_Angeles", "America/Anchorage", "America/Adak", "Pacific/Honolulu"),
    *("America/Puerto_Rico", "Pacific/Guam", "Pacific/Pago_Pago"),
)
TAKES = [
    ("yes", _("Yes: other agencies send them here")),
    (
        "no",
        _("No: by phone only. None is sent to us; people who find us are asked to call"),
    ),
]


def unit_words(urgency: str) -> str:
    return gettext("business days") if urgency in IN_BUSINESS_DAYS else gettext("minutes")


class SettingsForm(DeskForm):
    """`changes()`: what was entered, as the settings are stored."""

    seen = forms.CharField(widget=forms.HiddenInput)
    takes_notices = one_of(TAKES, _("Do you take referrals in Cairn?"))
    time_zone = Text(
        label=_("Time zone"),
        help_text=_("A name such as America/Denver. Your hours and deadlines are counted in it."),
        widget=forms.TextInput(attrs=PRIVATE | {"list": "zones"}),
    )
    holidays = Text(
        required=False,
        label=_("Holidays"),
        help_text=_("One date on each line, such as 2026-12-25. Business days leave them out."),
        widget=forms.Textarea(attrs=PRIVATE | {"rows": "4"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day, name in enumerate(WEEKDAYS):
            for what, words in (("opens", _("{day}, opens")), ("closes", _("{day}, closes"))):
                self.fields[f"{what}_{day}"] = forms.TimeField(
                    required=False,
                    label=capfirst(words.format(day=name)),
                    widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
                )
        for urgency in DURATIONS:
            for step, words in STEPS.items():
                self.fields[f"{urgency}_{step}"] = forms.IntegerField(
                    required=False,
                    min_value=1,
                    max_value=LONGEST[urgency],
                    label=words,
                    widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
                )

    @classmethod
    def shown(cls, agency: Agency, seen: str) -> "SettingsForm":
        """The form with the agency's own values."""
        initial: dict[str, Any] = {
            "seen": seen,
            "takes_notices": "yes" if agency.takes_notices else "no",
            "time_zone": agency.time_zone,
            "holidays": "\n".join(map(str, sorted(agency.holidays))),
        }
        for day, hours in enumerate(agency.opening_hours or ()):
            if hours:
                initial |= {f"opens_{day}": hours[0], f"closes_{day}": hours[1]}
        for urgency, numbers in (agency.durations or {}).items():
            initial |= {
                f"{urgency}_{step}": number for step, number in zip(STEPS, numbers, strict=True)
            }
        return cls(initial=initial)

    @property
    def groups(self) -> list[Group]:
        hours = [f"{what}_{day}" for day in range(7) for what in ("opens", "closes")]
        return [
            Group("", [self[name] for name in ("takes_notices", "time_zone", "holidays")]),
            Group(gettext("Opening hours"), [self[name] for name in hours]),
            *(
                Group(words, [self[f"{urgency}_{step}"] for step in STEPS])
                for urgency, words in URGENCIES.items()
            ),
        ]

    def clean_time_zone(self) -> str:
        try:
            return due_times.read_zone(self.cleaned_data["time_zone"])
        except ValueError:
            raise forms.ValidationError(
                gettext("This is not a time zone. Enter a name such as America/Denver.")
            ) from None

    def clean_holidays(self) -> list[date]:
        found, wrong = set(), []
        for line in self.cleaned_data["holidays"].split():
            try:
                found.add(date.fromisoformat(line))
            except ValueError:
                wrong.append(line)
        if wrong:
            words = gettext("“{line}” is not a date such as 2026-12-25.")
            raise forms.ValidationError([words.format(line=one[:40]) for one in wrong[:5]])
        if len(found) > MOST_HOLIDAYS:
            words = gettext("Give at most {number} dates.")
            raise forms.ValidationError(words.format(number=MOST_HOLIDAYS))
        return sorted(found)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        found["opening_hours"] = self._week(found)
        found["durations"] = dict(self._durations(found)) or None
        return found

    def _week(self, found: dict[str, Any]) -> list[Any] | None:
        """Seven days as they are stored; None: the network's hours."""
        week: list[Any] = []
        for day in range(7):
            opens, closes = found.get(f"opens_{day}"), found.get(f"closes_{day}")
            both = {f"opens_{day}", f"closes_{day}"}
            if not both & self.errors.keys():
                if (opens is None) != (closes is None):
                    missing = "opens" if opens is None else "closes"
                    self.add_error(f"{missing}_{day}", gettext("Enter both times, or neither."))
                elif opens is not None and not opens < closes:
                    self.add_error(f"closes_{day}", gettext("Close after opening, on one day."))
            week.append([f"{opens:%H:%M}", f"{closes:%H:%M}"] if opens and closes else None)
        return week if any(week) else None

    def _durations(self, found: dict[str, Any]) -> Iterator[tuple[str, list[int]]]:
        """The deadlines that are the agency's own."""
        for urgency in DURATIONS:
            names = [f"{urgency}_{step}" for step in STEPS]
            given: list[Any] = [found.get(name) for name in names]
            if set(names) & self.errors.keys() or not any(given):
                continue
            for name, number in zip(names, given, strict=True):
                if number is None:
                    self.add_error(name, gettext("Enter all four, or none."))
            if None in given:
                continue
            own = Durations(*given)
            if own.accept < own.ack:
                self.add_error(names[1], gettext("Not before it must be looked at."))
            if own.expires < own.accept:
                self.add_error(names[3], gettext("Not before the accept is due."))
            if own.ack <= own.accept <= own.expires:
                yield urgency, list(own)

    def changes(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "takes_notices": given["takes_notices"] == "yes",
            **{name: given[name] for name in ("time_zone", "holidays")},
            **{name: given[name] for name in ("opening_hours", "durations")},
        }


class RetentionForm(DeskForm):
    days = forms.IntegerField(
        min_value=RETENTION[0],
        max_value=RETENTION[1],
        label=_("Days that we keep our part of a referral after its end"),
        help_text=_("7 to 3650. The network's is 30."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
