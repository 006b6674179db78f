"""The page of one notice by a card: the code to key while Cairn calls the agency, and then the
notice's state as its sender is shown it. Only the browser that made it has its secret; to any other
it is an address like a random one."""

from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import labels
from api.desk.card.officer import OFTEN
from api.desk.forms import DeskForm, one_of
from api.desk.problem_texts import PROBLEMS
from api.desk.request_context import METHODS, page
from api.http.middleware import CSP_SCRIPT
from api.http.problem_details import refused_page
from permissions.card import cards
from permissions.errors import BadRequest, NotVisible, Refused, TooOften, WrongState
from referrals import codes
from referrals.act_registry.registry import ACTS
from referrals.card import calls, kept, sending
from referrals.card.calls import Call
from referrals.card.kept import Kept

WAITS_S, SENT_S = 4, 60  # seconds between two looks of the page's script
ENDINGS = {"withdraw": sending.withdraw, "mark_error": sending.mark_error}
WHY = {
    Call.FAILED: _("Cairn could not call your agency."),
    Call.OVER: _("No one keyed the code within ten minutes."),
    Call.SPENT: _("Three wrong codes were keyed."),
    Call.STOPPED: _("It was stopped."),
    Call.GIVEN: _("The code was right, but the notice could not be sent."),
}


class WithdrawForm(DeskForm):
    code = one_of(labels.choices(codes.WITHDRAW), _("Reason"))


class MistakeForm(DeskForm):
    code = one_of(labels.choices(codes.MARK_ERROR), _("What was the mistake?"))


FORMS: dict[str, type[forms.Form]] = {"withdraw": WithdrawForm, "mark_error": MistakeForm}


class Shown(NamedTuple):
    """What the page shows; `state` changes with it, and `every` is how soon to look again."""

    template: str
    state: str
    every: int
    context: dict[str, Any]


@require_http_methods(METHODS)
def notice(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """Show how it stands; call again, or stop."""
    try:
        found = kept.of_page(notice_id, _secret(request))
        refusal = None
        if request.method == "POST":
            try:
                _act(request, notice_id)
                return redirect("card_notice", notice_id)
            except NotVisible:
                raise
            except Refused as error:
                refusal = error
                found = kept.of_page(notice_id, _secret(request))
        elif sending.is_under_way(found):  # the process that took the code was cut off
            sending.send(notice_id, wait=False)
            found = kept.of_page(notice_id, _secret(request))
        return _page(request, found, refusal)
    except Refused as refusal:
        return refused_page(request, refusal)


def _act(request: HttpRequest, notice_id: UUID) -> None:
    match request.POST.get("what"):
        case "call":
            calls.again(notice_id, _secret(request))
        case "stop":
            calls.stop(notice_id, _secret(request))
        case _:
            raise BadRequest(
                "unknown_code", "Something is missing from this form. Reload the page."
            )


@require_http_methods(METHODS)
def end(request: HttpRequest, notice_id: UUID, act: str) -> HttpResponse:
    """Withdraw the notice, or mark it as a mistake, for a reason of the list."""
    try:
        if act not in ENDINGS:
            raise NotVisible
        found = kept.of_page(notice_id, _secret(request))
        form = FORMS[act](request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                ENDINGS[act](found, form.cleaned_data["code"])
                return redirect("card_notice", notice_id)
            except WrongState:
                return redirect("card_notice", notice_id)  # it shows how it stands
        if act not in sending.read(found).acts:
            return redirect("card_notice", notice_id)
        words = ACTS[act].page
        assert words is not None
        context = {
            "form": form,
            "notice_id": notice_id,
            "title": gettext(words.title),
            "button": gettext(words.button),
        }
        answer = page(request, "desk/card/end.html", context)
        if form.errors:
            answer.status_code = 400
        return answer
    except Refused as refusal:
        return refused_page(request, refusal)


def _secret(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.CARD_COOKIE_NAME, "")


def _page(request: HttpRequest, found: Kept, refusal: Refused | None) -> HttpResponse:
    shown = _sent(found) if found.content.sent_at else _unsent(found)
    context = shown.context | {"notice_id": found.id, "polls": shown if shown.every else None}
    if refusal is not None:
        often = isinstance(refusal, TooOften)
        context["refused"] = OFTEN if often else gettext(refusal.detail)
    answer = page(request, shown.template, context, refusal)
    answer["Content-Security-Policy"] = CSP_SCRIPT
    return answer


def _unsent(found: Kept) -> Shown:
    content, how = found.content, calls.how(found)
    if how in (Call.QUEUED, Call.MADE):
        context: dict[str, Any] = {
            "how": how,
            "code": f"{content.code[:3]} {content.code[3:]}",
            "ending": content.number[-2:],
        }
        return Shown("desk/card/waiting.html", how, WAITS_S, context)
    if sending.is_under_way(found):
        return Shown("desk/card/under_way.html", "under_way", WAITS_S, {})
    card = cards.of_agency(content.agency_id)
    context = {
        "why": WHY[how],
        "problem": PROBLEMS.get(content.refused or ""),
        "may_call": card is not None and how is not Call.GIVEN,
        "card": card.code if card else "",
    }
    return Shown("desk/card/not_sent.html", f"not_sent {how}", 0, context)


def _sent(found: Kept) -> Shown:
    """What a sender is shown, and no more (T5)."""
    seen = sending.read(found)
    declined = seen.status == "cannot_take"
    context = {
        "shown": labels.state("from", seen.status),
        "reason": labels.label("decline", seen.referral.code) if declined else "",
        "service": seen.referral.service_name,
        "reference": seen.referral.reference,
        "call_them": seen.asked_to_ring_at is not None,
        "endings": [
            (act, gettext(ACTS[act].page.offer))  # type: ignore[union-attr]
            for act in ENDINGS
            if act in seen.acts
        ],
    }
    waits = seen.status in ("sent", "acknowledged")
    state = f"{seen.status} {context['call_them']}"
    return Shown("desk/card/sent.html", state, SENT_S if waits else 0, context)
