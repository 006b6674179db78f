"""The way to an agency's provider and back: to sign in, to link an account, to test, and to join.

Whatever is wrong with what comes back, the page says the same; the log has the code.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django import forms
from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.accounts import factor_changes
from api.agency_sign_in import came_by, pending, provider_client, session_standing
from api.agency_sign_in.pending import Pending
from api.agency_sign_in.provider_client import Away, Denied, Given
from api.agency_sign_in.tokens import BadToken
from api.desk.account.fresh_proof import is_fresh
from api.desk.account.new_sign_in import KEY as INVITATION
from api.desk.account.sign_in import safe_next
from api.desk.agency_sign_in.session_check import ProviderAway
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, current_visit, page, signed_in, to_sign_in
from api.http.authentication import SESSION_KEY
from api.http.problem_details import refused_page
from permissions.agency_sign_in import links, provider_sessions, providers
from permissions.enrollment import agency_links, invitations
from permissions.errors import NotPermitted, NotPossible, NotVisible, Refused
from permissions.identity import credentials
from permissions.models import Person, SignInProvider

MOST_CODE = 4000  # characters of what a provider sends back


class CodeForm(DeskForm):
    agency = Text(
        label=_("Your agency's code"),
        max_length=20,
        widget=forms.TextInput(attrs=PRIVATE | {"autocapitalize": "none"}),
        help_text=_("Eight letters and digits, from your administrator."),
    )


def return_address() -> str:
    """Where a provider sends browsers back: what is registered there as the redirect URI."""
    return f"{settings.BASE_URL.rstrip('/')}{reverse('agency_back')}"


@require_http_methods(METHODS)
def choose(request: HttpRequest) -> HttpResponse:
    """Ask for the agency's code."""
    form = CodeForm(request.POST or None)
    try:
        if request.method == "POST" and form.is_valid():
            code = form.cleaned_data["agency"].strip().lower()
            if providers.by_code(code) is not None:
                return HttpResponseRedirect(_with_next("agency_entrance", request, code))
            form.add_error("agency", _("No agency has this code."))
    except Refused as refusal:
        return refused_page(request, refusal)
    asked = request.POST.get("next") or request.GET.get("next")
    context = {"form": form, "next": safe_next(asked) if asked else ""}
    return page(request, "desk/agency_sign_in/choose.html", context)


@require_safe
def entrance(request: HttpRequest, code: str) -> HttpResponse:
    """The agency's own address: one link to its provider."""
    try:
        provider = providers.by_code(code)
        if provider is None:
            raise NotVisible
    except Refused as refusal:
        return refused_page(request, refusal)
    context = {"agency": provider.agency, "start": _with_next("agency_start", request, code)}
    return page(request, "desk/agency_sign_in/entrance.html", context)


def _with_next(name: str, request: HttpRequest, code: str) -> str:
    asked = request.POST.get("next") or request.GET.get("next")
    query = f"?{urlencode({'next': asked})}" if asked else ""
    return f"{reverse(name, args=[code])}{query}"


@require_safe
def start(request: HttpRequest, code: str) -> HttpResponse:
    """Send the browser to the provider."""
    if SESSION_KEY in request.session:
        return redirect("desk")
    try:
        provider = providers.by_code(code)
        if provider is None:
            raise NotVisible
    except Refused as refusal:
        return refused_page(request, refusal)
    return send(request, provider, pending.SIGN_IN, safe_next(request.GET.get("next")))


def send(request: HttpRequest, provider: SignInProvider, purpose: str, go_on: str) -> HttpResponse:
    """Send the browser to the provider, or show that it does not answer."""
    try:
        there = pending.begin(request, provider, purpose, go_on, return_address())
    except Away as error:
        return _away(request, provider, error)
    return HttpResponseRedirect(there)


# -- And back --------------------------------------------------------------------------------------


@require_safe
def back(request: HttpRequest) -> HttpResponse:
    """Take what the provider sent the browser back with, once."""
    sent = pending.take(request, request.GET.get("state", ""))
    try:
        if sent is None:
            return refuse(request, "provider_state")
        provider = providers.by_id(UUID(sent.provider_id))
        if provider is None or not (provider.active or sent.purpose == pending.TEST):
            return refuse(request, "provider_off")
        code = request.GET.get("code", "")
        if request.GET.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
            return refuse(request, "token_issuer")
        if not code or len(code) > MOST_CODE or "error" in request.GET:
            return refuse(request, "provider_denied")
        given = provider_client.redeem(provider, code, sent.verifier, return_address(), sent.nonce)
        return _ACTS[sent.purpose](request, provider, sent, given)
    except Denied:
        return refuse(request, "provider_denied")
    except BadToken as error:
        return refuse(request, error.code)
    except Away as error:
        assert provider is not None  # it was asked
        return _away(request, provider, error)
    except NotPossible as refusal:
        if refusal.code == "account_linked":
            return refuse(request, refusal.code)
        return refused_page(request, refusal)
    except Refused as refusal:
        return refused_page(request, refusal)


def refuse(request: HttpRequest, code: str) -> HttpResponse:
    """The one page for whatever is wrong. Raises Unavailable."""
    secret = request.session.get(SESSION_KEY)
    who = credentials.resolve_credential(secret) if secret else None
    named: dict[str, Any] = {"agency_id": who.agency_id, "member_id": who.member_id} if who else {}
    try:
        credentials.log_sign_in("session.sign_in", **named, refused=code)
    except Refused as refusal:
        return refused_page(request, refusal)
    return page(request, "desk/agency_sign_in/refused.html", {}, NotPermitted())


def _away(request: HttpRequest, provider: SignInProvider, error: Away) -> HttpResponse:
    try:
        if error.is_outage:
            session_standing.note_away(provider)
        credentials.log_sign_in("session.sign_in", refused=ProviderAway.code)
    except Refused as refusal:
        return refused_page(request, refusal)
    return page(request, "desk/agency_sign_in/away.html", {}, ProviderAway())


def _signs_in(
    request: HttpRequest, provider: SignInProvider, sent: Pending, given: Given
) -> HttpResponse:
    """The provider replaces the password: the person's own second factor is asked for next."""
    assert given.account is not None
    link = links.find(provider, given.account.subject)
    if link is None:
        return refuse(request, "account_unknown")
    if not link.person.is_active:
        return refuse(request, "account_closed")
    providers.note_back(provider)
    session = provider_sessions.begin(link, given.account.sid, given.refresh_token)
    came_by.begin(request, session)
    record_authentication(request, link.person, "agency")
    go_on = f"{reverse('desk_agency')}?{urlencode({'next': sent.go_on})}"
    answer: HttpResponse = perform_login(request, Login(user=link.person, redirect_url=go_on))
    return answer


def _links(
    request: HttpRequest, provider: SignInProvider, sent: Pending, given: Given
) -> HttpResponse:
    """Link the account to the member who is signed in and proved just now who they are."""
    visit, person = current_visit(request), request.user
    if visit is None or not isinstance(person, Person):
        return to_sign_in(request)
    if visit.principal.agency_id != provider.agency_id or not is_fresh(request, person):
        return refuse(request, "provider_state")
    assert given.account is not None
    account, secret = given.account, request.session[SESSION_KEY]
    earlier = came_by.session_id_of(request)
    with factor_changes.change(request, person, "account.link_agency") as stored:
        if earlier:
            provider_sessions.opens_nothing(earlier)
        session = links.make(provider, stored, account.subject, account.sid, given.refresh_token)
        provider_sessions.opens(session, secret)
    came_by.begin(request, session)
    notes.success(request, gettext("Linked. From now on you sign in with your agency."))
    return redirect("desk_account")


def _tests(
    request: HttpRequest, provider: SignInProvider, sent: Pending, given: Given
) -> HttpResponse:
    """The administrator's test: it came back right. No one is signed in or linked by it."""
    visit = current_visit(request)
    if visit is None:
        return to_sign_in(request)
    providers.record_test(visit.principal, provider.id, given.refresh_token is not None)
    notes.success(request, gettext("The test went well."))
    return redirect("desk_agency_sign_in")


def _joins(
    request: HttpRequest, provider: SignInProvider, sent: Pending, given: Given
) -> HttpResponse:
    """Keep the account until the invited person has chosen a user name."""
    assert given.account is not None
    if links.find(provider, given.account.subject) is not None:
        return refuse(request, "account_linked")
    pending.keep(request, provider, given)
    return redirect("join")


_ACTS = {
    pending.SIGN_IN: _signs_in,
    pending.LINK: _links,
    pending.TEST: _tests,
    pending.JOIN: _joins,
}


# -- To link, and to join --------------------------------------------------------------------------


@require_safe
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """What it means to link one's account, before it is done."""
    provider = _provider_of(visit)
    who = visit.principal
    linked = who.person_id is not None and agency_links.is_linked(who.person_id, who.agency_id)
    context = {"linked": linked, "issuer": provider.issuer}
    return page(request, "desk/agency_sign_in/own.html", context)


def _provider_of(visit: Visit) -> SignInProvider:
    """The provider of the member's agency. Raises NotVisible: there is none, or it is off."""
    provider = providers.of_agency(visit.principal.agency_id)
    if provider is None or not provider.active:
        raise NotVisible
    return provider


@require_safe
@signed_in
def link_start(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Send a member who proved just now who they are to their agency's provider."""
    provider, person = _provider_of(visit), request.user
    if not isinstance(person, Person) or not is_fresh(request, person):
        ask = urlencode({"next": reverse("desk_own_agency_sign_in")})
        return redirect(f"{reverse('account_reauthenticate')}?{ask}")
    return send(request, provider, pending.LINK, "")


@require_safe
def join_start(request: HttpRequest) -> HttpResponse:
    """Send a person who is invited to the provider of the agency that invites them."""
    try:
        found = invitations.find(request.session.get(INVITATION, ""))
        if found is None or found.kind != "join" or request.user.is_authenticated:
            return redirect("join")
        provider = providers.of_agency(found.agency_id)
        if provider is None or not provider.active:
            raise NotVisible
    except Refused as refusal:
        return refused_page(request, refusal)
    return send(request, provider, pending.JOIN, "")
