"""The acts on a referral, a page each: one question, one button. The rules are the domain's."""

from typing import Any
from uuid import UUID

from django import forms

from api.desk import notice, records, releases, sealed, words
from api.desk.act_pages import ActPage, act_view, at_once
from api.desk.forms import ActForm, NoQuestion, listed, moment, one_of, services_to_choose
from api.desk.visit import Visit
from permissions.session import begin
from referrals import acts, codes, holds, returning
from referrals.reading import Detail

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
            choices, ends = services_to_choose(
                self.visit.principal, lambda one: one.id == self.seen.referral.service_id
            )
        suggested = self.fields["suggested_service_id"]
        assert isinstance(suggested, forms.ChoiceField)
        suggested.choices, suggested.help_text = choices, ends


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
        says="Her word is enough. What was shared, or lies ready to be, closes at once; the help"
        " goes on.",
        button="End her permission",
        done="Done. The packet is closed; the referral goes on.",
        form=RevokeReleaseForm,
        do=lambda visit, seen, form: acts.revoke_release(
            visit.principal, seen.referral.id, form.cleaned_data["via"]
        ),
        grave=True,
    )
)
narrow_release = act_view(
    ActPage(
        act="narrow_release",
        title="Share less",
        says="On her word, at once. More, or for longer, is a new permission.",
        button="Share less",
        done="Done. They can open no more than that.",
        form=releases.NarrowReleaseForm,
        do=releases.narrow_release,
        needs=lambda seen: "" if seen.release_in_force else "releases",
    )
)
put_return_release = act_view(
    ActPage(
        act="put_return_release",
        title="She lets us tell the sender",
        says="Only what she marks, as your record says it now, once. Without this they are shown"
        " nothing of what came of it.",
        button="Tell the sender",
        done="The sender can look at it now. What comes later they are not told.",
        form=releases.ReturnReleaseForm,
        do=releases.put_return_release,
    )
)
revoke_return_release = act_view(
    ActPage(
        act="revoke_return_release",
        title="Tell the sender no more",
        says="Her word is enough. What was told is closed to the sender at once.",
        button="Tell them no more",
        done="Done. The sender is shown nothing of it any more.",
        form=NoQuestion,
        do=lambda visit, seen, form: returning.revoke_return_release(
            visit.principal, seen.referral.id
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
        form=releases.ReleaseForm,
        do=releases.put_release,
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

# -- What is kept ----------------------------------------------------------------------------------


class SetHoldForm(ActForm):
    refused = {"hold_length": "until"}

    until = moment("Until when", help_text="At most 366 days ahead; then look at it again.")


set_hold = act_view(
    ActPage(
        act="set_hold",
        title="Hold it for the law",
        says="Your agency's part is not purged before that day. The other agency is not told.",
        button="Hold it",
        done="It is held.",
        form=SetHoldForm,
        do=lambda visit, seen, form: holds.set_hold(
            visit.principal, seen.referral.id, form.cleaned_data["until"]
        ),
    )
)
end_hold = act_view(
    ActPage(
        act="end_hold",
        title="End the legal hold",
        says="What is due of your agency's part is purged within the hour, for good.",
        button="End the hold",
        done="It is no longer held.",
        form=NoQuestion,
        do=lambda visit, seen, form: holds.end_hold(visit.principal, seen.referral.id),
        grave=True,
    )
)
record_report = act_view(
    ActPage(
        act="record_report",
        title="Record a mandated report",
        says="For your own agency, sealed with your notes. It sends nothing to anybody.",
        button="Seal the record",
        done="The record is kept.",
        form=records.ReportForm,
        do=records.record_report,
    )
)
record_disclosure = act_view(
    ActPage(
        act="record_disclosure",
        title="Record a compelled disclosure",
        says="For your own agency, sealed with your notes. It sends nothing to anybody.",
        button="Seal the record",
        done="The record is kept.",
        form=records.DisclosureForm,
        do=records.record_disclosure,
    )
)
