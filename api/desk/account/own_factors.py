"""What the person who is signed in adds to sign in with: a passkey, an authenticator app, recovery
codes.

A person who was enrolled just now has no second factor yet and serves no agency: they use these
pages after giving their password. Then their first factor is the second step of this sign-in.
"""

import base64
from typing import Any
from urllib.parse import urlencode

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import TOTP, clear_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django import forms
from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.accounts import factor_changes, passkeys, sign_in_brake
from api.desk.account.fresh_proof import proven
from api.desk.account.proofs import log_proof, mark_code_used, passkey_page
from api.desk.account.sign_in import safe_next
from api.desk.forms import PRIVATE, Text
from api.desk.request_context import METHODS
from api.http.authentication import SESSION_KEY
from permissions.errors import NotPossible
from permissions.identity import own_account, row_macs
from permissions.models import Person

MOST_PASSKEYS = 20
NAME_CHARACTERS = 60


def after(request: HttpRequest) -> str:
    """Return where to go on: the page that the caller named, or the own account. Without an agency
    that is the choice of one."""
    if asked := request.POST.get("next") or request.GET.get("next"):
        return safe_next(asked)
    return reverse("desk_account" if SESSION_KEY in request.session else "desk_agency")


# -- A passkey -------------------------------------------------------------------------------------


class AddPasskeyForm(AddWebAuthnForm):
    """What the browser answers for a new passkey, and the name that the person gives it."""

    name = Text(
        label=_("Name of this passkey"),
        help_text=_("So that you know it again, such as “Work phone”."),
        max_length=NAME_CHARACTERS,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE),
    )
    credential = forms.CharField(max_length=passkeys.MOST_CHARACTERS, widget=forms.HiddenInput)
    passwordless = None  # each is
    use_required_attribute = False

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"] or gettext("Passkey"))

    def clean(self) -> dict[str, Any]:
        failed = _("The passkey was not added. Try again.")
        text = self.cleaned_data.get("credential")
        if text is None:
            raise forms.ValidationError(failed)
        try:
            self.cleaned_data["credential"] = passkeys.read_making(text)
            return dict(super().clean())
        except (*passkeys.UNREADABLE, forms.ValidationError):
            raise forms.ValidationError(failed) from None


@require_http_methods(METHODS)
@proven
def add_passkey(request: HttpRequest, person: Person) -> HttpResponse:
    """Add a passkey. A person without recovery codes gets them with it, and is shown them."""
    form = AddPasskeyForm(request.POST if request.method == "POST" else None, user=person)
    if request.method == "POST":
        if form.is_valid():
            given = form.cleaned_data
            with factor_changes.change(request, person, "account.add_passkey") as stored:
                before = _require_room(stored)
                added = WebAuthn.add(stored, given["name"], given["credential"]).instance
                _make_recovery_codes(stored, before)
            return _added(request, added, before, gettext("Passkey added."))
        passkeys.forget_challenge(request)
    go_on = after(request)
    context = {
        "form": form,
        "next": go_on,
        "next_query": urlencode({"next": go_on}),
        "locks": True,
        "passkey_domain": settings.PASSKEY_DOMAIN,
    }
    return passkey_page(render(request, "mfa/webauthn/add_form.html", context), context)


def _require_room(person: Person) -> list[str]:
    """Return the kinds of what the person has. Raises NotPossible for one passkey too many."""
    kinds = [one.type for one in own_account.factors_of(person)]
    if kinds.count(Authenticator.Type.WEBAUTHN) >= MOST_PASSKEYS:
        raise NotPossible(
            "too_many_passkeys", "You can have at most 20 passkeys. Remove one first."
        )
    return kinds


def _make_recovery_codes(person: Person, before: list[str]) -> None:
    if Authenticator.Type.RECOVERY_CODES not in before:
        RecoveryCodes.activate(person)


def _added(
    request: HttpRequest, added: Authenticator, before: list[str], done: str
) -> HttpResponse:
    """Go on after a factor was added. Making it proved it: for a person who had none it is the
    second step of this sign-in."""
    had_one = not {*before}.isdisjoint(own_account.FACTORS)
    post_authentication(request, added, reauthenticated=had_one)
    notes.success(request, done)
    if Authenticator.Type.RECOVERY_CODES in before:
        return HttpResponseRedirect(after(request))
    ask = urlencode({"next": after(request)})
    return redirect(f"{reverse('mfa_view_recovery_codes')}?{ask}")


# -- The authenticator app -------------------------------------------------------------------------


class AppForm(ActivateTOTPForm):
    """The first code of the authenticator app that is set up."""

    use_required_attribute = False

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.fields["code"].label = _("Six-digit code that the app shows")
        self.fields["code"].widget.attrs.pop("placeholder", None)
        self.fields["code"].widget.attrs |= {"inputmode": "numeric"}

    def clean_code(self) -> str:
        turn = sign_in_brake.code_turn(self.request, self.user)
        if not turn.take():
            log_proof(self.request, "account.set_app", "too_many_tries")
            raise forms.ValidationError(_("Too many tries. Wait five minutes, then try again."))
        try:
            code = str(super().clean_code())
            if not mark_code_used(self.user, code):
                raise forms.ValidationError("used")
        except forms.ValidationError:
            log_proof(self.request, "account.set_app", "bad_code")
            raise forms.ValidationError(
                _("That code is wrong. Wait for a new code and try again.")
            ) from None
        turn.give_back()
        return code


@require_http_methods(METHODS)
@proven
def set_app(request: HttpRequest, person: Person) -> HttpResponse:
    """Set up the authenticator app, in place of an earlier one."""
    sent = request.POST if request.method == "POST" else None
    form = AppForm(sent, user=person, request=request)
    if request.method == "POST" and form.is_valid():
        with factor_changes.change(request, person, "account.set_app") as stored:
            before = [one.type for one in own_account.factors_of(stored)]
            Authenticator.objects.filter(user=stored, type=Authenticator.Type.TOTP).delete()
            added = TOTP.activate(stored, form.secret).instance
            _make_recovery_codes(stored, before)
        clear_totp_secret(request)
        return _added(request, added, before, gettext("Authenticator app set up."))
    adapter = get_adapter()
    svg = adapter.build_totp_svg(adapter.build_totp_url(person, form.secret))
    context = {
        "form": form,
        "next": after(request),
        "locks": True,
        "secret": form.secret,
        "picture": f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}",
    }
    return render(request, "mfa/totp/activate_form.html", context)


# -- Recovery codes --------------------------------------------------------------------------------


@require_http_methods(["GET"])
@proven
def show_recovery_codes(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the codes that were made just now: once."""
    shown: list[str] = []
    with own_account.locked(person) as stored:
        found = Authenticator.objects.filter(user=stored, type="recovery_codes").first()
        codes = found.wrap() if found else None
        if codes and not codes.did_view:
            shown = codes.get_unused_codes()
            codes.mark_as_viewed()
            row_macs.sign(stored, "signin")
    context = {"codes": shown, "next": after(request), "locks": True}
    return render(request, "mfa/recovery_codes/index.html", context)
