"""What a person proves who they are by: a passkey, a one-time code, or a recovery code. The same
forms at sign-in, at the lock, and before a change of the own account."""

import re
from typing import Any

from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from django import forms
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from api.accounts import factor_changes, passkeys, sign_in_brake
from api.http.authentication import SESSION_KEY
from api.http.middleware import CSP_SCRIPT
from permissions.identity import credentials, own_account, row_macs
from permissions.models import Person
from referrals.notifications.account_messages import tell_person

TOO_MANY = "too_many_login_attempts"
# Seconds for which a code can be right: its own step of 30, and those on either side that count.
CODE_LIVES_S = (2 * settings.MFA_TOTP_TOLERANCE + 1) * 30


def log_proof(request: HttpRequest, act: str, refused: str | None = None) -> None:
    """Write the entry of a proof that was given or refused, for the member whose session it is. At
    sign-in no member is known yet. Raises Unavailable."""
    secret = request.session.get(SESSION_KEY)
    who = credentials.resolve_credential(secret) if secret else None
    if who is not None:
        credentials.log_sign_in(
            act, agency_id=who.agency_id, member_id=who.member_id, refused=refused
        )
    elif refused is not None:
        credentials.log_sign_in(act, refused=refused)


def mark_code_used(person: Person, code: str) -> bool:
    """Let a code be good once. Returns whether it was not used before. The library remembers a used
    code for one step only; this does for as long as it could be right."""
    return cache.add(f"used_code:{person.pk}:{_digits(code)}", 1, CODE_LIVES_S)


def _digits(code: str) -> str:
    """The library reads a code without the signs between its digits, so they are no other code."""
    return re.sub(r"\D", "", code)


class CodeForm(AuthenticateForm):
    """The one-time code of the authenticator app, or a recovery code. Each is good once. The tries
    of a device or network are counted."""

    def __init__(
        self, *args: Any, request: HttpRequest, act: str, again: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.act, self.again = request, act, again
        self.fields["code"].label = _("Six-digit code")
        self.fields["code"].help_text = _("Or one of your recovery codes.")
        self.fields["code"].widget.attrs.pop("placeholder", None)
        self.fields["code"].widget.attrs |= {"inputmode": "numeric", "autofocus": True}

    def clean_code(self) -> str:
        turn = sign_in_brake.code_turn(self.request, self.user)
        if not turn.take():
            log_proof(self.request, self.act, "too_many_tries")
            raise forms.ValidationError(
                _("Too many tries. Wait five minutes, then try again."), TOO_MANY
            )
        try:
            code = self._used_up()
        except forms.ValidationError:
            log_proof(self.request, self.act, "bad_code")
            raise forms.ValidationError(
                _("That code is wrong or already used. Wait for a new code and try again.")
            ) from None
        turn.give_back()
        return code

    def _used_up(self) -> str:
        """Check the code and use it up. Raises ValidationError, and Unavailable for second factors
        that this server did not write."""
        with own_account.locked(self.user) as person:
            code = str(super().clean_code())
            if not mark_code_used(person, code):
                raise forms.ValidationError("used")
            is_recovery = self.authenticator.type == Authenticator.Type.RECOVERY_CODES
            if is_recovery:  # a copy of the row from before would make the code good again
                row_macs.sign(person, "signin", closing=True)
                own_account.log_in_each_agency("account.use_recovery_code", person)
                factor_changes.end_others(self.request, person)
                tell_person(person.id, "account_changed")
        if is_recovery:
            factor_changes.renew_session(self.request, person)
        return code

    def save(self) -> None:
        post_authentication(self.request, self.authenticator, reauthenticated=self.again)


class PasskeyForm(AuthenticateWebAuthnForm):
    """What the browser answers for a passkey (static/desk/passkey.js). `user` None: whose passkey
    it is. It is not counted: there is nothing to guess."""

    credential = forms.CharField(max_length=passkeys.MOST_CHARACTERS, widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, request: HttpRequest, act: str, again: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.act, self.again = request, act, again

    def clean_credential(self) -> Authenticator:
        try:
            credential = passkeys.read_use(self.cleaned_data["credential"])
            self.cleaned_data["credential"] = credential
            found: Authenticator = super().clean_credential()
            row_macs.require_bound(found.user)
        except (*passkeys.UNREADABLE, forms.ValidationError):
            raise forms.ValidationError(
                _("That passkey did not work. Try again, or use another way.")
            ) from None
        return found

    def clean(self) -> Any:
        cleaned = super().clean()
        passkeys.forget_challenge(self.request)
        if self.errors:
            log_proof(self.request, self.act, "bad_passkey")
        return cleaned

    def save(self) -> None:
        post_authentication(
            self.request, self.cleaned_data["credential"], reauthenticated=self.again
        )


def forms_to_show(types: set[str], code: Any, passkey: Any) -> dict[str, Any]:
    """What desk/proof.html needs of a person with these kinds of second factors."""
    has_passkey = Authenticator.Type.WEBAUTHN in types
    return {
        "form": code,
        "code_form": code if types - {Authenticator.Type.WEBAUTHN} else None,
        "passkey_form": passkey if has_passkey else None,
        "passkey_domain": settings.PASSKEY_DOMAIN if has_passkey else "",
    }


def passkey_page(answer: HttpResponse, context: dict[str, Any]) -> HttpResponse:
    """Let the script of a page with a passkey's form ask this server for a challenge."""
    if context.get("passkey_domain"):
        answer["Content-Security-Policy"] = CSP_SCRIPT
    return answer


class Proof:
    """The two forms by which a person who is signed in proves again who they are."""

    def __init__(self, request: HttpRequest, person: Person, act: str) -> None:
        sent = request.POST if request.method == "POST" else None
        by_passkey = sent is not None and "credential" in sent
        common: dict[str, Any] = {"user": person, "request": request, "act": act, "again": True}
        self.request, self.act = request, act
        self.code = CodeForm(None if by_passkey else sent, **common)
        self.passkey = PasskeyForm(sent if by_passkey else None, **common)
        self.given = self.passkey if by_passkey else self.code

    def is_right(self) -> bool:
        """Check what was sent, and log it. Raises Unavailable."""
        if not self.given.is_valid():
            return False
        self.given.save()
        log_proof(self.request, self.act)
        return True

    def context(self, person: Person) -> dict[str, Any]:
        """What desk/proof.html needs. The page says of no one whose it is."""
        types = {one.type for one in own_account.factors_of(person)}
        return forms_to_show(types, self.code, self.passkey)
