"""How you are notified: your own numbers and duty, your agency's, the code that confirms each, a
test, and what failed."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.accounts.device_names import code_of, device_of
from api.desk import labels
from api.desk.confirmation import Choice, ask_first
from api.desk.forms import PRIVATE, DeskForm, Text, listed, one_of
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.http.middleware import CSP_SCRIPT
from api.texts import StrOrPromise
from permissions.errors import BadRequest, NotVisible, Refused
from permissions.identity import contact_channels
from permissions.identity.contact_channels import Channel
from permissions.keys import vapid_key
from referrals import codes
from referrals.notifications import channel_checks, sent_messages
from referrals.notifications.line_tests import answers, lines
from referrals.notifications.line_tests.lines import OwnTest
from referrals.push import devices

MISSING = _("Something is missing from this form. Reload the page.")
DUTY = [
    ("on_call", _("On call: notify me of every new referral")),
    ("reachable", _("Available: notify me only of my referrals")),
    ("off_duty", _("Off duty: notify another member right away")),
]


class ChannelForm(DeskForm):
    kind = one_of(
        [(one, words) for one, words in labels.CHANNEL_KINDS.items() if one != "push"], _("How")
    )
    address = Text(
        label=_("Phone number or email address"),
        max_length=254,
        widget=forms.TextInput(attrs=PRIVATE),
        help_text=_("Use a number only you can see. Messages never include names or details."),
    )
    language = listed(
        [(one, _(codes.LANGUAGE[one])) for one in contact_channels.LANGUAGES],
        _("Language of the messages"),
    )
    use = one_of(list(labels.CHANNEL_USES.items()), _("Whose"), initial="own")

    def __init__(self, *args: Any, visit: Visit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not visit.principal.has_role("agency_admin"):
            del self.fields["use"]


class DeviceForm(DeskForm):
    """This device. Its script fills in what the browser says (static/desk/device.js)."""

    name = Text(
        label=_("Name of this device"),
        max_length=contact_channels.MOST_NAME,
        widget=forms.TextInput(attrs=PRIVATE),
    )
    language = listed(
        [(one, _(codes.LANGUAGE[one])) for one in contact_channels.LANGUAGES],
        _("Language of the messages"),
    )
    endpoint = Text(required=False, max_length=500, widget=forms.HiddenInput)
    key = Text(required=False, max_length=100, widget=forms.HiddenInput)
    secret = Text(required=False, max_length=50, widget=forms.HiddenInput)

    @classmethod
    def of(cls, request: HttpRequest) -> "DeviceForm":
        device = device_of(code_of(request.META.get("HTTP_USER_AGENT", ""), new=False))
        return cls(prefix="device", initial={"name": device.words if device else ""})


def _add_device(visit: Visit, given: QueryDict) -> StrOrPromise:
    form = DeviceForm(given, prefix="device")
    if not form.is_valid():
        raise BadRequest("invalid", str(MISSING))
    said = form.cleaned_data
    names = ("endpoint", "key", "secret", "name", "language")
    added = devices.add(visit.principal, *(said[name] for name in names))
    if added.proven_at is not None:
        return _("Saved. Send a test.")
    channel_checks.send_code(visit.principal, added.id)
    return _("Saved. A code is on its way to this device. Enter it below within 10 minutes.")


def _add(visit: Visit, form: ChannelForm) -> StrOrPromise:
    given = form.cleaned_data
    added = contact_channels.add_channel(
        visit.principal,
        given["kind"],
        given["address"],
        use=given.get("use", "own"),
        language=given["language"],
    )
    if added.proven_at is not None:
        return _("Saved. Send a test.")
    channel_checks.send_code(visit.principal, added.id)
    return _("Saved. A code is on its way there. Enter it below within 10 minutes.")


def _send_code(visit: Visit, channel_id: UUID) -> StrOrPromise:
    channel_checks.send_code(visit.principal, channel_id)
    return _("A code is on its way. Enter it within 10 minutes.")


def _verify(visit: Visit, channel_id: UUID, code: str) -> StrOrPromise:
    contact_channels.prove_channel(visit.principal, channel_id, code)
    return _("Confirmed. Alerts go there from now on.")


def _duty(visit: Visit, what: str) -> StrOrPromise:
    contact_channels.set_duty(visit.principal, what)
    return _("Saved.")


def _ring(visit: Visit, channel_id: UUID) -> StrOrPromise:
    tested = channel_checks.send_test(visit.principal, channel_id)
    return TESTED.get(
        tested.kind, _("A test is on its way. Come back and record whether it arrived.")
    )


def _arrived(visit: Visit, channel_id: UUID) -> StrOrPromise:
    answers.record_arrival(visit.principal, channel_id, True)
    return _("Test received.")


def _not_arrived(visit: Visit, channel_id: UUID) -> StrOrPromise:
    answers.record_arrival(visit.principal, channel_id, False)
    return _("Then check the address, or add another.")


def _retry(visit: Visit, message_id: UUID) -> StrOrPromise:
    sent_messages.retry(visit.principal, message_id)
    return _("It is being tried again.")


OF_ONE: dict[str, Callable[[Visit, UUID], StrOrPromise]] = {
    "code": _send_code,
    "ring": _ring,
    "arrived": _arrived,
    "not_arrived": _not_arrived,
    "retry": _retry,
}
# What ends with a channel of each kind, and which kinds wake a person who sleeps.
ENDS = {
    "sms": _("No text message goes to this number from now on."),
    "voice": _("No one is called at this number from now on."),
    "mail": _("No mail goes to this address from now on."),
    "push": _("No notification goes to this device from now on."),
}
WAKES = {"sms", "voice"}
LAST = {
    "own": _("After this you are not called or texted at night: you have no other number."),
    "duty": _(
        "After this your agency's on-call line is not called at night. Only members who are on"
        " call with a number of their own are."
    ),
    "escalation": _("After this no one else is called at night when your agency does not answer."),
}
TESTED = {
    "sms": _("A test is on its way. Open the link in it and press the button."),
    "voice": _("A test is on its way. Answer the call and press any key."),
}
SHOWN_HERE = {"add", "code", "device", "verify"}  # their refusals are shown on this page


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show everything on one page. Each button posts back to it and says what to do to which
    channel."""
    refusal: Refused | None = None
    form = ChannelForm(visit=visit)
    what, which = request.POST.get("what", "add"), request.POST.get("which", "")
    if request.method == "POST":
        if what == "add":
            form = ChannelForm(request.POST, visit=visit)
        try:
            if done := _done(visit, what, which, form, request.POST):
                notes.success(request, done)
                return redirect("desk_channels")
        except NotVisible:
            raise
        except Refused as error:
            if what not in SHOWN_HERE:
                raise
            refusal = error
            if what == "add":
                form.refuse(error)
    kept = contact_channels.list_channels(visit.principal)
    context = {
        "form": form,
        "refused": gettext(refusal.detail) if refusal and what != "add" else "",
        "kept": kept,
        "duties": DUTY,
        "lists": [
            (title, found, any(one.proven_at for one in found or ()))
            for title, found in ((_("Your contacts"), kept.own), (_("Our agency's"), kept.agencys))
        ],
        "tests": _last_tests([*kept.own, *(kept.agencys or ())]),
        "dead": sent_messages.list_messages(visit.principal, "dead"),
        "now": visit.now,
        "device": DeviceForm.of(request),
        "push_key": vapid_key.public_text(),
    }
    answer = page(request, "desk/channels.html", context, refusal)
    answer["Content-Security-Policy"] = CSP_SCRIPT  # for the service worker of this device
    return answer


def _last_tests(kept: list[Channel]) -> dict[UUID, OwnTest | None]:
    """Return the last test of each confirmed phone line; None for every other."""
    phones = [(one.id, one.address, one.proven_at) for one in kept if one.kind in WAKES]
    found = lines.last_tests((one, address, at) for one, address, at in phones if at)
    return {one.id: found.get(one.id) for one in kept}


def _done(
    visit: Visit, what: str, which: str, form: ChannelForm, given: QueryDict
) -> StrOrPromise | None:
    """Do one thing. Returns the message to show, or None if the form has errors."""
    if what == "add":
        return _add(visit, form) if form.is_valid() else None
    if what == "device":
        return _add_device(visit, given)
    if what == "duty":
        return _duty(visit, which)
    if what not in OF_ONE and what != "verify":
        raise BadRequest("unknown_code", str(MISSING))
    try:
        channel_id = UUID(which)
    except ValueError:
        raise BadRequest("invalid", str(MISSING)) from None
    if what == "verify":
        return _verify(visit, channel_id, given.get("code", ""))
    return OF_ONE[what](visit, channel_id)


@require_http_methods(METHODS)
@signed_in
def remove(request: HttpRequest, visit: Visit, channel_id: UUID) -> HttpResponse:
    """Ask first what follows when a channel is removed, then remove it."""
    if request.method == "POST":
        contact_channels.remove_channel(visit.principal, channel_id)
        notes.success(request, gettext("Removed."))
        return redirect("desk_channels")
    kept = contact_channels.list_channels(visit.principal)
    every = {one.id: one for one in (*kept.own, *(kept.agencys or ()))}
    if channel_id not in every:
        raise NotVisible
    return ask_first(request, _choice(every.pop(channel_id), list(every.values())))


def _choice(gone: Channel, others: list[Channel]) -> Choice:
    left = [one for one in others if one.use == gone.use and one.proven_at]
    sleeps = not any(one.kind in WAKES for one in left)
    last = gone.proven_at is not None and gone.kind in WAKES and sleeps
    return Choice(
        title=gettext("Remove this contact?"),
        subject=f"{labels.as_dialed(gone.address)} ({labels.CHANNEL_KINDS[gone.kind]})",
        follows=[*_ends(gone), _stay(left)],
        alarm=str(LAST[gone.use]) if last else "",
        button=gettext("Remove"),
        keep=gettext("Keep it"),
        back=reverse("desk_channels"),
    )


def _ends(gone: Channel) -> list[str]:
    if gone.proven_at is None:
        return [gettext("It is not confirmed: no alert goes there today.")]
    return [str(ENDS[gone.kind])]


def _stay(left: list[Channel]) -> str:
    if not left:
        return gettext("No other confirmed contact stays here.")
    names = ", ".join(
        f"{labels.as_dialed(one.address)} ({labels.CHANNEL_KINDS[one.kind]})" for one in left
    )
    words = ngettext("{number} other stays: {names}", "{number} others stay: {names}", len(left))
    return words.format(number=len(left), names=names)
