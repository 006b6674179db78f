"""The acts on a referral as pages: one question, one button each. The rules are the domain's."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from api.desk import notice, sealed, words
from api.desk.forms import ActForm, listed, moment, one_of
from api.desk.referral import common, referral_page
from api.desk.visit import Visit, page, signed_in
from directory import listings
from permissions.errors import NotPermitted, NotVisible, Refused
from permissions.session import begin
from referrals import acts, codes, reading
from referrals.reading import Detail

PERSON = ["GET", "HEAD", "POST"]


class ActPage(NamedTuple):
    """One act's page: what it says before, its form, what it does, what it says after."""

    act: str
    title: str
    says: str
    button: str
    done: str
    form: type[ActForm]
    do: Callable[[Visit, Detail, Any], object]
    grave: bool = False  # the button says so by its colour
    needs: Callable[[Detail], str] = lambda seen: ""  # the act that has to come first, or ''


def act_view(act: ActPage) -> Callable[..., HttpResponse]:
    """GET asks, POST does and leads back to the referral."""

    @require_http_methods(PERSON)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        seen = reading.detail(visit.principal, referral_id)
        posted = request.method == "POST"
        if not posted and act.act not in seen.acts:
            messages.error(request, "That cannot be done now. This is how it stands.")
            return redirect("desk_referral", referral_id)
        if not posted and (first := act.needs(seen)):
            return redirect(f"desk_{first}", referral_id)
        form = act.form(request.POST if posted else None, visit=visit, seen=seen)
        refusal = None
        if posted and form.is_valid():
            try:
                act.do(visit, seen, form)
            except (NotVisible, NotPermitted):
                raise
            except Refused as error:
                refusal = error
                form.refuse(error)
            else:
                messages.success(request, act.done)
                return redirect("desk_referral", referral_id)
        context = common(visit, seen) | {"act": act, "form": form}
        return page(request, "desk/act.html", context, refusal)

    return view


def at_once(do: Callable[..., object], done: str) -> Callable[..., HttpResponse]:
    """An act without a question, posted from the referral's page."""

    @require_http_methods(PERSON)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        if request.method == "POST":
            try:
                do(visit.principal, referral_id)
            except (NotVisible, NotPermitted):
                raise
            except Refused as refusal:
                return referral_page(request, visit, referral_id, refusal)
            messages.success(request, done)
        return redirect("desk_referral", referral_id)

    return view


class NoQuestion(ActForm):
    """Only the button."""


acknowledge = at_once(acts.acknowledge, "It is yours now. The sender sees that somebody looks.")
accept = at_once(acts.accept, "Accepted. You hold it; the sender sees that you said yes.")


# -- The sender ------------------------------------------------------------------------------------

put_notice = act_view(
    ActPage(
        act="put_notice",
        title="Change the notice",
        says="Only your agency sees it until it is sent.",
        button="Keep the notice",
        done="The notice is changed.",
        form=notice.PutNoticeForm,
        do=notice.put_notice,
    )
)


class WithdrawForm(ActForm):
    code = one_of(words.choices(codes.WITHDRAW), "Why do you take it back")


withdraw = act_view(
    ActPage(
        act="withdraw",
        title="Take the referral back",
        says="They can open nothing any more, at once. They see the reason that you choose.",
        button="Take it back",
        done="Taken back. What they could open is closed.",
        form=WithdrawForm,
        do=lambda visit, seen, form: acts.withdraw(
            visit.principal, seen.referral.id, form.cleaned_data["code"]
        ),
        grave=True,
    )
)


# -- The recipient ---------------------------------------------------------------------------------


class DeclineForm(ActForm):
    """The sender sees the code and the suggestion; the private reason stays here (R2)."""

    refused = {"service_unknown": "suggested_service_id"}

    code = one_of(words.choices(codes.DECLINE), "What the sender is told")
    suggested_service_id = listed([], "Suggest another service", required=False)
    private_reason = listed(
        [("", "None"), *words.choices(codes.PRIVATE_REASON)],
        "For your own agency only",
        required=False,
        help_text="Sealed with your notes. If it is one of these, tell the sender “Other”.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        with begin(self.visit.principal):
            found = listings.search(self.visit.principal, per_page=listings.MOST_PER_PAGE)
        suggested = self.fields["suggested_service_id"]
        assert isinstance(suggested, forms.ChoiceField)
        suggested.choices = [("", "None")] + [
            (str(one.id), f"{one.name} ({one.organization_name})")
            for one in found.items
            if one.id != self.seen.referral.service_id
        ]


def _decline(visit: Visit, seen: Detail, form: DeclineForm) -> None:
    given = form.cleaned_data
    suggested = given["suggested_service_id"]
    acts.decline(
        visit.principal,
        seen.referral.id,
        given["code"],
        suggested_service_id=UUID(suggested) if suggested else None,
        private_reason=given["private_reason"] or None,
    )


decline = act_view(
    ActPage(
        act="decline",
        title="We cannot take it",
        says="The sender stands beside her and needs to know now. Say why in one word.",
        button="Tell them",
        done="Declined. The sender sees it now.",
        form=DeclineForm,
        do=_decline,
    )
)


class StartHandoffForm(ActForm):
    mode = one_of(words.choices(codes.HANDOFF_MODE), "How")
    planned = moment("When, if not now", required=False)


start_handoff = act_view(
    ActPage(
        act="start_handoff",
        title="Begin the hand-off",
        says="Stay until she speaks with the advocate. The sender is not shown this.",
        button="Begin",
        done="Hand-off begun.",
        form=StartHandoffForm,
        do=lambda visit, seen, form: acts.start_handoff(
            visit.principal,
            seen.referral.id,
            form.cleaned_data["mode"],
            at=form.cleaned_data["planned"],
        ),
    )
)


class CompleteForm(ActForm):
    outcome = one_of(words.choices(codes.OUTCOME), "What came of it")


complete = act_view(
    ActPage(
        act="complete",
        title="It is done",
        says="Sealed with your notes. The sender is shown nothing of it.",
        button="Complete",
        done="Completed. The sender is shown “accepted”, as before.",
        form=CompleteForm,
        do=lambda visit, seen, form: acts.complete(
            visit.principal, seen.referral.id, form.cleaned_data["outcome"]
        ),
    )
)


class UnableForm(ActForm):
    code = one_of(words.choices(codes.PRIVATE_REASON), "Why")


unable = act_view(
    ActPage(
        act="unable",
        title="It did not come about",
        says="Sealed with your notes. The sender is shown nothing of it.",
        button="Close it",
        done="Closed. The sender is shown “accepted”, as before.",
        form=UnableForm,
        do=lambda visit, seen, form: acts.unable(
            visit.principal, seen.referral.id, form.cleaned_data["code"]
        ),
        grave=True,
    )
)


# -- Either side -----------------------------------------------------------------------------------


class RevokeReleaseForm(ActForm):
    via = one_of(words.choices(codes.REVOKED_VIA), "How did she end it", initial="oral")


revoke_release = act_view(
    ActPage(
        act="revoke_release",
        title="She ends her permission",
        says="Her word is enough. What was shared closes at once; the help goes on.",
        button="End her permission",
        done="Her permission has ended. The packet is closed; the referral goes on.",
        form=RevokeReleaseForm,
        do=lambda visit, seen, form: acts.revoke_release(
            visit.principal, seen.referral.id, form.cleaned_data["via"]
        ),
        grave=True,
    )
)
stop = act_view(
    ActPage(
        act="stop",
        title="Stop: no contact",
        says="Everything ends and closes at once, and it cannot be taken back."
        " To end only what is shared, choose “She ends her permission”.",
        button="Stop it now",
        done="Stopped.",
        form=NoQuestion,
        do=lambda visit, seen, form: acts.stop(visit.principal, seen.referral.id),
        grave=True,
    )
)

# -- What is sealed --------------------------------------------------------------------------------

put_release = act_view(
    ActPage(
        act="put_release",
        title="Record her permission",
        says="For this agency alone, field by field, for as short a time as will do.",
        button="Record her permission",
        done="Her permission is recorded. Now write the packet.",
        form=sealed.ReleaseForm,
        do=sealed.put_release,
    )
)
put_packet = act_view(
    ActPage(
        act="put_packet",
        title="Write the packet",
        says="Sealed field by field. Fields that you leave empty stay as they are.",
        button="Seal and keep",
        done="The packet is written and sealed.",
        form=sealed.PacketForm,
        do=sealed.put_packet,
        needs=lambda seen: "" if seen.release_in_force else "put_release",
    )
)
add_note = act_view(
    ActPage(
        act="add_note",
        title="Add a note",
        says="Sealed. Only your own agency's members who work on this can open it.",
        button="Seal the note",
        done="The note is kept.",
        form=sealed.NoteForm,
        do=sealed.add_note,
    )
)
