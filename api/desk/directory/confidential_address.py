"""Where a confidential place of one's own agency is. It is shown to the agency's own people, and
each look is logged."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from api.desk import form_replay
from api.desk.forms import PRIVATE, DeskForm
from api.desk.request_context import METHODS, Visit, page, signed_in
from directory.editing import confidential_addresses
from permissions.errors import NotVisible, Refused
from permissions.policy import rules

LABELS = {
    "attention": "To whom",
    "address_1": "Street and number",
    "address_2": "Building, floor, door",
    "city": "Town",
    "region": "Region",
    "state_province": "State",
    "postal_code": "ZIP code",
    "country": "Country",
    "directions": "How to get there unseen",
}


def _line(name: str, most: int, required: bool = False) -> forms.CharField:
    return forms.CharField(
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
    directions = forms.CharField(
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
        typed = form_replay.typed_data(request, visit)
        form = AddressForm(typed)
        if typed is not None:
            form_replay.show_reasons(form, typed)
        context = {"location_id": location_id, "form": form}
        return page(request, "desk/secret_place_put.html", context)
    form = AddressForm(request.POST)
    if "remove" in request.POST:
        confidential_addresses.remove_address(visit.principal, location_id)
        messages.success(request, "It is kept here no longer.")
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
            form_replay.forget_form(request)
            messages.success(request, "Sealed. Only your agency's own people can look at it.")
            return redirect("desk_secret_place", location_id)
    return form_replay.replay_form(request, visit, form)
