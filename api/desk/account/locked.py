"""The idle lock at the desk (api/accounts/idle_lock.py): while a session is locked, every address
but those named here answers with the lock page, which shows nothing of anyone. One proof goes on
with the same credential, at the page where the member was."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from api.accounts import idle_lock
from api.accounts.exercise_session import LIVE_KEY, end_live, go_live
from api.desk.account.proofs import Proof, passkey_page
from api.desk.account.sign_in import safe_next
from api.desk.request_context import METHODS, came_from
from api.http.authentication import SESSION_KEY
from api.http.problem_details import refused_page, wants_json
from permissions.errors import NotAuthenticated, Refused
from permissions.identity import credentials
from permissions.models import Person

# The lock itself, the ways out, and what keeps typed words for the same member and shows none.
OPEN = frozenset(
    (
        *("desk_locked", "passkey_options", "account_logout", "leave"),
        *("choose_language", "desk_unfinished"),
        "sign",  # the screen was handed over: what is signed shows nothing of the session
    )
)


class IdleLockMiddleware:
    """Refuses what a locked session asks for, before any view runs and after the check of a form's
    token; notes the use of one that is not locked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not idle_lock.is_locked(request):
            idle_lock.note_use(request)
            return None
        match = request.resolver_match
        if match is not None and match.url_name in OPEN:
            return None
        if wants_json(request):
            return refused_page(request, NotAuthenticated())
        ask = urlencode(came_from(request))
        return HttpResponseRedirect(f"{reverse('desk_locked')}?{ask}")


@require_http_methods(METHODS)
def locked(request: HttpRequest) -> HttpResponse:
    """The lock page. After five wrong proofs the session ends, so that a thief of the device does
    not guess on."""
    go_on = safe_next(request.POST.get("next") or request.GET.get("next"))
    person = request.user
    if not isinstance(person, Person):
        return _sign_in_again(go_on)
    if not idle_lock.is_locked(request):
        return HttpResponseRedirect(go_on)
    try:
        secret = request.session.get(SESSION_KEY)
        if secret and LIVE_KEY in request.session and not credentials.resolve_credential(secret):
            go_live(request)  # the exercise ended meanwhile
            secret = request.session.get(SESSION_KEY)
        if secret and credentials.resolve_credential(secret) is None:  # past its cap, or ended
            auth.logout(request)
            return _sign_in_again(go_on)
        proof = Proof(request, person, "session.unlock")
        if request.method == "POST":
            if proof.is_right():
                idle_lock.unlock(request)
                return HttpResponseRedirect(go_on)
            if idle_lock.is_last_try(request):
                if secret:
                    end_live(request)
                    credentials.end_credential(secret)
                auth.logout(request)
                return _sign_in_again(go_on)
    except Refused as refusal:
        return refused_page(request, refusal)
    context = proof.context(person) | {"next": go_on}
    return passkey_page(render(request, "desk/locked.html", context), context)


def _sign_in_again(go_on: str) -> HttpResponse:
    ask = urlencode({"next": go_on, "why": "ended"})
    return HttpResponseRedirect(f"{reverse('account_login')}?{ask}")
