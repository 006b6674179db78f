"""Asks at each request of a session that came by an agency's sign-in whether it still stands
(api/agency_sign_in/session_standing.py), before any view runs."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from api.agency_sign_in.came_by import session_id_of
from api.agency_sign_in.session_standing import Verdict, verdict
from api.desk.request_context import came_from, page
from api.http.problem_details import refused_page, wants_json
from permissions.errors import NotAuthenticated, Refused, Unavailable
from permissions.identity import credentials

# The ways out.
OPEN = frozenset(("account_logout", "leave", "choose_language"))


class ProviderAway(Unavailable):
    """The agency's sign-in does not answer, and the person has no passkey here."""

    code = "provider_away"
    detail = "Your agency's sign-in does not answer now. Try again in a few minutes."


class ProviderMiddleware:
    """Refuses what a session asks for that its agency's provider has ended, or cannot speak for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        session_id = session_id_of(request)
        match = request.resolver_match
        if session_id is None or (match is not None and match.url_name in OPEN):
            return None
        try:
            found = verdict(session_id)
            if found is Verdict.GOOD:
                return None
            if found is Verdict.WAITS:
                credentials.log_sign_in("session.resume", refused=ProviderAway.code)
                return _waits(request)
            credentials.log_sign_in("session.resume", refused=NotAuthenticated.code)
            return _ended(request)
        except Refused as refusal:
            return refused_page(request, refusal)


def _waits(request: HttpRequest) -> HttpResponse:
    if wants_json(request):
        return refused_page(request, ProviderAway())
    return page(request, "desk/agency_sign_in/away.html", {}, ProviderAway())


def _ended(request: HttpRequest) -> HttpResponse:
    if wants_json(request):
        auth.logout(request)
        return refused_page(request, NotAuthenticated())
    ask = came_from(request) | {"why": "ended"}
    auth.logout(request)
    return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode(ask)}")
