"""The filter of the access log's page. It also says in words what an auditor looks for, so that an
empty page is never taken for the answer to another question."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk import labels, log_labels
from api.desk.forms import PRIVATE, DeskForm, Text, listed, moment
from api.desk.request_context import as_uuid
from api.desk.times import log_time
from api.texts import StrOrPromise
from permissions.audit.queries import Filters

_NO_ID = {"invalid": _("That is not an ID. Copy it from the log, or from a referral's address.")}


def short(id_: UUID | str) -> str:
    """Return the end of an id, which tells it from others; its beginning is a time."""
    return f"…\N{WORD JOINER}{str(id_)[-12:]}"


def _id(label: StrOrPromise, **options: Any) -> forms.UUIDField:
    return forms.UUIDField(
        label=label,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE),
        error_messages=_NO_ID,
        **options,
    )


def _chosen(label: StrOrPromise) -> forms.UUIDField:
    return forms.UUIDField(label=label, required=False, widget=forms.Select, error_messages=_NO_ID)


class FilterForm(DeskForm):
    """`others` are the agencies that let the auditor read, by id; `members` and `systems` are those
    of the auditor's own agency.

    People and systems of another agency (`foreign`) are known by their ids alone, which the auditor
    copies from its entries (ADR 0028: no names).
    """

    reference = Text(
        label=_("Reference"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs=PRIVATE | {"autocapitalize": "characters"}),
        help_text=_("The six letters that people say on the phone."),
    )
    act = listed([("", _("Any")), *log_labels.LOGGED.items()], _("What"), required=False)
    decision = listed(
        [("", _("Any")), ("allowed", _("Done")), ("refused", _("Refused"))],
        _("Decision"),
        required=False,
    )
    member = _chosen(_("Who"))
    client = _chosen(_("Partner system"))
    purpose = listed([("", _("Any")), *labels.PURPOSES], _("Purpose"), required=False)
    referral = _id(_("Referral, by its ID"))
    since = moment(_("From"), required=False)
    until = moment(_("Before"), required=False)
    subject = _id(
        _("Survivor, by your agency's ID for them"),
        help_text=_(
            "Refusals, lists, and looks before your agency's first act have none: ask for"
            " those by the referral."
        ),
    )
    self_assigned = forms.BooleanField(label=_("Self-assigned leads only"), required=False)
    practice = forms.BooleanField(label=_("Practice, instead of real work"), required=False)
    agency = _chosen(_("Whose log"))

    def __init__(
        self,
        given: Any,
        *,
        own: str,
        others: Mapping[str, str],
        members: Mapping[UUID, str],
        systems: Mapping[UUID, str],
    ) -> None:
        super().__init__(given)
        self.foreign = bool(given.get("agency"))
        self.whose = others.get(given.get("agency", ""), own)
        self.members: Mapping[UUID, str] = {} if self.foreign else members
        self.systems: Mapping[UUID, str] = {} if self.foreign else systems
        zone = timezone.get_current_timezone_name()
        self.fields["since"].label = gettext("From, in {zone}").format(zone=zone)
        self.fields["until"].label = gettext("Before, in {zone}").format(zone=zone)
        if self.foreign:
            self.fields["member"] = _id(_("Who: a member's id"))
            self.fields["client"] = _id(_("Partner system's id"))
        else:
            self._offer("member", members, _("Anyone"))
            self._offer("client", systems, _("Anyone or none"))
        if others:
            self._offer("agency", {UUID(id_): name for id_, name in others.items()}, own)
        else:
            del self.fields["agency"]

    def _offer(self, field: str, names: Mapping[UUID, str], none: StrOrPromise) -> None:
        """Offer choices by name. An id that is asked for but not in the list stays in it; otherwise
        the box would say that no one is asked for."""
        asked = as_uuid(self.data.get(field))
        known = sorted(((str(id_), name) for id_, name in names.items()), key=lambda one: one[1])
        if asked and asked not in names:
            known.append(
                (str(self.data[field]), gettext("Not in this list: {id}").format(id=short(asked)))
            )
        widget: Any = self.fields[field].widget
        widget.choices = [("", none), *known]

    def clean_reference(self) -> str:
        """Return the six letters, however they were written down."""
        letters = re.sub(r"[\s.-]", "", self.cleaned_data["reference"]).upper()
        if letters and not re.fullmatch(r"[A-Z]{6}", letters):
            raise forms.ValidationError(_("A reference has six letters."), "invalid")
        return letters

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        since, until = given.get("since"), given.get("until")
        if since and until and since >= until:
            self.add_error("until", _("This is before the start. Nothing can match."))
        if given.get("reference") and self.foreign:
            self.add_error("reference", _("A reference is found in your own agency's log only."))
        if given.get("practice") and self.foreign:
            self.add_error("practice", _("Practice is found in your own agency's log only."))
        if given.get("practice") and given.get("reference"):
            self.add_error("reference", _("Look for practice by the referral's ID."))
        if given.get("reference") and given.get("referral"):
            self.add_error("reference", _("Enter the reference or the ID, not both."))
        if given.get("subject") and self.foreign:
            self.add_error(
                "subject", _("Each agency has its own ID for a survivor: leave this empty.")
            )
        return given

    def filters(self) -> Filters:
        """Return the filters as permissions/audit/queries.py takes them. Only for a valid form."""
        given = self.cleaned_data
        return Filters(
            act=given["act"] or None,
            decision=given["decision"] or None,
            member_id=given["member"],
            client_id=given["client"],
            referral_id=given["referral"],
            subject=given["subject"],
            purpose=given["purpose"] or None,
            self_assigned=given["self_assigned"],
            since=given["since"],
            until=given["until"],
            agency_id=given.get("agency"),
            practice=given["practice"],
        )

    def name_of_member(self, id_: UUID) -> str:
        """Return the member's name, or words with the end of the id for one who is of another
        agency or no longer here."""
        other = gettext("member {id}") if self.foreign else gettext("a former member {id}")
        return self.members.get(id_, other.format(id=short(id_)))

    def name_of_system(self, id_: UUID) -> str:
        """Return the name of a partner system, likewise."""
        return self.systems.get(id_, gettext("partner system {id}").format(id=short(id_)))

    def told(self) -> str:
        """Say in words what is looked for; empty without a filter."""
        return ", ".join(self._told(self.filters()))

    def _told(self, asked: Filters) -> Iterator[str]:
        if asked.practice:
            yield gettext("practice, in exercises")
        if asked.decision:
            yield gettext("refusals") if asked.decision == "refused" else gettext("what was done")
        if asked.self_assigned:
            yield gettext("leads who assigned themselves to a referral")
        if asked.act:
            yield f"“{log_labels.log_act_label(asked.act)}”"
        if asked.member_id:
            name = self.name_of_member(asked.member_id)
            yield gettext("by {name}, or a system for them").format(name=name)
        if asked.client_id:
            yield gettext("by {name}").format(name=self.name_of_system(asked.client_id))
        if asked.purpose:
            purpose = labels.purpose(asked.purpose)
            yield gettext("for the purpose “{purpose}”").format(purpose=purpose)
        if reference := self.cleaned_data["reference"]:
            yield gettext("of the referral with the reference {letters}").format(letters=reference)
        elif asked.referral_id:
            yield gettext("of referral {id}").format(id=short(asked.referral_id))
        if asked.subject:
            yield gettext("of survivor {id}").format(id=short(asked.subject))
        if asked.since:
            yield gettext("from {time}").format(time=log_time(asked.since))
        if asked.until:
            yield gettext("before {time}").format(time=log_time(asked.until))
