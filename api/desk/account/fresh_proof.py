"""The fresh second factor that a change of the own account needs: who gave one, the page that asks
for it, and the challenges that passkeys answer."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.account.stages import LoginStageController
from allauth.mfa.stages import AuthenticateStage
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from api.accounts import idle_lock, passkeys
from api.desk.account.proofs import Proof, passkey_page
from api.desk.account.sign_in import safe_next
from api.desk.request_context import METHODS
from api.http.problem_details import refused_page
from permissions.errors import NotAuthenticated, Refused
from permissions.identity import own_account
from permissions.models import Person

# Seconds for which the password counts for a person who has no second factor yet.
PASSWORD_LIVES_S = 15 * 60

P = ParamSpec("P")


def is_fresh(request: HttpRequest, person: Person, lives_s: int = settings.FRESH_PROOF_S) -> bool:
    """Return whether this session gave a second factor just now: at sign-in, at the lock, or on the
    page that asks for it. For a person who has none yet the password counts, or their agency's own
    sign-in."""
    wanted: tuple[str, ...] = ("mfa",)
    if not own_account.has_factor(person):
        wanted, lives_s = ("password", "agency"), PASSWORD_LIVES_S
    records = get_authentication_records(request, person)
    return any(
        one.get("method") in wanted and time.time() - one.get("at", 0) < lives_s for one in records
    )


def proven(
    view: Callable[Concatenate[HttpRequest, Person, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Give the view the person who is signed in, with a fresh second factor. Others are led to sign
    in or to prove it, and back to this page. A refusal becomes the page of its kind."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        person = request.user
        if not isinstance(person, Person):
            return _led(request, "account_login")
        try:
            if not is_fresh(request, person):
                return _led(request, "account_reauthenticate")
            return view(request, person, *args, **kwargs)
        except Refused as refusal:
            return refused_page(request, refusal)

    return guarded


def _led(request: HttpRequest, name: str) -> HttpResponse:
    after = request.POST.get("next") or request.GET.get("next")
    query = f"?{urlencode({'next': after})}" if after else ""
    return redirect(f"{reverse(name)}?{urlencode({'next': request.path + query})}")


@require_http_methods(METHODS)
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask for a second factor before the own account is changed."""
    person, go_on = request.user, safe_next(request.POST.get("next") or request.GET.get("next"))
    if not isinstance(person, Person):
        return redirect(f"{reverse('account_login')}?{urlencode({'next': go_on})}")
    if not own_account.has_factor(person):  # their password counted until now
        auth.logout(request)
        return redirect(f"{reverse('account_login')}?{urlencode({'next': go_on})}")
    try:
        proof = Proof(request, person, "account.confirm")
        if request.method == "POST" and proof.is_right():
            return HttpResponseRedirect(go_on)
    except Refused as refusal:
        return refused_page(request, refusal)
    context = proof.context(person) | {"next": go_on}
    return passkey_page(render(request, "mfa/reauthenticate.html", context), context)


@require_safe
def passkey_options(request: HttpRequest) -> HttpResponse:
    """Give the page's script a challenge: `for` is sign_in, prove or add. Anyone may ask for one to
    sign in with; it names no one."""
    match request.GET.get("for"):
        case "sign_in" if not request.user.is_authenticated:
            if not _proving(request):
                request.session.set_expiry(settings.FRESH_PROOF_S)  # a stranger's is soon forgotten
            return JsonResponse(passkeys.options_of_use(None))
        case "prove" if person := _proving(request):
            return JsonResponse(passkeys.options_of_use(person))
        case "add" if isinstance(request.user, Person) and not idle_lock.is_locked(request):
            if is_fresh(request, request.user):
                return JsonResponse(passkeys.options_of_making(request.user))
    return refused_page(request, NotAuthenticated())


def _proving(request: HttpRequest) -> Person | None:
    """Return who has to prove who they are: the person signed in, or who gave their password."""
    if isinstance(request.user, Person):
        return request.user
    stage = LoginStageController.enter(request, AuthenticateStage.key)
    return stage.login.user if stage else None
