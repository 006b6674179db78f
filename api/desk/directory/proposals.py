"""New and renamed listings that wait for a second person: what waits, and what that person
decides."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.request_context import METHODS, Visit, page, signed_in
from directory.editing import edit, proposals
from permissions.errors import Refused, StaleMatch

SAID = {
    "approve": _("Approved."),
    "reject": _("Rejected. No one will see it."),
    "publish": _("Published. Everyone can see it now."),
}


@require_safe
@signed_in
def waiting(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List what is not reviewed yet, for those who made it and those who decide."""
    return _list(request, visit)


def _list(request: HttpRequest, visit: Visit, refusal: Refused | None = None) -> HttpResponse:
    found = proposals.pending(visit.principal)
    context = {"proposals": found, "now": visit.now}
    return page(request, "desk/proposals.html", context, refusal)


@require_http_methods(METHODS)
@signed_in
def decide(request: HttpRequest, visit: Visit, proposal_id: UUID, what: str) -> HttpResponse:
    """Approve, reject or publish one; GET leads to the list."""
    if request.method == "POST":
        try:
            if what == "publish":
                edit.publish(visit.principal, proposal_id)
            else:
                edit.decide(visit.principal, proposal_id, approve=what == "approve")
        except StaleMatch as refusal:
            return _list(request, visit, refusal)
        messages.success(request, SAID[what])
    return redirect("desk_proposals")
