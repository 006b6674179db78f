"""The forms of the trainings: what is said of one, and which ones are looked for."""

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from api.desk.forms import PRIVATE, DeskForm, Text, listed
from api.texts import StrOrPromise
from directory.models import Training as Row
from directory.trainings import trainings
from directory.trainings.trainings import Facts, Filters, Training

AUDIENCES = {
    "frontline": _("Front-line staff"),
    "supervisors": _("Supervisors and leaders"),
    "trainers": _("People who will train others"),
    "volunteers": _("Volunteers"),
    "students": _("Students and young people"),
    "families": _("Parents and caregivers"),
    "public": _("The general public"),
    "mixed": _("Several of these"),
}
SECTORS = {
    "law_enforcement": _("Law enforcement"),
    "courts": _("Courts and prosecution"),
    "victim_services": _("Victim services"),
    "health": _("Health care"),
    "child_welfare": _("Child welfare"),
    "schools": _("Schools and colleges"),
    "tribal": _("Tribal government and services"),
    "transportation": _("Transportation"),
    "hospitality": _("Hotels and restaurants"),
    "government": _("Other public offices"),
    "faith": _("Faith communities"),
    "business": _("Other businesses"),
    "community": _("Community groups"),
    "several": _("Several sectors"),
}
TOPICS = {
    "recognizing": _("How to recognize trafficking"),
    "responding": _("How to respond, and whom to call"),
    "trauma": _("Trauma-informed care and interviews"),
    "sex_trafficking": _("Sex trafficking"),
    "labor_trafficking": _("Labor trafficking"),
    "minors": _("Trafficking of minors"),
    "online": _("Recruiting and exploitation online"),
    "law": _("The law, and building a case"),
    "demand": _("Demand and buyers"),
    "prevention": _("Prevention"),
    "referring": _("Making a referral with Cairn"),
    "other": _("Another topic"),
}
assert (tuple(AUDIENCES), tuple(SECTORS), tuple(TOPICS)) == (
    Row.AUDIENCES,
    Row.SECTORS,
    Row.TOPICS,
)
_CHOOSE = ("", _("Choose one"))
_DAY = "%Y-%m-%d"


def day(label: StrOrPromise, **options: Any) -> forms.DateField:
    """A day, by the browser's own calendar."""
    widget = forms.DateInput(attrs={"type": "date"}, format=_DAY)
    return forms.DateField(label=label, widget=widget, input_formats=[_DAY], **options)


class TrainingForm(DeskForm):
    """One training. `key` is the new one's id: a second tap on a slow line enters it once."""

    refused: ClassVar[dict[str, str]] = {}

    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    seen = forms.IntegerField(
        widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1
    )
    held_on = day(_("Day"))
    agency = listed([], _("Trainer's agency"))
    sector = listed([_CHOOSE, *SECTORS.items()], _("Sector"))
    audience = listed([_CHOOSE, *AUDIENCES.items()], _("Who was taught"))
    topic = listed([_CHOOSE, *TOPICS.items()], _("Topic"))
    heads = forms.IntegerField(
        label=_("How many people"), min_value=1, max_value=Row.MOST_HEADS, widget=forms.NumberInput
    )
    title = Text(
        label=_("Title, if it had one"),
        required=False,
        max_length=Row.MOST_TITLE,
        widget=forms.TextInput(attrs=PRIVATE),
        help_text=_("As it was announced. Never write about a survivor or a case, or a number."),
    )

    def __init__(self, *args: Any, agencies: Iterable[tuple[UUID, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agency = self.fields["agency"]
        assert isinstance(agency, forms.ChoiceField)
        known = [(str(id_), name) for id_, name in agencies]
        agency.choices = known if len(known) == 1 else [_CHOOSE, *known]

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        if fault := trainings.fault_of_title(title):
            raise forms.ValidationError(gettext(fault), "reachable")
        return title

    def facts(self) -> Facts:
        """Only for a valid form."""
        given = self.cleaned_data
        return Facts(
            agency_id=UUID(given["agency"]),
            **{name: given[name] for name in Facts._fields if name != "agency_id"},
        )


def initial_of(training: Training) -> dict[str, Any]:
    """What the form begins with."""
    facts = training.facts
    known = facts._asdict() | {"agency": str(facts.agency_id)}
    return known | {"key": training.id, "seen": training.changes}


class FilterForm(DeskForm):
    since = day(_("From"), required=False)
    until = day(_("Through"), required=False)
    sector = listed([("", _("Any")), *SECTORS.items()], _("Sector"), required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        since, until = given.get("since"), given.get("until")
        if since and until and since > until:
            self.add_error("until", _("This is before the start. Nothing can match."))
        return given

    def filters(self) -> Filters:
        """Only for a valid form."""
        return Filters(**self.cleaned_data)

    def asked(self) -> dict[str, str]:
        """The filter as parameters of an address, without what is empty."""
        given = ((name, self.cleaned_data[name]) for name in self.fields)
        return {name: _written(value) for name, value in given if value}


def _written(value: date | str) -> str:
    return value if isinstance(value, str) else value.isoformat()


def totals_in_words(found: trainings.Totals) -> str:
    """How many trainings, and how many people were taught."""
    held = ngettext("{number} training", "{number} trainings", found.trainings)
    taught = ngettext("{number} person", "{number} people", found.people)
    return gettext("{trainings}, {people}").format(
        trainings=held.format(number=found.trainings),
        people=taught.format(number=found.people),
    )
