"""Where the agency's events are sent, for its agency_admin: create, watch, test and remove."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from api.desk.forms import PRIVATE, DeskForm
from api.desk.request_context import METHODS, Visit, page, signed_in
from permissions.errors import NotVisible, Refused
from referrals.webhooks import endpoints

SHOWN = 20


class AddressForm(DeskForm):
    refused = {"webhook_exists": "url"}

    url = forms.CharField(
        label="Address",
        help_text="https, a public host name, port 443 or 8443.",
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
                messages.success(request, "A test is on its way. Load this page again to see it.")
            except NotVisible:
                raise
            except Refused as refusal:
                messages.error(request, refusal.detail)
        case "pause" | "resume":
            endpoints.change(who, webhook_id, paused=asked == "pause", if_match=hook.etag)
        case "rotate":
            made: Any = endpoints.rotate(who, webhook_id)
            return page(request, "desk/webhook_secret.html", {"hook": made, "rotated": True})
        case "remove":
            endpoints.remove(who, webhook_id)
            messages.success(request, "Nothing more is sent there.")
            return redirect("desk_webhooks")
    return redirect("desk_webhook", webhook_id)
