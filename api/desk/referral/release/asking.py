"""The worker's page while a signature is asked for: it hands the screen over, or shows the picture
for the survivor's own phone; it shows when it was signed, and records the permission.

The page's secret is in a cookie for this address alone, of the browser in which it was begun.
"""

from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.accounts import idle_lock
from api.desk import unfinished_forms
from api.desk.agency.link_picture import picture_of
from api.desk.referral.act_view import page_of
from api.desk.referral.page import other_agency
from api.desk.referral.release.signed_paper import asks_name, paper_lines
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.http.middleware import CSP_SCRIPT
from permissions.errors import BadRequest, NotPermitted, NotVisible, Refused
from referrals.act_registry.registry import ACTS
from referrals.queries.details import Detail
from referrals.releases.terms import Terms
from referrals.signing import signatures
from referrals.signing.pending import LIVES, RECORDED_WITHIN, Content

LOOKS_EVERY_S = 4
TITLES = {
    "screen": _("Hand the screen over"),
    "own_phone": _("Let their phone read this"),
}


class Polls(NamedTuple):
    """What the page's script looks for (static/desk/card.js)."""

    state: str
    every: int


def begin(visit: Visit, seen: Detail, act: str, terms: Terms, language: str) -> HttpResponse:
    """Ask for a signature for these terms, and lead to its page. Raises as signatures.ask."""
    referral_id = seen.referral.id
    secret = signatures.ask(
        visit.principal,
        referral_id,
        act,
        terms,
        other_agency(seen).kind,
        language,
        paper_lines(visit.principal, seen, act, terms, language),
        asks_name=asks_name(visit.principal, terms),
    )
    path = reverse("desk_signing", args=[referral_id, act])
    answer = redirect(path)
    answer.set_cookie(
        settings.SIGNING_COOKIE_NAME,
        secret,
        max_age=LIVES + RECORDED_WITHIN,
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return answer


@require_http_methods(METHODS)
@signed_in
def signing(request: HttpRequest, visit: Visit, referral_id: UUID, act: str) -> HttpResponse:
    """Show how far it is; hand over, record, or stop. Without the cookie it is over for everyone,
    whatever the address names."""
    secret = request.COOKIES.get(settings.SIGNING_COOKIE_NAME, "")
    refusal = None
    try:
        content = signatures.asked(visit.principal, referral_id, act, secret)
        if request.method == "POST":
            try:
                return _act(request, visit, content, secret)
            except (NotVisible, NotPermitted):
                raise
            except Refused as error:
                refusal = error
        return _show(request, content, secret, refusal)
    except NotVisible as gone:
        again = f"desk_{act}" if act in signatures.DIRECTIONS else ""
        context = {"again": again, "referral_id": referral_id}
        return page(request, "desk/signing/asking_over.html", context, gone)


def _act(request: HttpRequest, visit: Visit, content: Content, secret: str) -> HttpResponse:
    referral_id, act = content.referral_id, content.act
    form = reverse(f"desk_{act}", args=[referral_id])
    match request.POST.get("what"):
        case "hand_over" if content.way == "screen" and content.signed_at is None:
            idle_lock.lock(request)
            answer = redirect("sign", secret)
            answer["Clear-Site-Data"] = '"cache"'  # pages that "back" would show without asking
            return answer
        case "record":
            signatures.record(visit.principal, referral_id, act, secret)
            unfinished_forms.forget(request, visit, form)
            messages.success(request, gettext(page_of(ACTS[act]).done))
            return _without_cookie(redirect("desk_referral", referral_id), request)
        case "stop":
            signatures.stop(visit.principal, referral_id, act, secret)
            return _without_cookie(redirect(form), request)
        case _:
            raise BadRequest(
                "unknown_code", "Something is missing from this form. Reload the page."
            )


def _without_cookie(answer: HttpResponse, request: HttpRequest) -> HttpResponse:
    answer.delete_cookie(settings.SIGNING_COOKIE_NAME, path=request.path, samesite="Strict")
    return answer


def _show(
    request: HttpRequest, content: Content, secret: str, refusal: Refused | None
) -> HttpResponse:
    signed = content.signed_at is not None
    phone = content.way == "own_phone"
    link = f"{settings.BASE_URL.rstrip('/')}{reverse('sign', args=[secret])}"
    context = {
        "title": _("They have signed") if signed else TITLES[content.way],
        "signed_at": content.signed_at,
        "recorded_by": content.signed_at + RECORDED_WITHIN if content.signed_at else None,
        "ends_at": content.begun_at + LIVES,
        "phone": phone,
        "picture": picture_of(link) if phone and not signed else "",
        "host": urlsplit(settings.BASE_URL).hostname,
        "polls": Polls("signed" if signed else "waits", LOOKS_EVERY_S) if not signed else None,
        "refused": gettext(refusal.detail) if refusal else "",
    }
    answer = page(request, "desk/signing/asking.html", context, refusal)
    answer["Content-Security-Policy"] = CSP_SCRIPT
    return answer
