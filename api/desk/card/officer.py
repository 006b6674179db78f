"""An officer without an account, at the address of their agency's card: four taps make a notice.

Each tap is one button on one page. What was chosen travels in the form, and nothing is stored
before the fourth tap, which calls the agency.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import labels
from api.desk.request_context import METHODS, as_uuid, page
from api.http.problem_details import refused_page
from directory.listings import Listing
from permissions.audit import writer
from permissions.card import cards
from permissions.card.card_rows import InForce
from permissions.errors import NotVisible, Refused, TooOften
from referrals import codes
from referrals.card import calls, sending
from referrals.card.kept import ANSWERS_FOR, SECRET_BYTES

NO = "no"  # never a code of ours: it is not stored (R14)
AGREEMENT = [*labels.choices(codes.AGREEMENT), (NO, _("No"))]
SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
OFTEN = _(
    "Your agency was called three times within an hour, which is the most. Call the service"
    " yourself, or a number below."
)


class Choice(NamedTuple):
    value: str
    words: str
    note: str = ""


@require_http_methods(METHODS)
def card(request: HttpRequest, code: str) -> HttpResponse:
    """Show the page whose turn it is."""
    try:
        found = cards.find(code)
        if found is None:
            writer.log_refusal(None, "card.call", "card_off")
            return page(request, "desk/card/not_in_force.html", {}, NotVisible())
        return _step(request, found)
    except Refused as refusal:
        return refused_page(request, refusal)


def _step(request: HttpRequest, found: InForce) -> HttpResponse:
    given = request.POST
    services = sending.open_services(found.agency.id)
    chosen = next((one for one in services if one.id == as_uuid(given.get("service"))), None)
    urgency, agreement = given.get("urgency", ""), given.get("agreement", "")
    if chosen is None:
        return _choose_service(request, found, services)
    kept = [("service", str(chosen.id))]
    context: dict[str, Any] = {"agency": found.agency, "service": chosen, "kept": kept}
    if urgency not in codes.URGENCY:
        choices = [Choice(value, str(words)) for value, words in labels.choices(codes.URGENCY)]
        title = gettext("How urgent is it?")
        return _ask(request, context, 2, title, "urgency", choices)
    kept.append(("urgency", urgency))
    context["urgency"] = labels.label("urgency", urgency)
    if agreement not in dict(AGREEMENT):
        title = gettext("Does the survivor agree to this notice?")
        choices = [Choice(value, str(words)) for value, words in AGREEMENT]
        return _ask(request, context, 3, title, "agreement", choices)
    if agreement == NO:
        sending.record_no(found)
        return render(request, "desk/card/no.html", context)
    kept.append(("agreement", agreement))
    context["agreement"] = labels.label("agreement", agreement)
    return _call(request, found, chosen, context)


def _choose_service(
    request: HttpRequest, found: InForce, services: Sequence[Listing]
) -> HttpResponse:
    choices = [Choice(str(one.id), one.name, one.organization_name) for one in services]
    context = {"agency": found.agency, "gone": "service" in request.POST}
    return _ask(request, context, 1, gettext("Who can help?"), "service", choices)


def _ask(
    request: HttpRequest,
    context: dict[str, Any],
    step: int,
    title: str,
    name: str,
    choices: Sequence[Choice],
) -> HttpResponse:
    more = {"step": step, "title": title, "name": name, "choices": choices}
    return render(request, "desk/card/step.html", context | more)


def _call(
    request: HttpRequest, found: InForce, chosen: Listing, context: dict[str, Any]
) -> HttpResponse:
    """The fourth tap. `once` becomes the secret of this notice: a second tap on a slow line finds
    the notice of the first."""
    given, refusal = request.POST, None
    once = given.get("once", "")
    if SECRET.fullmatch(once):
        try:
            notice_id = calls.begin(found, chosen.id, given["urgency"], given["agreement"], once)
        except Refused as error:
            refusal = error
            context["refused"] = OFTEN if isinstance(error, TooOften) else gettext(error.detail)
        else:
            answer = redirect("card_notice", notice_id)
            keep(answer, answer["Location"], once)
            return answer
    else:
        once = secrets.token_urlsafe(SECRET_BYTES)
    more = {"step": 4, "once": once, "ending": found.number[-2:]}
    return page(request, "desk/card/call.html", context | more, refusal)


def keep(answer: HttpResponse, path: str, secret: str) -> None:
    """Give the browser the secret of this notice: for its page alone, and for a day."""
    answer.set_cookie(
        settings.CARD_COOKIE_NAME,
        secret,
        max_age=ANSWERS_FOR,
        path=path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
