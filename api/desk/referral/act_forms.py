"""Forms of single acts that ask for more than the fields of their entries can express: a service of
the directory, a number that is known already, a referral by its address."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from api.desk import labels
from api.desk.forms import PRIVATE, ActForm, OnceForm, Text, listed, one_of, services_to_choose
from directory import listings
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotPossible
from referrals import codes
from referrals.acts import private_records
from referrals.acts.undo_accept import DECLINES, was_undone


class DeclineForm(ActForm):
    """The sender sees the code and the suggestion; the private reason stays here (R2)."""

    refused = {"service_unknown": "suggested_service_id"}

    code = one_of(labels.choices(codes.DECLINE), _("Reason shown to the sender"))
    suggested_service_id = listed([], _("Suggest another service"), required=False)
    private_reason = listed(
        [("", _("None")), *labels.choices(codes.PRIVATE_REASON)],
        _("Private reason (your agency only)"),
        required=False,
        help_text=_(
            "Sealed with your notes. If you pick a private reason, choose “Other” for the sender."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with identified_transaction(self.visit.principal):
            choices, ends = services_to_choose(
                self.visit.principal, lambda one: one.id == self.seen.referral.service_id
            )
            undone = was_undone(self.seen.referral.id)
        suggested = self.fields["suggested_service_id"]
        assert isinstance(suggested, forms.ChoiceField)
        suggested.choices, suggested.help_text = choices, ends
        if undone:  # then it says facts about the agency alone
            code = self.fields["code"]
            assert isinstance(code, forms.ChoiceField)
            code.choices = [one for one in labels.choices(codes.DECLINE) if one[0] in DECLINES]
            self.fields["private_reason"].choices = [("", _("None"))]  # type: ignore[attr-defined]

    def arguments(self) -> dict[str, Any]:
        given = self.cleaned_data
        suggested = given["suggested_service_id"]
        return {
            "code": given["code"],
            "suggested_service_id": UUID(suggested) if suggested else None,
            "private_reason": given["private_reason"] or None,
        }


class SetCallbackForm(ActForm):
    refused = {"callback": "callback", "no_duty_line": "callback"}

    callback = Text(
        label=_("New callback number"),
        help_text=_(
            "A worker's number, never the survivor's. Leave blank to use your on-call line."
        ),
        max_length=32,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"type": "tel"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["callback"].initial = self.visit.agency.duty_phone

    def arguments(self) -> dict[str, Any]:
        return {"callback": self.cleaned_data["callback"] or None}


class SamePersonForm(OnceForm):
    act = "same_person_as"
    refused = {"open_both_first": "address"}
    addresses = ("address",)

    address = Text(
        label=_("The other referral"),
        help_text=_("Copy its address from the top of its page, or its ID."),
        max_length=200,
        widget=forms.TextInput(attrs=PRIVATE),
    )

    def other(self) -> UUID:
        """Return the id at the end of what was pasted. Raises NotPossible, as for a referral that
        the member never opened."""
        for part in reversed(self.cleaned_data["address"].strip().rstrip("/").split("/")):
            try:
                return UUID(part)
            except ValueError:
                continue
        raise NotPossible("open_both_first", "Open both packets first, then say so.")

    def arguments(self) -> dict[str, Any]:
        return {"other": self.other()}


class PlanForm(ActForm):
    """Three services are enough at night. A partner system may keep ten: those behind the third
    stay."""

    refused = {"service_unknown": "first"}

    first = listed([], _("First"), required=False)
    second = listed([], _("Then"), required=False)
    third = listed([], _("Then"), required=False)
    PLACES = ("first", "second", "third")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        principal = self.visit.principal
        with identified_transaction(principal):
            found = [listings.find(principal, one) for one in self.seen.plan]
            planned = [one for one in found if one is not None]
            likely = private_records.next_services(principal, self.seen)
            choices, ends = services_to_choose(principal, self._is_none, (*planned, *likely))
        self.behind = planned[len(self.PLACES) :]
        before = [*(str(one.id) for one in planned), "", "", ""]
        for name, service in zip(self.PLACES, before, strict=False):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
            self.fields[name].initial = service
        self.fields["first"].help_text = ends
        if self.behind:
            names = "; ".join(one.name for one in self.behind)
            self.fields["third"].help_text = gettext(
                "After it, as planned before: {names}."
            ).format(names=names)

    def _is_none(self, one: listings.Listing) -> bool:
        """Return whether a service is no choice: the survivor is referred there already, or it is
        the own agency's, which helps without a referral."""
        own_agency = self.visit.principal.agency_id
        return one.id == self.seen.referral.service_id or one.answered_by == own_agency

    def services(self) -> list[UUID]:
        chosen = [UUID(one) for name in self.PLACES if (one := self.cleaned_data[name])]
        return list(dict.fromkeys([*chosen, *(one.id for one in self.behind)]))

    def arguments(self) -> dict[str, Any]:
        return {"services": self.services()}
