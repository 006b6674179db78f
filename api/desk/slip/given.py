"""Giving a survivor a slip: the worker hands the screen over, the survivor types their word, and
the code is shown once, to print.

The word is never shown, kept or filled in again: what is wrong with it comes back as a word in the
address, and the form is empty. The printed page is not the answer to the form, which a browser
would keep on its disk together with what was typed (TH7).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.errors import BadRequest, NotVisible, Unavailable
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from referrals.slip import code_and_word, giving

SHOWN_FOR_S = 10 * 60
COOKIE = "slip_code"
WHY = {
    "asked": _("Give a slip only if the survivor asks for it and has heard the risks."),
    "word": _("Choose a word of 6 to 60 characters, 4 of them different. Type it again."),
    "twice": _("The two words are not the same. Type the word again, twice."),
}


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """Show whether there is a slip, and what one is; give one, or end it."""
    if request.method == "POST":
        return (
            _end(visit, referral_id, request)
            if "end" in request.POST
            else _give(request, visit, referral_id)
        )
    shown = giving.overview(visit.principal, referral_id)
    context = {
        "shown": shown,
        "now": shown.now,
        "referral_id": referral_id,
        "why": WHY.get(request.GET.get("why", "")),
        "shortest": code_and_word.SHORTEST,
    }
    return page(request, "desk/slip/given.html", context)


def _end(visit: Visit, referral_id: UUID, request: HttpRequest) -> HttpResponse:
    giving.end(visit.principal, referral_id)
    notes.success(request, gettext("Ended. The code opens nothing any more."))
    return redirect("desk_slip", referral_id)


def _give(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    typed = request.POST
    word, why = typed.get("word", ""), ""
    if "asked" not in typed:
        why = "asked"
    elif word != typed.get("again", ""):
        why = "twice"
    else:
        try:
            code = giving.give(visit.principal, referral_id, word)
        except BadRequest:
            why = "word"
    if why:
        return redirect(f"{reverse('desk_slip', args=[referral_id])}?why={why}")
    answer = redirect("desk_slip_print", referral_id)
    answer.set_cookie(
        COOKIE,
        _sealed(code, visit, referral_id),
        max_age=SHOWN_FOR_S,
        path=answer["Location"],
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return answer


@require_safe
@signed_in
def printed(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
    """The slip, to print: for ten minutes, in the browser of the member who gave it."""
    shown = giving.overview(visit.principal, referral_id)
    code = _opened(request.COOKIES.get(COOKIE, ""), visit, referral_id, shown.now)
    if shown.ended or shown.ends_at is None or code is None:
        raise NotVisible
    address = f"{settings.BASE_URL.rstrip('/')}{reverse('slip')}".partition("://")[2]
    context: dict[str, Any] = {
        "code": code_and_word.in_groups(code),
        "address": address,
        "ends_at": shown.ends_at,
        "referral_id": referral_id,
        "languages": [code for code, _name in settings.LANGUAGES],
    }
    return page(request, "desk/slip/printed.html", context)


def _sealed(code: str, visit: Visit, referral_id: UUID) -> str:
    plain = orjson.dumps([code, visit.now])
    return seal(derived_key("slip print"), plain, _context(visit, referral_id)).hex()


def _opened(kept: str, visit: Visit, referral_id: UUID, now: datetime) -> str | None:
    try:
        plain = unseal(derived_key("slip print"), bytes.fromhex(kept), _context(visit, referral_id))
    except (Unavailable, ValueError):
        return None
    code, given_at = orjson.loads(plain)
    old = now - datetime.fromisoformat(given_at)
    return str(code) if old.total_seconds() < SHOWN_FOR_S else None


def _context(visit: Visit, referral_id: UUID) -> str:
    return f"slip print:{visit.principal.member_id}:{referral_id}"
