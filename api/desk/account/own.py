"""The own account of a member: what they sign in with and where, and what they change or take away.
What they add: api/desk/account/own_factors.py."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django import forms
from django.contrib import messages as notes
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.accounts import factor_changes, sign_in_brake
from api.agency_sign_in import came_by
from api.desk.account.fresh_proof import is_fresh
from api.desk.account.own_factors import NAME_CHARACTERS
from api.desk.account.proofs import log_proof
from api.desk.confirmation import Choice, ask_first
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in, to_sign_in
from api.http.authentication import SESSION_KEY
from permissions.errors import NotPossible, NotVisible
from permissions.identity import credentials, own_account
from permissions.models import Person

P = ParamSpec("P")


class Passkey(NamedTuple):
    """One of the member's passkeys, as the page shows it."""

    pk: int
    name: str
    added: Any
    used: Any


@require_safe
@signed_in
def account(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the member what they sign in with, and where they are signed in."""
    person = request.user
    if not isinstance(person, Person):  # changed elsewhere: this session is no longer theirs
        return to_sign_in(request)
    kept = own_account.factors_of(person)
    codes = [one for one in kept if one.type == Authenticator.Type.RECOVERY_CODES]
    context = came_by.facts(person, visit.principal.agency_id) | {
        "passkeys": [
            Passkey(one.pk, one.data["name"], one.created_at, one.last_used_at)
            for one in kept
            if one.type == Authenticator.Type.WEBAUTHN
        ],
        "app": next((one for one in kept if one.type == Authenticator.Type.TOTP), None),
        "codes_left": len(codes[0].wrap().get_unused_codes()) if codes else 0,
        "sign_ins": own_account.live_sign_ins(person, request.session[SESSION_KEY], visit.now),
    }
    return page(request, "desk/account.html", context)


def fresh(
    view: Callable[Concatenate[HttpRequest, Visit, Person, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Give the view of a member also their person, who gave a second factor just now. Otherwise it
    is asked for, and leads back to this page."""

    @wraps(view)
    def guarded(request: HttpRequest, visit: Visit, *args: P.args, **kwargs: P.kwargs) -> Any:
        person = request.user
        if not isinstance(person, Person):
            return to_sign_in(request)
        if not is_fresh(request, person):
            ask = urlencode({"next": request.path})
            return redirect(f"{reverse('account_reauthenticate')}?{ask}")
        return view(request, visit, person, *args, **kwargs)

    return guarded


# -- Taking away -----------------------------------------------------------------------------------


class NameForm(DeskForm):
    name = Text(
        label=_("Name of this passkey"),
        max_length=NAME_CHARACTERS,
        widget=forms.TextInput(attrs=PRIVATE),
    )


@require_http_methods(METHODS)
@signed_in
@fresh
def rename_passkey(request: HttpRequest, visit: Visit, person: Person, pk: int) -> HttpResponse:
    """Give a passkey another name."""
    found = _passkey(person, pk)
    sent = request.POST if request.method == "POST" else None
    form = NameForm(sent, initial={"name": found.data["name"]})
    if request.method == "POST" and form.is_valid():
        with own_account.changing(person, "account.rename_passkey", closing=False) as stored:
            found = _passkey(stored, pk)
            found.data["name"] = form.cleaned_data["name"]
            found.save(using="signin", update_fields=["data"])
        notes.success(request, gettext("Saved."))
        return redirect("desk_account")
    return page(request, "mfa/webauthn/edit_form.html", {"form": form})


@require_http_methods(METHODS)
@signed_in
@fresh
def remove_passkey(request: HttpRequest, visit: Visit, person: Person, pk: int) -> HttpResponse:
    """Ask first, then remove a passkey."""
    found = _passkey(person, pk)
    if request.method == "POST":
        with factor_changes.change(request, person, "account.remove_passkey") as stored:
            _remove(stored, _passkey(stored, pk))
        notes.success(request, gettext("Removed."))
        return redirect("desk_account")
    follows = gettext("You cannot sign in with it from now on. Delete it on the device as well.")
    return _ask(request, gettext("Remove this passkey?"), found.data["name"], follows)


@require_http_methods(METHODS)
@signed_in
@fresh
def remove_app(request: HttpRequest, visit: Visit, person: Person) -> HttpResponse:
    """Ask first, then stop taking the codes of the authenticator app."""
    if request.method == "POST":
        with factor_changes.change(request, person, "account.remove_app") as stored:
            _remove(stored, _app(stored))
        notes.success(request, gettext("Removed."))
        return redirect("desk_account")
    _app(person)
    follows = gettext("Its codes are not good from now on. Delete the entry in the app as well.")
    return _ask(request, gettext("Remove the authenticator app?"), "Cairn", follows)


def _ask(request: HttpRequest, title: str, subject: str, follows: str) -> HttpResponse:
    ends = gettext("All your other sign-ins end.")
    return ask_first(
        request,
        Choice(
            title=title,
            subject=subject,
            follows=[follows, ends],
            button=gettext("Remove"),
            keep=gettext("Keep it"),
            back=reverse("desk_account"),
        ),
    )


def _passkey(person: Person, pk: int) -> Authenticator:
    """The person's own passkey. Raises NotVisible."""
    for one in own_account.factors_of(person):
        if one.pk == pk and one.type == Authenticator.Type.WEBAUTHN:
            return one
    raise NotVisible


def _app(person: Person) -> Authenticator:
    """The person's authenticator app. Raises NotVisible."""
    for one in own_account.factors_of(person):
        if one.type == Authenticator.Type.TOTP:
            return one
    raise NotVisible


def _remove(person: Person, factor: Authenticator) -> None:
    """Remove a second factor of a person who is locked. Raises NotPossible for the last one."""
    kept = [one for one in own_account.factors_of(person) if one.type in own_account.FACTORS]
    if len(kept) < 2:
        raise NotPossible(
            "last_factor", "It is the only way that you can sign in. Add another one first."
        )
    factor.delete()


# -- Recovery codes, password, sign-ins ------------------------------------------------------------


@require_http_methods(METHODS)
@signed_in
@fresh
def new_recovery_codes(request: HttpRequest, visit: Visit, person: Person) -> HttpResponse:
    """Ask first, then make new recovery codes in place of the earlier ones, and show them once."""
    if request.method == "POST":
        with factor_changes.change(request, person, "account.new_recovery_codes") as stored:
            Authenticator.objects.filter(
                user=stored, type=Authenticator.Type.RECOVERY_CODES
            ).delete()
            RecoveryCodes.activate(stored)
        ask = urlencode({"next": reverse("desk_account")})
        return redirect(f"{reverse('mfa_view_recovery_codes')}?{ask}")
    return page(request, "mfa/recovery_codes/generate.html")


class PasswordForm(DeskForm):
    """The present password and a new one, twice."""

    now = forms.CharField(
        label=_("Your password now"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label=_("New password"),
        max_length=4096,
        strip=False,
        help_text=_("At least 12 characters. Several words are easy to remember."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("New password, again"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.person = request, person

    def clean_now(self) -> str:
        turn = sign_in_brake.password_turn(self.request, self.person.username)
        if not turn.take():
            log_proof(self.request, "account.change_password", "too_many_tries")
            raise forms.ValidationError(_("Too many tries. Wait five minutes, then try again."))
        given = str(self.cleaned_data["now"])
        if not self.person.check_password(given):
            log_proof(self.request, "account.change_password", "bad_password")
            raise forms.ValidationError(_("This is not your password."))
        turn.give_back()
        return given

    def clean_new(self) -> str:
        given = str(self.cleaned_data["new"])
        try:
            password_validation.validate_password(given, self.person)
        except ValidationError as error:
            raise forms.ValidationError(error.messages) from None
        return given

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        new, again = cleaned.get("new"), cleaned.get("again")
        if new and again and new != again:
            self.add_error("again", _("The two new passwords differ."))
        return cleaned


@require_http_methods(METHODS)
@signed_in
@fresh
def change_password(request: HttpRequest, visit: Visit, person: Person) -> HttpResponse:
    """Change the own password."""
    sent = request.POST if request.method == "POST" else None
    form = PasswordForm(sent, request=request, person=person)
    if request.method == "POST" and form.is_valid():
        with factor_changes.change(request, person, "account.change_password") as stored:
            stored.set_password(form.cleaned_data["new"])
            stored.save(using="signin", update_fields=["password"])
        notes.success(request, gettext("Password changed. All your other sign-ins have ended."))
        return redirect("desk_account")
    return page(request, "account/password_change.html", {"form": form})


@require_http_methods(METHODS)
@signed_in
@fresh
def end_others(request: HttpRequest, visit: Visit, person: Person) -> HttpResponse:
    """Ask first, then end every sign-in of the member but this one."""
    if request.method == "POST":
        with own_account.changing(person, "account.end_others") as stored:
            credentials.end_all_of_person(stored, but=request.session[SESSION_KEY])
        factor_changes.renew_session(request, stored)
        notes.success(request, gettext("All your other sign-ins have ended."))
        return redirect("desk_account")
    here = own_account.live_sign_ins(person, request.session[SESSION_KEY], visit.now)
    return ask_first(
        request,
        Choice(
            title=gettext("End all your other sign-ins?"),
            subject=", ".join(sorted({one.agency for one in here if not one.here})) or "–",
            follows=[gettext("Those devices have to sign in again. This one goes on.")],
            button=gettext("End all others"),
            keep=gettext("Keep them"),
            back=reverse("desk_account"),
        ),
    )
