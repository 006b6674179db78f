"""The hand-off as pages, for somebody who is tired and stands: please ring, another number, begun,
failed, tried; and what a side keeps for itself. The rules are the domain's."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.desk import words
from api.desk.act_pages import ActPage, act_view, at_once
from api.desk.forms import (
    PRIVATE,
    ActForm,
    NoQuestion,
    OnceForm,
    listed,
    moment,
    one_of,
    services_to_choose,
)
from api.desk.visit import Visit, signed_in
from directory import listings
from permissions.errors import NotPossible
from permissions.session import begin
from referrals import codes, mistakes, own, warm

# -- Workers among themselves ----------------------------------------------------------------------

call_me = at_once(warm.call_me, "They are asked to ring. Keep your line free.")


class SetCallbackForm(ActForm):
    refused = {"callback": "callback", "no_duty_line": "callback"}

    callback = forms.CharField(
        label="Where do they reach your agency now",
        help_text="A worker's number, never hers. Empty: your agency's duty line.",
        max_length=32,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"type": "tel"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["callback"].initial = self.visit.agency.duty_phone


set_callback = act_view(
    ActPage(
        act="set_callback",
        title="Another number to ring",
        says="When your shift ends or you leave her. They see it at once.",
        button="Give them this number",
        done="They see the new number now.",
        form=SetCallbackForm,
        do=lambda visit, seen, form: warm.set_callback(
            visit.principal, seen.referral.id, form.cleaned_data["callback"] or None
        ),
    )
)

# -- The hand-off ----------------------------------------------------------------------------------


class StartHandoffForm(ActForm):
    mode = one_of(words.choices(codes.HANDOFF_MODE), "How")
    planned = moment("When, if not now", required=False)


start_handoff = act_view(
    ActPage(
        act="start_handoff",
        title="Begin the hand-off",
        says="Stay until she speaks with the advocate. The sender is not shown this."
        " The clock runs until you have tried: record the attempt.",
        button="Begin",
        done="Hand-off begun. Once you have tried to reach her, record it.",
        form=StartHandoffForm,
        do=lambda visit, seen, form: warm.start_handoff(
            visit.principal,
            seen.referral.id,
            form.cleaned_data["mode"],
            at=form.cleaned_data["planned"],
        ),
    )
)
handoff_failed = act_view(
    ActPage(
        act="handoff_failed",
        title="The hand-off did not come about",
        says="Your clock starts again. If a worker is still with her, that worker is asked to ring"
        " you; nothing else is shown to the sender.",
        button="It failed: start again",
        done="Noted. Try again, or another way.",
        form=NoQuestion,
        do=lambda visit, seen, form: warm.handoff_failed(visit.principal, seen.referral.id),
    )
)


class AttemptForm(OnceForm):
    act = "record_attempt"

    result = one_of(words.choices(codes.ATTEMPT), "What came of it")
    interpreter = one_of(
        words.choices(codes.INTERPRETER_USED),
        "Who interpreted",
        initial="none",
        help_text="Never her family, nor anybody who came with her.",
    )


record_attempt = act_view(
    ActPage(
        act="record_attempt",
        title="You tried to reach her",
        says="Sealed, for your own agency alone. It stops your clock, whatever came of it.",
        button="Record it",
        done="Recorded.",
        form=AttemptForm,
        do=lambda visit, seen, form: warm.record_attempt(
            visit.principal,
            seen.referral.id,
            form.cleaned_data["result"],
            interpreter=form.cleaned_data["interpreter"],
            key=form.idempotency_key(),
        ),
    )
)

# -- What a side keeps for itself ------------------------------------------------------------------


class ExternalRefForm(OnceForm):
    act = "set_external_ref"

    ref = forms.CharField(
        label="Its number in your own system",
        max_length=own.MAX_REF_CHARS,
        widget=forms.TextInput(attrs=PRIVATE),
    )


set_external_ref = act_view(
    ActPage(
        act="set_external_ref",
        title="Your own number for it",
        says="Sealed with your notes. The other agency is not told.",
        button="Keep it",
        done="Kept with your notes.",
        form=ExternalRefForm,
        do=lambda visit, seen, form: own.set_external_ref(
            visit.principal,
            seen.referral.id,
            form.cleaned_data["ref"],
            key=form.idempotency_key(),
        ),
    )
)


class SamePersonForm(OnceForm):
    act = "same_person_as"
    refused = {"open_both_first": "address"}

    address = forms.CharField(
        label="The other referral",
        help_text="Copy its address from the top of its page, or its id.",
        max_length=200,
        widget=forms.TextInput(attrs=PRIVATE),
    )

    def other(self) -> UUID:
        """The id at the end of what was pasted. Raises NotPossible, as for one she never opened."""
        for part in reversed(self.cleaned_data["address"].strip().rstrip("/").split("/")):
            try:
                return UUID(part)
            except ValueError:
                continue
        raise NotPossible("open_both_first", "Open both packets first, then say so.")


same_person_as = act_view(
    ActPage(
        act="same_person_as",
        title="The same person, twice",
        says="Another referral to your agency is about her, too. Sealed with your notes; no other"
        " agency is told. Open both packets first.",
        button="Note it",
        done="Noted with your notes.",
        form=SamePersonForm,
        do=lambda visit, seen, form: own.same_person_as(
            visit.principal, seen.referral.id, form.other(), key=form.idempotency_key()
        ),
    )
)


class PlanForm(ActForm):
    """Three are enough at night; a system of yours may keep ten: those behind the third stay."""

    refused = {"service_unknown": "first"}

    first = listed([], "First", required=False)
    second = listed([], "Then", required=False)
    third = listed([], "Then", required=False)
    PLACES = ("first", "second", "third")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        principal = self.visit.principal
        with begin(principal):
            found = [listings.find(principal, one) for one in self.seen.plan]
            planned = [one for one in found if one is not None]
            likely = own.next_services(principal, self.seen)
            choices, ends = services_to_choose(principal, self._is_none, (*planned, *likely))
        self.behind = planned[len(self.PLACES) :]
        before = [*(str(one.id) for one in planned), "", "", ""]
        for name, service in zip(self.PLACES, before, strict=False):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
            self.fields[name].initial = service
        self.fields["first"].help_text = ends
        if self.behind:
            names = "; ".join(one.name for one in self.behind)
            self.fields["third"].help_text = f"Behind it, as planned before: {names}."

    def _is_none(self, one: listings.Listing) -> bool:
        """She is there already, or it is the own agency's, which helps without a referral."""
        own_agency = self.visit.principal.agency_id
        return one.id == self.seen.referral.service_id or one.answered_by == own_agency

    def services(self) -> list[UUID]:
        chosen = [UUID(one) for name in self.PLACES if (one := self.cleaned_data[name])]
        return list(dict.fromkeys([*chosen, *(one.id for one in self.behind)]))


set_plan = act_view(
    ActPage(
        act="set_plan",
        title="Where to turn next",
        says="If they cannot take her, the next is one tap away. None of them learns of the"
        " others. Ask her first.",
        button="Keep the plan",
        done="The plan is kept, for your agency alone.",
        form=PlanForm,
        do=lambda visit, seen, form: own.set_plan(
            visit.principal, seen.referral.id, form.services()
        ),
    )
)

# -- A mistake -------------------------------------------------------------------------------------


class MarkErrorForm(ActForm):
    code = one_of(words.choices(codes.MARK_ERROR), "What was the mistake")


mark_error = act_view(
    ActPage(
        act="mark_error",
        title="It was a mistake",
        says="Nothing of it opens any more, at once. They see that it was a mistake and why; you"
        " see whether it had been opened. Your lead and theirs review it.",
        button="Mark it as a mistake",
        done="Marked. What they could open is closed.",
        form=MarkErrorForm,
        do=lambda visit, seen, form: mistakes.mark_error(
            visit.principal, seen.referral.id, form.cleaned_data["code"]
        ),
        grave=True,
    )
)


@require_safe
@signed_in
def to_review(request: HttpRequest, visit: Visit) -> HttpResponse:
    """For a lead: what was marked as a mistake, by her agency or to it."""
    found = mistakes.to_review(visit.principal)
    return render(request, "desk/mistakes.html", {"found": found, "now": visit.now})
