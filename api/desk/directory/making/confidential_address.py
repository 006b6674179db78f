"""Where a confidential place of one's own agency is. It is shown to the agency's own people, and
each look is logged."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import unfinished_forms
from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in
from directory.editing import confidential_addresses
from permissions.errors import NotVisible, Refused
from permissions.policy import rules

LABELS = {
    "attention": _("To whom"),
    "address_1": _("Street and number"),
    "address_2": _("Building, floor, door"),
    "city": _("Town"),
    "region": _("Region"),
    "state_province": _("State"),
    "postal_code": _("ZIP code"),
    "country": _("Country"),
    "directions": _("Discreet directions"),
}


def _line(name: str, most: int, required: bool = False) -> Text:
    return Text(
        label=LABELS[name],
        max_length=most,
        required=required,
        widget=forms.TextInput(attrs=PRIVATE),
    )


class AddressForm(DeskForm):
    address_1 = _line("address_1", 500, required=True)
    address_2 = _line("address_2", 500)
    city = _line("city", 500, required=True)
    state_province = _line("state_province", 500)
    postal_code = _line("postal_code", 50)
    directions = Text(
        label=LABELS["directions"],
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs=PRIVATE | {"rows": 3}),
    )


@require_http_methods(METHODS)
@signed_in
def look(request: HttpRequest, visit: Visit, location_id: UUID) -> HttpResponse:
    """GET asks. POST shows the address, after the entry in the log."""
    if not visit.principal.has_role(*confidential_addresses.READERS):
        raise NotVisible
    edits = visit.principal.has_role("directory_editor")
    context = {"location_id": location_id, "edits": edits, "asked": request.method == "POST"}
    refusal = None
    if request.method == "POST":
        try:
            found = confidential_addresses.open_address(visit.principal, location_id)
            context["lines"] = [(LABELS.get(name, name), found[name]) for name in LABELS
                                if found.get(name)]  # fmt: skip
        except NotVisible as error:
            refusal = error
    return page(request, "desk/secret_place.html", context, refusal)


@require_http_methods(METHODS)
@signed_in
def put(request: HttpRequest, visit: Visit, location_id: UUID) -> HttpResponse:
    """Seal an address for the agency's own people. The form never shows what is stored already."""
    rules.require_directory_editor(visit.principal)
    if request.method != "POST":
        kept = unfinished_forms.find(request, visit)
        form = AddressForm(kept.data if kept else None)
        if kept:
            unfinished_forms.show_reasons(form, kept.data)
        context = {"location_id": location_id, "form": form}
        return page(request, "desk/secret_place_put.html", context)
    form = AddressForm(request.POST)
    if "remove" in request.POST:
        confidential_addresses.remove_address(visit.principal, location_id)
        messages.success(request, _("The address is no longer kept here."))
        return redirect("desk_secret_place", location_id)
    if form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if value}
        try:
            confidential_addresses.put_address(visit.principal, location_id, given)
        except NotVisible:
            raise
        except Refused as refusal:
            form.refuse(refusal)
        else:
            unfinished_forms.forget(request, visit)
            messages.success(request, _("Saved. Only your agency's own staff can view it."))
            return redirect("desk_secret_place", location_id)
    return unfinished_forms.replay_form(request, visit, form)
