"""Which rights and offers a survivor was given, as a page, for the agency's own record."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk import labels
from api.desk.forms import Group, OnceForm, listed, moment
from referrals.acts import rights_record
from referrals.acts.rights_record import Answered, Rights
from referrals.law.rights import BY_ITEM
from referrals.rights.items import CERTIFICATIONS, ITEMS, OF_A_MINOR, Item


def _answer(item: Item) -> forms.ChoiceField:
    return listed(
        [("", _("Not recorded here")), *labels.choices(item.answers)],
        _(item.label),
        required=False,
        help_text=_(BY_ITEM[item.name]) if item.name in BY_ITEM else "",
    )


class RightsForm(OnceForm):
    """Each item has an answer and a time. Calls about a child come first if the notice says so."""

    act = "record_rights"
    refused = {"reminder_length": "remind_at"}

    remind_at = moment(
        _("Remind us"),
        required=False,
        help_text=_(
            "Leave it empty: 30 days after a certification was asked for. The message says only"
            " that there is something to review."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for item in ITEMS:
            self.fields[item.name] = _answer(item)
            self.fields[f"{item.name}_at"] = moment(_("When, if not now"), required=False)
        asked = rights_record.prompts(self.visit.principal, self.seen.referral)
        self._of_a_minor = bool(asked)
        self.fields[OF_A_MINOR[0]].help_text = " ".join(gettext(one) for one in asked)

    def _shown(self, names: tuple[str, ...]) -> list[forms.BoundField]:
        return [self[field] for name in names for field in (name, f"{name}_at")]

    @property
    def groups(self) -> list[Group]:
        others = tuple(one.name for one in ITEMS if one.name not in (*CERTIFICATIONS, *OF_A_MINOR))
        calls = Group(
            "" if self._of_a_minor else gettext("Calls about a child"), self._shown(OF_A_MINOR)
        )
        certified = [*self._shown(CERTIFICATIONS), self["remind_at"]]
        rest = [
            Group("", self._shown(others)),
            Group(gettext("Certification for a visa, and a reminder"), certified),
        ]
        return [calls, *rest] if self._of_a_minor else [*rest, calls]

    def arguments(self) -> dict[str, Any]:
        given = self.cleaned_data
        items = {
            one.name: Answered(given[one.name], given[f"{one.name}_at"])
            for one in ITEMS
            if given[one.name]
        }
        return {"rights": Rights(items, given["remind_at"])}
