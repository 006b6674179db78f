"""How an act on a referral is a page: it asks, does, says what was done, and leads back."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from api.desk import again
from api.desk.forms import ActForm
from api.desk.referral import common, referral_page
from api.desk.visit import METHODS, Visit, page, signed_in
from permissions.errors import NotPermitted, NotVisible, Refused
from referrals import reading
from referrals.reading import Detail


class ActPage(NamedTuple):
    """One act's page: what it says before, its form, what it does, what it says after."""

    act: str
    title: str
    says: str
    button: str
    done: str
    form: type[ActForm]
    do: Callable[[Visit, Detail, Any], object]
    grave: bool = False  # the button says so by its colour
    needs: Callable[[Detail], str] = lambda seen: ""  # the act that has to come first, or ''


def act_view(act: ActPage) -> Callable[..., HttpResponse]:
    """GET asks, POST does and leads back to the referral."""

    @require_http_methods(METHODS)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        seen = reading.detail(visit.principal, referral_id)
        posted = request.method == "POST"
        typed = request.POST if posted else again.typed_before(request, visit)
        if typed is None and act.act not in seen.acts:
            messages.error(request, "That cannot be done now. This is how it stands.")
            return redirect("desk_referral", referral_id)
        if typed is None and (first := act.needs(seen)):
            return redirect(f"desk_{first}", referral_id)
        form = act.form(typed, visit=visit, seen=seen)
        refusal = None
        if posted and form.is_valid():
            try:
                act.do(visit, seen, form)
            except (NotVisible, NotPermitted):
                raise
            except Refused as error:
                refusal = error
                form.refuse(error)
            else:
                again.forget(request)
                messages.success(request, act.done)
                return redirect("desk_referral", referral_id)
        if posted and again.is_private(form):
            return again.ask_again(request, visit, form)
        if typed is not None and not posted:
            again.say_why(form, typed)
        context = common(visit, seen) | {"act": act, "form": form}
        return page(request, "desk/act.html", context, refusal)

    return view


def at_once(do: Callable[..., object], done: str) -> Callable[..., HttpResponse]:
    """An act without a question, posted from the referral's page."""

    @require_http_methods(METHODS)
    @signed_in
    def view(request: HttpRequest, visit: Visit, referral_id: UUID) -> HttpResponse:
        if request.method == "POST":
            try:
                do(visit.principal, referral_id)
            except (NotVisible, NotPermitted):
                raise
            except Refused as refusal:
                return referral_page(request, visit, referral_id, refusal)
            messages.success(request, done)
        return redirect("desk_referral", referral_id)

    return view
