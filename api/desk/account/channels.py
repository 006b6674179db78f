"""How you are notified: your own numbers and duty, your agency's, a test of each, and what
failed."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from api.desk import labels
from api.desk.forms import PRIVATE, DeskForm, listed, one_of
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.errors import BadRequest, Refused
from permissions.identity import contact_channels
from referrals.notifications import message_queue

DUTY = [
    ("on_call", "On call: ring me with every new referral"),
    ("reachable", "Reachable: ring me with what is mine"),
    ("off_duty", "Off duty: somebody else is rung, at once"),
]


class ChannelForm(DeskForm):
    kind = one_of(list(labels.CHANNEL_KINDS.items()), "How")
    address = forms.CharField(
        label="Number or mail address",
        max_length=254,
        widget=forms.TextInput(attrs=PRIVATE),
        help_text="Best one that you alone read. Messages say a reference and that something waits;"
        " never who or what.",
    )
    language = listed([("en", "English"), ("es", "Spanish")], "Language of the messages")
    use = one_of(list(labels.CHANNEL_USES.items()), "Whose", initial="own")

    def __init__(self, *args: Any, visit: Visit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not visit.principal.has_role("agency_admin"):
            del self.fields["use"]


def _add(visit: Visit, form: ChannelForm) -> str:
    given = form.cleaned_data
    contact_channels.add_channel(
        visit.principal,
        given["kind"],
        given["address"],
        use=given.get("use", "own"),
        language=given["language"],
    )
    return "Kept. Try now whether it rings."


def _duty(visit: Visit, what: str) -> str:
    contact_channels.set_duty(visit.principal, what)
    return "Kept."


def _remove(visit: Visit, channel_id: UUID) -> str:
    contact_channels.remove_channel(visit.principal, channel_id)
    return "Taken off."


def _ring(visit: Visit, channel_id: UUID) -> str:
    message_queue.send_test(visit.principal, channel_id)
    return "A test is on its way. Come back and say whether it arrived."


def _arrived(visit: Visit, channel_id: UUID) -> str:
    contact_channels.record_test_arrival(visit.principal, channel_id, True)
    return "Good: it rings."


def _not_arrived(visit: Visit, channel_id: UUID) -> str:
    contact_channels.record_test_arrival(visit.principal, channel_id, False)
    return "Then check the address, or add another."


def _retry(visit: Visit, message_id: UUID) -> str:
    message_queue.retry(visit.principal, message_id)
    return "It is tried again."


OF_ONE: dict[str, Callable[[Visit, UUID], str]] = {
    "remove": _remove,
    "ring": _ring,
    "arrived": _arrived,
    "not_arrived": _not_arrived,
    "retry": _retry,
}


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show everything on one page. Each button posts back to it and says what to do to which
    channel."""
    refusal: Refused | None = None
    form = ChannelForm(visit=visit)
    if request.method == "POST":
        what, which = request.POST.get("what", "add"), request.POST.get("which", "")
        if what == "add":
            form = ChannelForm(request.POST, visit=visit)
        try:
            if done := _done(visit, what, which, form):
                notes.success(request, done)
                return redirect("desk_channels")
        except Refused as error:
            if what != "add":
                raise
            refusal = error
            form.refuse(error)
    kept = contact_channels.list_channels(visit.principal)
    context = {
        "form": form,
        "kept": kept,
        "duties": DUTY,
        "lists": [("Yours", kept.own), ("Our agency's", kept.agencys)],
        "dead": message_queue.list_messages(visit.principal, "dead"),
        "now": visit.now,
    }
    return page(request, "desk/channels.html", context, refusal)


def _done(visit: Visit, what: str, which: str, form: ChannelForm) -> str | None:
    """Do one thing. Returns the message to show, or None if the form has errors."""
    if what == "add":
        return _add(visit, form) if form.is_valid() else None
    if what == "duty":
        return _duty(visit, which)
    if what not in OF_ONE:
        raise BadRequest("unknown_code", "The form is not whole. Load the page again.")
    try:
        return OF_ONE[what](visit, UUID(which))
    except ValueError:
        raise BadRequest("invalid", "The form is not whole. Load the page again.") from None
