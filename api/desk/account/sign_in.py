"""Signing in (a passkey, or a password and a second step; then the agency), signing out, and
leaving quickly.

allauth checks passkey, password and code. This module opens a credential for the chosen agency and
ends it again. What the member may do depends on that credential alone.
"""

import time
from functools import partial
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.account.forms import LoginForm
from allauth.account.views import LoginView
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.webauthn.views import LoginWebAuthnView
from django import forms
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from api.accounts import device_names, sign_in_brake
from api.accounts.exercise_session import end_live, go_live
from api.agency_sign_in import came_by
from api.desk import unfinished_forms
from api.desk.account import enrollment
from api.desk.account.proofs import TOO_MANY, CodeForm, PasskeyForm, forms_to_show, passkey_page
from api.desk.request_context import SEVERAL_KEY
from api.http.authentication import SESSION_KEY
from api.http.middleware import QUICK_EXIT
from permissions.agency_sign_in import provider_sessions
from permissions.errors import NotAuthenticated, Unavailable
from permissions.identity import credentials, own_account, row_macs
from permissions.models import Membership, Person
from referrals.notifications.account_messages import tell_person

# "cache" as well, so that a shared computer's disk keeps nothing of a visit. Cookies are deleted
# singly: the device's own stays, so that a stranger's tries do not keep its people out.
FORGET = '"cache", "storage"'


class SignInForm(LoginForm):
    """Name and password. Every error gets the same answer, which gives no hint who exists."""

    error_messages = {"wrong": _("The user name or password is wrong. Try again.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in (("login", _("User name")), ("password", _("Password"))):
            self.fields[name].label = words
            self.fields[name].help_text = ""
            self.fields[name].widget.attrs.pop("placeholder", None)
        self.fields["login"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}

    def clean(self) -> Any:
        try:
            return super().clean()
        except forms.ValidationError as error:
            if error.code == TOO_MANY:
                raise forms.ValidationError(
                    _("Too many tries. Wait five minutes, then try again."), error.code
                ) from None
            raise forms.ValidationError(self.error_messages["wrong"], "wrong") from None


class SignIn(LoginView):
    """allauth's view, which always leads to the choice of agency, where the credential is
    opened."""

    form_class = SignInForm
    http_method_names = ["get", "head", "post"]  # a FormView takes PUT for POST

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form again; after too many tries with 429."""
        answer: HttpResponse = super().form_invalid(form)
        if form.has_error("__all__", TOO_MANY):
            answer.status_code = 429
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "after_passkey": self.get_success_url(),
            "passkey_domain": settings.PASSKEY_DOMAIN,
        }

    def render_to_response(self, context: Any, **kwargs: Any) -> HttpResponse:
        return passkey_page(super().render_to_response(context, **kwargs), context)

    def get_success_url(self) -> str:
        go_on = safe_next(self.request.POST.get("next") or self.request.GET.get("next"))
        return f"{reverse('desk_agency')}?{urlencode({'next': go_on})}"


@method_decorator(require_POST, name="dispatch")
class PasskeySignIn(LoginWebAuthnView):
    """allauth's view: a passkey, which asked for a fingerprint, face or PIN, is the password and
    the second step in one. Its form names the choice of agency as the next page."""

    http_method_names = ["post"]

    def get_form_class(self) -> Any:
        act = "session.sign_in"
        return partial(PasskeyForm, user=None, request=self.request, act=act)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Lead back to the sign-in page, which says so. Unknown and known passkeys get the same."""
        ask = {"next": self.request.POST.get("next", ""), "why": "passkey"}
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode(ask)}")


class Code(AuthenticateView):
    """allauth's view of the second step, with our forms: a passkey, a one-time code or a recovery
    code."""

    def get_form_class(self) -> Any:
        return partial(CodeForm, request=self.request, act="session.sign_in")

    def get_webauthn_form_class(self) -> Any:
        return partial(PasskeyForm, request=self.request, act="session.sign_in")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person = self.stage.login.user
        types = {one.type for one in own_account.factors_of(person)}
        return {
            **super().get_context_data(**kwargs),
            **forms_to_show(types, self.auth_form, self.webauthn_form),
        }

    def render_to_response(self, context: Any, **kwargs: Any) -> HttpResponse:
        return passkey_page(super().render_to_response(context, **kwargs), context)


def safe_next(text: str | None) -> str:
    """Return a path of this site to continue to, or the desk for anything else."""
    if text and text.startswith("/") and url_has_allowed_host_and_scheme(text, allowed_hosts=None):
        return text
    return reverse("desk")


@require_http_methods(["GET", "HEAD", "POST"])
def choose_agency(request: HttpRequest) -> HttpResponse:
    """The last step of signing in, and the way to switch to another agency of the member's.

    A single agency is chosen at once. Only for a session that gave a second factor, or a passkey
    alone. A sign-in on a new device is reported to their own channels.
    """
    person = request.user
    if not isinstance(person, Person):
        return HttpResponseRedirect(reverse("account_login"))
    if enrollment.in_progress(request):  # on their way into an agency: not into the desk yet
        return HttpResponseRedirect(reverse("join"))
    go_on = safe_next(request.POST.get("next") or request.GET.get("next"))
    go_live(request)  # an exercise is left before an agency is chosen
    earlier = request.session.get(SESSION_KEY)
    code_age = _code_age_s(request, person)
    if code_age is None:
        credentials.log_sign_in("session.sign_in", refused="no_second_factor")
        return _turn_away(request, "desk/no_second_factor.html")
    if earlier and credentials.resolve_credential(earlier) is None:
        auth.logout(request)  # ended, or past its cap: the member must sign in again
        ask = {"next": go_on, "why": "ended"}
        if unsaved := request.GET.get("unsaved"):  # what was sent to the page that led here
            ask["unsaved"] = unsaved
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode(ask)}")
    members = list(
        Membership.objects.using("signin")
        .filter(person_id=person.id, active=True, agency__active=True, agency__exercise=None)
        .select_related("agency")
        .order_by("agency__name")
    )
    if not members:
        credentials.log_sign_in("session.sign_in", refused="no_agency")
        return _turn_away(request, "desk/no_agency.html")
    members, _standing = came_by.opened(request, person, members)
    if not members:
        credentials.log_sign_in("session.sign_in", refused="agency_sign_in")
        return _turn_away(request, "desk/agency_sign_in/use_it.html")
    chosen = members[0] if len(members) == 1 else _chosen(request, members)
    if chosen is None:
        choice = {"members": members, "next": go_on}
        return render(request, "desk/choose_agency.html", choice)
    if earlier:
        if request.method != "POST":
            return HttpResponseRedirect(go_on)
        go_on = reverse("desk")  # the page they were on belongs to the other agency
    row_macs.require_bound(chosen)
    # Only together with its entry (R11): otherwise the session stays and the member tries again.
    # The person is locked: no account is linked meanwhile.
    with own_account.locked(person):
        still, standing = came_by.opened(request, person, [chosen])
        if not still:
            raise NotAuthenticated
        if earlier:
            credentials.end_credential(earlier)
        request.session.cycle_key()
        new = not sign_in_brake.is_known_device(request, person)
        device = device_names.code_of(request.META.get("HTTP_USER_AGENT", ""), new=new)
        secret = credentials.open_for_member(chosen, code_age, device)
        request.session[SESSION_KEY] = secret
        if standing:
            provider_sessions.opens(standing.session, secret)
        request.session[SEVERAL_KEY] = len(members) > 1
        credentials.log_sign_in("session.sign_in", agency_id=chosen.agency_id, member_id=chosen.id)
        if new:
            tell_person(person.id, "new_device")
    answer = HttpResponseRedirect(go_on)
    sign_in_brake.remember_device(request, answer, person)
    return answer


def _chosen(request: HttpRequest, members: list[Membership]) -> Membership | None:
    asked = request.POST.get("membership") if request.method == "POST" else None
    return next((one for one in members if str(one.id) == asked), None)


def _code_age_s(request: HttpRequest, person: Person) -> float | None:
    """Return the seconds since this session began with a second factor; None if it had none, or if
    that is longer ago than a session lasts. A proof that was given again, at the lock or for the
    own account, does not make it last longer."""
    given = [
        record.get("at", 0)
        for record in get_authentication_records(request, person)
        if record.get("method") == "mfa" and not record.get("reauthenticated")
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
    for name in request.COOKIES:
        if name != settings.DEVICE_COOKIE_NAME:
            response.delete_cookie(name)
    return response


@csrf_exempt  # it must never fail; the cookie is SameSite, so no other site can post it
@require_POST
def quick_exit(request: HttpRequest) -> HttpResponse:
    """Sign out quickly and lead to a page about the weather. The browser's history cannot be
    cleared without script; the page says so."""
    try:
        _end_session(request)
    except Unavailable:  # the log is full: the session must end all the same, without a message
        end_live(request)
        credentials.end_credential(request.session[SESSION_KEY])
        auth.logout(request)
    response = HttpResponse(status=303, headers={"Location": QUICK_EXIT})
    response["Clear-Site-Data"] = '"cookies", "storage"'  # "cache" can take a browser seconds
    if settings.SLIP_COOKIE_NAME in request.COOKIES:  # a survivor's visit, in any browser
        response.delete_cookie(settings.SLIP_COOKIE_NAME, samesite="Strict")
    return response


def _end_session(request: HttpRequest) -> None:
    """End the credential and the session, and what the member typed and did not send."""
    if secret := request.session.get(SESSION_KEY):
        if principal := credentials.resolve_credential(secret):
            credentials.log_sign_in(
                "session.sign_out",
                agency_id=principal.agency_id,
                member_id=principal.member_id,
            )
            unfinished_forms.forget_all(request, principal.staff_id)
        end_live(request)
        credentials.end_credential(secret)
    auth.logout(request)


@require_safe
def inactive(request: HttpRequest) -> HttpResponse:
    """allauth leads here after a right password for an account that is closed."""
    return render(request, "account/account_inactive.html", status=403)
