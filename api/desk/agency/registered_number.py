"""The registered number: the agency's own, which two of its people change, and those of other
agencies, which a lead confirms, or the outside reviewer of an agency of one."""

from django import forms
from django.contrib import messages as notes
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.agency.fresh_factor import require_fresh_factor
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, require_uuid, signed_in
from permissions.enrollment import registered_numbers
from permissions.errors import BadRequest, NotPermitted, NotVisible, Refused

CHANGES = registered_numbers.CHANGES


class NumberForm(DeskForm):
    address = Text(
        label=_("New number"),
        max_length=50,
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "tel"}),
        help_text=_("Where a person of your agency answers, such as 406-555-0111."),
    )


@require_http_methods(METHODS)
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the agency's number; propose another, accept it as a second person, or take it back."""
    if not visit.principal.has_role(*CHANGES):
        raise NotPermitted("role_missing", "Only administrators and leads see this.")
    if request.method == "POST" and (away := require_fresh_factor(request)):
        return away
    what = request.POST.get("what", "propose")
    form = NumberForm(request.POST if request.method == "POST" and what == "propose" else None)
    refusal: Refused | None = None
    if request.method == "POST":
        try:
            if _done(visit, what, form, request.POST.get("number", "")):
                notes.success(request, gettext("Saved."))
                return redirect("desk_number")
        except NotVisible:
            raise
        except Refused as error:
            form.refuse(error) if form.is_bound else None
            refusal = error
    row = registered_numbers.registered(visit.principal.agency_id)
    context = {
        "form": form,
        "row": row,
        "mine": row is not None and row.next_by_id == visit.principal.member_id,
        "alone": registered_numbers.has_one_member(visit.principal.agency_id),
        "refused": gettext(refusal.detail) if refusal and not form.is_bound else "",
    }
    return page(request, "desk/number.html", context, refusal)


def _done(visit: Visit, what: str, form: NumberForm, number: str) -> bool:
    if what == "propose":
        if not form.is_valid():
            return False
        registered_numbers.propose(visit.principal, form.cleaned_data["address"])
    elif what == "accept":
        registered_numbers.accept(visit.principal, number)
    elif what == "withdraw":
        registered_numbers.withdraw(visit.principal)
    else:
        raise BadRequest("unknown_code", "Something is missing from this form. Reload the page.")
    return True


@require_http_methods(METHODS)
@signed_in
def others(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show a lead the new agencies whose number no one has confirmed, and an outside reviewer the
    numbers that agencies of one propose; confirm or accept one."""
    if request.method == "POST":
        agency_id = require_uuid(request.POST.get("which"))
        if away := require_fresh_factor(request):
            return away
        number = request.POST.get("number", "")
        if request.POST.get("what") == "accept":
            registered_numbers.accept_as_reviewer(visit.principal, agency_id, number)
            notes.success(request, gettext("Accepted. The new number is in force."))
        else:
            registered_numbers.confirm(visit.principal, agency_id, number)
            notes.success(request, gettext("Confirmed. Cairn calls this number from now on."))
        return redirect("desk_numbers")
    proposed = registered_numbers.proposed_to(visit.principal)
    leads = visit.principal.has_role("lead")
    found = registered_numbers.unconfirmed(visit.principal) if leads or not proposed else []
    context = {"found": found, "proposed": proposed, "leads": leads}
    return page(request, "desk/numbers.html", context)
