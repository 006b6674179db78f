"""Joining an agency by the link of an invitation, on the person's own device.

The link puts its secret into the session and leads on without it. Then, in this order and each page
only when it is its turn: a user name and password (or signing in, for a person who has both), a
passkey or an authenticator app (allauth's pages), for an agency's first administrator the code that
Cairn speaks over the agency's registered number, and the button that joins. Nothing but the last
makes a member. A person who loses their way opens the link again.
"""

from typing import Any

from django import forms
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.agency_sign_in import came_by, pending
from api.agency_sign_in.pending import Brought
from api.desk import labels
from api.desk.account import new_sign_in
from api.desk.account.new_sign_in import KEY
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, SEVERAL_KEY, page
from api.http.authentication import SESSION_KEY
from api.http.problem_details import refused_page
from permissions.agency_sign_in import links, providers
from permissions.enrollment import invitations, registered_numbers, spoken_codes
from permissions.errors import NotVisible, Refused
from permissions.identity import credentials, own_account
from permissions.models import Invitation, Person, SignInProvider


class NameForm(DeskForm):
    """What a new person is called by."""

    username = Text(
        label=_("User name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("Letters, digits and . _ - @ +, such as c.example."),
    )


class ChooseForm(NameForm, new_sign_in.PasswordForm):
    """What a new person signs in by."""

    field_order = ("username", "password")


class CodeForm(DeskForm):
    code = Text(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "numeric"}),
    )


def in_progress(request: HttpRequest) -> bool:
    """Whether this session came by a link and has not joined yet."""
    return KEY in request.session


@require_safe
def by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Take the link's secret into the session. Reading a link uses nothing up: mail programs look
    at links before people do."""
    try:
        if invitations.find(secret) is None:
            return _ended(request)
    except Refused as refusal:
        return refused_page(request, refusal)
    request.session[KEY] = secret
    return redirect("join")


def _ended(request: HttpRequest) -> HttpResponse:
    return page(request, "desk/join_ended.html", {}, NotVisible())


@require_http_methods(METHODS)
def join(request: HttpRequest) -> HttpResponse:
    """Show the page whose turn it is, and take its form."""
    try:
        found = invitations.find(request.session.get(KEY, ""))
        if found is None:
            request.session.pop(KEY, None)
            return _ended(request)
        person = request.user
        if found.kind == "reset":
            return new_sign_in.turn(request, found, request.session[KEY])
        if not isinstance(person, Person):
            return _choose(request, found)
        if not own_account.has_factor(person):
            return page(request, "desk/join_factor.html", _told(found))
        if found.is_first and not spoken_codes.is_given(found.id):
            return redirect("join_code")
        return _confirm(request, found, person)
    except Refused as refusal:
        return refused_page(request, refusal)


def _choose(request: HttpRequest, found: Invitation) -> HttpResponse:
    """Name and password of a new person, who is then signed in to nothing but this. Who came back
    from their agency's own sign-in chooses a name alone."""
    provider = providers.of_agency(found.agency_id)
    brought = pending.brought(request, provider)
    form = (NameForm if brought else ChooseForm)(request.POST or None)
    refusal: Refused | None = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            if provider and brought:
                _enroll_by_agency(request, provider, given["username"], brought)
            else:
                person = invitations.enroll(
                    request.session[KEY], given["username"], given["password"]
                )
                new_sign_in.sign_in(request, person)
            return redirect("join")
        except NotVisible:
            raise
        except Refused as error:
            form.refuse(error)
            refusal = error
    context = _told(found) | {
        "form": form,
        "brought": brought,
        "offers_agency": provider is not None and provider.active and not brought,
    }
    return page(request, "desk/join_choose.html", context, refusal)


def _enroll_by_agency(
    request: HttpRequest, provider: SignInProvider, username: str, brought: Brought
) -> None:
    """Make the person, whose account at their agency's provider replaces a password."""
    person, session = links.enroll(
        *(request.session[KEY], username, provider),
        *(brought.subject, brought.sid, brought.refresh_token),
    )
    pending.forget(request)
    new_sign_in.sign_in(request, person, "agency")
    came_by.begin(request, session)


def _confirm(request: HttpRequest, found: Invitation, person: Person) -> HttpResponse:
    if request.method != "POST":
        return page(request, "desk/join.html", _told(found) | {"username": person.username})
    if request.POST.get("what") == "not_now":
        request.session.pop(KEY)
        return redirect("desk")
    invitations.join(request.session[KEY], person)
    request.session.pop(KEY)
    if SESSION_KEY in request.session:  # they work in another agency on this device
        request.session[SEVERAL_KEY] = True
        notes.success(request, gettext("You have joined. Choose the agency at the top."))
        return redirect("desk")
    notes.success(request, gettext("You have joined."))
    return redirect("desk_agency")


@require_http_methods(METHODS)
def spoken_code(request: HttpRequest) -> HttpResponse:
    """For an agency's first administrator: let Cairn call the registered number, and take the code
    that a person there heard."""
    try:
        found = invitations.find(request.session.get(KEY, ""))
        if found is None or not found.is_first:
            return redirect("join")
        if not isinstance(request.user, Person) or spoken_codes.is_given(found.id):
            return redirect("join")
        return _ask_code(request, found)
    except Refused as refusal:
        return refused_page(request, refusal)


def _ask_code(request: HttpRequest, found: Invitation) -> HttpResponse:
    number = registered_numbers.callable_number(found.agency_id)
    form, refusal = CodeForm(), None
    if request.method == "POST" and number is not None:
        calls = request.POST.get("what") == "call"
        form = CodeForm(None if calls else request.POST)
        try:
            if calls:
                spoken_codes.speak(request.session[KEY], number)
                notes.success(request, gettext("Cairn is calling your agency now."))
                return redirect("join_code")
            if form.is_valid():
                spoken_codes.take(request.session[KEY], form.cleaned_data["code"])
                return redirect("join")
        except NotVisible:
            raise
        except Refused as error:
            credentials.log_sign_in("staff.join", agency_id=found.agency_id, refused=error.code)
            form.add_error(None, gettext(error.detail))
            refusal = error
    context = _told(found) | {
        "form": form,
        "number": labels.as_dialed(number or ""),
        "called": found.spoken_ends_at,
    }
    return page(request, "desk/join_code.html", context, refusal)


def _told(found: Invitation) -> dict[str, Any]:
    return {"invitation": found, "agency": found.agency}
