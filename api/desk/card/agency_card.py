"""The agency's own card: whether it is on, who holds what is sent by it, and the card to print."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.agency.link_picture import picture_of
from api.desk.forms import DeskForm, listed
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.card import cards
from permissions.errors import BadRequest, NotVisible, Refused


class CardForm(DeskForm):
    lead = listed(
        [],
        _("The lead who holds what is sent by the card"),
        help_text=_("They get the alerts about it, and can withdraw it."),
    )

    def __init__(self, *args: Any, shown: cards.Shown, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lead = self.fields["lead"]
        assert isinstance(lead, forms.ChoiceField)
        lead.choices = [(str(one.id), one.name) for one in shown.leads]
        lead.initial = str(shown.lead_id or "")


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show how the card stands; switch it on, replace its code, or switch it off."""
    shown = cards.overview(visit.principal)
    if request.method == "POST" and (away := require_fresh_factor(request)):
        return away
    what = request.POST.get("what")
    form = CardForm(request.POST if what == "on" else None, shown=shown)
    refusal: Refused | None = None
    if request.method == "POST":
        try:
            if _done(visit, what, form):
                notes.success(request, gettext("Saved."))
                return redirect("desk_card")
        except Refused as error:
            refusal = error
    context = {
        "shown": shown,
        "form": form,
        "lead": next((one.name for one in shown.leads if one.id == shown.lead_id), ""),
        "why": gettext(shown.why.detail) if shown.why else "",
        "address": _address(shown.code) if shown.code else "",
        "refused": gettext(refusal.detail) if refusal else "",
    }
    answer = page(request, "desk/card/own.html", context, refusal)
    if form.errors and refusal is None:
        answer.status_code = 400
    return answer


def _done(visit: Visit, what: str | None, form: CardForm) -> bool:
    if what == "off":
        cards.switch_off(visit.principal)
        return True
    if what != "on":
        raise BadRequest("unknown_code", "Something is missing from this form. Reload the page.")
    if not form.is_valid():
        return False
    cards.switch_on(visit.principal, UUID(form.cleaned_data["lead"]))
    return True


@require_safe
@signed_in
def printed(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The card, to print and hand out."""
    shown = cards.overview(visit.principal)
    if not shown.code or shown.why:
        raise NotVisible
    address = _address(shown.code)
    link = f"{settings.BASE_URL.rstrip('/')}{reverse('card', args=[shown.code])}"
    context = {"address": address, "picture": picture_of(link), "agency": visit.agency}
    return page(request, "desk/card/printed.html", context)


def _address(code: str) -> str:
    """The short address, as it is read and typed: without the scheme, the code in groups."""
    grouped = "-".join(code[at : at + 4] for at in range(0, len(code), 4))
    link = f"{settings.BASE_URL.rstrip('/')}{reverse('card', args=[grouped])}"
    return link.partition("://")[2]
