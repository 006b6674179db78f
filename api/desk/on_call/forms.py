"""The forms of the on-call pages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk.agency.words import WEEKDAYS
from api.desk.forms import PRIVATE, DeskForm, Text, listed, moment, one_of
from api.desk.times import localtime
from referrals.on_call import calendar_files
from referrals.on_call.overview import Overview

NOT_IN_TURN = ("", _("Not in the rotation"))
TWICE = _("Two members have this turn.")
KINDS = [
    ("first", _("First on call")),
    ("second", _("Second on call")),
    ("away", _("Away: ill, or on leave")),
]


class RotationForm(DeskForm):
    """Each member has a field with the number of their turn."""

    period = one_of([("week", _("Every week")), ("day", _("Every day"))], _("They change"))
    weekday = listed([(str(one), day) for one, day in enumerate(WEEKDAYS)], _("On (if every week)"))
    at = forms.TimeField(
        label=_("At"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    anchor = forms.DateField(
        label=_("The first member begins"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The day, or any day of the first week."),
    )
    has_second = forms.BooleanField(
        label=_("The next in the rotation is second on call"), required=False
    )

    def __init__(self, *args: Any, shown: Overview, now: datetime, **kwargs: Any) -> None:
        kept = shown.rota.rotation
        start: dict[str, Any] = {
            "period": kept.period if kept else "week",
            "weekday": str(kept.weekday if kept else 0),
            "at": kept.at if kept else None,
            "anchor": kept.anchor if kept else localtime(now).date(),
            "has_second": kept.has_second if kept else True,
        }
        super().__init__(*args, initial=start, **kwargs)
        turns = [(str(one), str(one)) for one in range(1, len(shown.names) + 1)]
        order = list(kept.members) if kept else []
        for member_id, name in shown.names.items():
            label = gettext("Turn of {name}").format(name=name)
            field = listed([NOT_IN_TURN, *turns], label, required=False)
            field.initial = str(order.index(member_id) + 1) if member_id in order else ""
            self.fields[f"turn_{member_id.hex}"] = field

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        seen: set[str] = set()
        for name in [one for one in given if one.startswith("turn_") and given[one]]:
            if given[name] in seen:
                self.add_error(name, TWICE)
            seen.add(given.get(name, ""))
        return given

    def values(self) -> dict[str, Any]:
        """Return what was entered, as referrals.on_call.changes.set_rotation takes it."""
        given = self.cleaned_data
        turns = {
            int(turn): UUID(name.removeprefix("turn_"))
            for name, turn in given.items()
            if name.startswith("turn_") and turn
        }
        return {
            "members": [turns[one] for one in sorted(turns)],
            "period": given["period"],
            "weekday": int(given["weekday"]),
            "at": given["at"],
            "anchor": given["anchor"],
            "has_second": given["has_second"],
        }


class ShiftForm(DeskForm):
    member_id = listed([], _("Who"))
    kind = one_of(KINDS, _("What"))
    begins_at = moment(_("From"))
    ends_at = moment(_("Until"))

    def __init__(self, *args: Any, names: Mapping[UUID, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["member_id"].choices = [  # type: ignore[attr-defined]
            (str(one), name) for one, name in names.items()
        ]


class SwapForm(ShiftForm):
    kind = one_of(KINDS[:2], _("Your place"), initial="first")
    field_order = ("kind", "begins_at", "ends_at", "member_id")


class FileForm(DeskForm):
    file = Text(
        label=_("The file's text"),
        max_length=calendar_files.LONGEST_FILE,
        strip=False,
        widget=forms.Textarea(attrs=PRIVATE | {"rows": 8}),
        help_text=_(
            "Open the .ics file as text and paste all of it. The title of each event is a member's"
            " name, alone or after First:, Second: or Away:."
        ),
    )
