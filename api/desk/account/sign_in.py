"""Signing in (password, then one-time code, then the agency), signing out, and leaving quickly.

allauth checks the password and the code. This module opens a credential for the chosen agency and
ends it again. What the member may do depends on that credential alone.
"""

import time
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.account.forms import LoginForm
from allauth.account.views import LoginView
from allauth.mfa.base.forms import AuthenticateForm
from django import forms
from django.conf import settings
from django.contrib import auth
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from api.desk import form_replay
from api.desk.request_context import SEVERAL_KEY
from api.http.authentication import SESSION_KEY
from api.http.middleware import QUICK_EXIT
from permissions.errors import Unavailable
from permissions.identity import credentials
from permissions.models import Membership, Person

# "cache" as well, so that a shared computer's disk keeps nothing of a visit.
FORGET = '"cache", "cookies", "storage"'


class SignInForm(LoginForm):
    """Name and password. Every error gets the same answer, which gives no hint who exists."""

    error_messages = {"wrong": "That name and password do not fit together. Try again."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in (("login", "User name"), ("password", "Password")):
            self.fields[name].label = words
            self.fields[name].help_text = ""
            self.fields[name].widget.attrs.pop("placeholder", None)
        self.fields["login"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}

    def clean(self) -> Any:
        try:
            return super().clean()
        except forms.ValidationError as error:
            if error.code == "too_many_login_attempts":
                raise forms.ValidationError(
                    "Too many tries. Wait five minutes, then try again.", error.code
                ) from None
            raise forms.ValidationError(self.error_messages["wrong"], "wrong") from None


class SignIn(LoginView):
    """allauth's view, which always leads to the choice of agency, where the credential is
    opened."""

    form_class = SignInForm
    http_method_names = ["get", "head", "post"]  # a FormView takes PUT for POST

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Log an entry when too many tries came from one address and allauth refused the form
        unread (429)."""
        answer: HttpResponse = super().dispatch(request, *args, **kwargs)
        if answer.status_code == 429:
            credentials.log_sign_in("session.sign_in", refused="too_many_tries")
        return answer

    def get_success_url(self) -> str:
        go_on = safe_next(self.request.POST.get("next") or self.request.GET.get("next"))
        return f"{reverse('desk_agency')}?{urlencode({'next': go_on})}"


class CodeForm(AuthenticateForm):
    """The one-time code of the member's authenticator app. Each code is good once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Six-digit code"
        self.fields["code"].widget.attrs.pop("placeholder", None)
        self.fields["code"].widget.attrs |= {"inputmode": "numeric", "autofocus": True}

    def clean_code(self) -> str:
        try:
            return str(super().clean_code())
        except forms.ValidationError:
            credentials.log_sign_in("session.sign_in", refused="bad_code")
            raise forms.ValidationError(
                "That code is not good, or was used before. Wait for the next one."
            ) from None


def safe_next(text: str | None) -> str:
    """Return a path of this site to continue to, or the desk for anything else."""
    if text and text.startswith("/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None):
        return text
    return reverse("desk")


@require_http_methods(["GET", "HEAD", "POST"])
def choose_agency(request: HttpRequest) -> HttpResponse:
    """The last step of signing in, and the way to switch to another agency of the member's.

    A single agency is chosen at once. Only for a session that gave password *and* code.
    """
    person = request.user
    if not isinstance(person, Person):
        return HttpResponseRedirect(reverse("account_login"))
    go_on = safe_next(request.POST.get("next") or request.GET.get("next"))
    earlier = request.session.get(SESSION_KEY)
    code_age = _code_age_s(request, person)
    if code_age is None:
        credentials.log_sign_in("session.sign_in", refused="no_second_factor")
        return _turn_away(request, "desk/no_second_factor.html")
    if earlier and credentials.resolve_credential(earlier) is None:
        auth.logout(request)  # ended, or past its cap: the member must sign in again
        ask = urlencode({"next": go_on, "why": "ended"})
        return HttpResponseRedirect(f"{reverse('account_login')}?{ask}")
    members = list(
        Membership.objects.using("door")
        .filter(person_id=person.id, active=True, agency__active=True)
        .select_related("agency")
        .order_by("agency__name")
    )
    if not members:
        credentials.log_sign_in("session.sign_in", refused="no_agency")
        return _turn_away(request, "desk/no_agency.html")
    chosen = members[0] if len(members) == 1 else _chosen(request, members)
    if chosen is None:
        choice = {"members": members, "next": go_on}
        return render(request, "desk/choose_agency.html", choice)
    if earlier:
        if request.method != "POST":
            return HttpResponseRedirect(go_on)
        go_on = reverse("desk")  # the page they were on belongs to the other agency
    # Only together with its entry (R11): otherwise the session stays and the member tries again.
    with transaction.atomic(using="door"):
        if earlier:
            credentials.end_credential(earlier)
        request.session.cycle_key()
        request.session[SESSION_KEY] = credentials.open_for_member(chosen, code_age)
        request.session[SEVERAL_KEY] = len(members) > 1
        form_replay.forget_form(
            request
        )  # typed for the other agency; both may be sides of one referral
        credentials.log_sign_in("session.sign_in", agency_id=chosen.agency_id, member_id=chosen.id)
    return HttpResponseRedirect(go_on)


def _chosen(request: HttpRequest, members: list[Membership]) -> Membership | None:
    asked = request.POST.get("membership") if request.method == "POST" else None
    return next((one for one in members if str(one.id) == asked), None)


def _code_age_s(request: HttpRequest, person: Person) -> float | None:
    """Return the seconds since a code was given in this session; None if there was none, or if that
    is longer ago than a session lasts."""
    given = [
        record.get("at", 0)
        for record in get_authentication_records(request, person)
        if record.get("method") == "mfa"
    ]
    age = time.time() - max(given, default=0)
    return age if age < settings.CREDENTIAL_SESSION_S else None


def _turn_away(request: HttpRequest, template: str) -> HttpResponse:
    auth.logout(request)
    return render(request, template, status=403)


@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """GET asks. POST ends the credential in the database and makes the browser forget."""
    if request.method != "POST":
        return render(request, "account/logout.html")
    _end_session(request)
    response = HttpResponseRedirect(f"{reverse('account_login')}?why=out")
    response["Clear-Site-Data"] = FORGET
    return response


@csrf_exempt  # it must never fail; the cookie is SameSite, so no other site can post it
@require_POST
def quick_exit(request: HttpRequest) -> HttpResponse:
    """Sign out quickly and lead to a page about the weather. The browser's history cannot be
    cleared without script; the page says so."""
    try:
        _end_session(request)
    except Unavailable:  # the log is full: the session must end all the same, without a message
        credentials.end_credential(request.session[SESSION_KEY])
        auth.logout(request)
    response = HttpResponse(status=303, headers={"Location": QUICK_EXIT})
    response["Clear-Site-Data"] = '"cookies", "storage"'  # "cache" can take a browser seconds
    return response


def _end_session(request: HttpRequest) -> None:
    if secret := request.session.get(SESSION_KEY):
        if principal := credentials.resolve_credential(secret):
            credentials.log_sign_in(
                "session.sign_out",
                agency_id=principal.agency_id,
                member_id=principal.member_id,
            )
        credentials.end_credential(secret)
    auth.logout(request)


@require_safe
def inactive(request: HttpRequest) -> HttpResponse:
    """allauth leads here after a right password for an account that is closed."""
    return render(request, "account/account_inactive.html", status=403)
