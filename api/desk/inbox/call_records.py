"""Calls to services that take no referrals here: the number, and what came of the call."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk import labels
from api.desk.forms import DeskForm, one_of
from api.desk.referral.notice import find_service, to_directory
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.http import cursors
from directory import listings
from permissions.database.db_identity import identified_transaction
from permissions.errors import Refused
from referrals import call_records, codes, idempotency

SHOWN = 20


class CallForm(DeskForm):
    key = forms.UUIDField(widget=forms.HiddenInput)
    service = forms.UUIDField(widget=forms.HiddenInput)
    outcome = one_of(labels.choices(codes.CALL_OUTCOME), _("Result of the call"))
    put_through = one_of(
        [("yes", _("Yes")), ("no", _("No"))], _("Did the survivor speak with them?"), initial="no"
    )

    def idempotency_key(self) -> idempotency.Key:
        given = self.cleaned_data
        body = ":".join(str(given[name]) for name in ("service", "outcome", "put_through"))
        return idempotency.Key("desk/calls", str(given["key"]), body.encode())


@require_http_methods(METHODS)
@signed_in
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the number to tap, and record the call: coded, without a word about the survivor."""
    listing = find_service(request, visit)
    if listing is None:
        return to_directory(request)
    context: dict[str, Any] = {"listing": listing}
    if request.method != "POST":
        form = CallForm(initial={"key": uuid4(), "service": listing.id})
        return page(request, "desk/new_call.html", context | {"form": form})
    form = CallForm(request.POST)
    refusal = None
    if form.is_valid():
        given = form.cleaned_data
        try:
            call_records.record_call(
                visit.principal,
                listing.id,
                given["outcome"],
                given["put_through"] == "yes",
                key=form.idempotency_key(),
            )
        except Refused as error:
            refusal = error
            form.refuse(error)
        else:
            messages.success(request, _("The call is recorded."))
            return redirect("desk_calls")
    return page(request, "desk/new_call.html", context | {"form": form}, refusal)


@require_safe
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the member's own call records, newest first, page by page."""
    cursor = request.GET.get("after")
    after = cursors.from_cursor(visit.principal, "desk:calls", cursor)
    records, place = call_records.list_page(visit.principal, after=after, limit=SHOWN)
    with identified_transaction(visit.principal):
        found = {
            one: listings.find(visit.principal, one) for one in {r.service_id for r in records}
        }
    rows = [(record, _name(found[record.service_id])) for record in records]
    context = {
        "rows": rows,
        "now": visit.now,
        "later": bool(cursor),
        "next": cursors.to_cursor(visit.principal, "desk:calls", place),
    }
    return page(request, "desk/calls.html", context)


def _name(listing: listings.Listing | None) -> str:
    return listing.name if listing else gettext("A service no longer listed")
