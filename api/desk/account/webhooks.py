"""Where the agency's events are sent, for its agency_admin: create, watch, test and remove."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.confirmation import Choice, ask_first
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.errors import NotVisible, Refused
from referrals.webhooks import endpoints

SHOWN = 20


class AddressForm(DeskForm):
    refused = dict.fromkeys(("webhook_exists", "lookups_spent", "lookups_busy"), "url")

    url = Text(
        label=_("Address"),
        help_text=_("https, a public host name, port 443 or 8443."),
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "url"}),
    )


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the agency's webhooks, or make a new one, whose secret is shown this once."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    refusal, made = None, None
    if form.is_valid():
        try:
            made = endpoints.create(visit.principal, form.cleaned_data["url"])
        except Refused as error:
            refusal = error
            form.refuse(error)
    if made is not None:
        return page(request, "desk/webhook_secret.html", {"hook": made})
    context = {"form": form, "hooks": endpoints.list_endpoints(visit.principal)}
    return page(request, "desk/webhooks.html", context, refusal)


@require_http_methods(METHODS)
@signed_in
def one(request: HttpRequest, visit: Visit, webhook_id: UUID) -> HttpResponse:
    """Show how a webhook is and what became of each message. Its buttons post here."""
    if request.method == "POST":
        return _do(request, visit, webhook_id)
    hook = endpoints.read(visit.principal, webhook_id)
    tried, _older = endpoints.deliveries(visit.principal, webhook_id, None, SHOWN)
    return page(request, "desk/webhook.html", {"hook": hook, "tried": tried, "now": visit.now})


def _do(request: HttpRequest, visit: Visit, webhook_id: UUID) -> HttpResponse:
    who, asked = visit.principal, request.POST.get("do")
    hook = endpoints.read(who, webhook_id)
    match asked:
        case "ping":
            try:
                endpoints.ping(who, webhook_id)
                messages.success(
                    request, _("A test is on its way. Load this page again to see it.")
                )
            except NotVisible:
                raise
            except Refused as refusal:
                messages.error(request, refusal.detail)
        case "resume":
            endpoints.change(who, webhook_id, paused=False, if_match=hook.etag)
        case "rotate":
            made: Any = endpoints.rotate(who, webhook_id)
            return page(request, "desk/webhook_secret.html", {"hook": made, "rotated": True})
    return redirect("desk_webhook", webhook_id)


@require_http_methods(METHODS)
@signed_in
def pause(request: HttpRequest, visit: Visit, webhook_id: UUID) -> HttpResponse:
    """Ask first what follows when a webhook is paused, then pause it."""
    hook = endpoints.read(visit.principal, webhook_id)
    if request.method == "POST":
        endpoints.change(visit.principal, webhook_id, paused=True, if_match=hook.etag)
        return redirect("desk_webhook", webhook_id)
    follows = [
        gettext("Your system learns of nothing new until you resume it here."),
        gettext(
            "Events are not lost: it then gets all that happened in between, in order. What was"
            " deleted by then is left out."
        ),
        gettext("Calls, texts and mail to your people go on."),
    ]
    return _ask(request, hook, gettext("Pause this webhook?"), follows, gettext("Pause"))


@require_http_methods(METHODS)
@signed_in
def remove(request: HttpRequest, visit: Visit, webhook_id: UUID) -> HttpResponse:
    """Ask first what follows when a webhook is deleted, then delete it."""
    hook = endpoints.read(visit.principal, webhook_id)
    if request.method == "POST":
        endpoints.remove(visit.principal, webhook_id)
        messages.success(request, _("Nothing more is sent there."))
        return redirect("desk_webhooks")
    follows = [
        gettext("Nothing more is sent to this address, and its secret ends."),
        gettext(
            "It cannot be brought back. A new webhook has another secret and begins with what"
            " happens after it is made: what happens until then is not sent."
        ),
        gettext("To stop for a while only, pause it instead."),
        gettext("Calls, texts and mail to your people go on."),
    ]
    return _ask(request, hook, gettext("Delete this webhook?"), follows, gettext("Delete"))


def _ask(
    request: HttpRequest, hook: endpoints.Endpoint, title: str, follows: list[str], button: str
) -> HttpResponse:
    back = reverse("desk_webhook", args=[hook.id])
    return ask_first(request, Choice(title, hook.url, follows, button, gettext("Keep it"), back))
