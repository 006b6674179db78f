"""Where a service is found: which of the organization's places, a new one, and what each says.

A place is an entry of its own, with its own ETag, and other services may use it. A confidential one
shows no address to anyone: it leads to what the agency sealed (confidential_address.py).
"""

from typing import Any
from uuid import UUID

import orjson
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.directory.making.marks import Changed
from api.desk.directory.making.new_entry import already_saved, hidden_fields
from api.desk.directory.making.new_entry_form import place_words
from api.desk.directory.making.place_form import ChangePlaceForm, NewPlaceForm, address_line
from api.desk.directory.own_entries import Entry, find_entry, stale_page
from api.desk.forms import DeskForm, some_of
from api.desk.request_context import METHODS, Visit, page, signed_in
from directory.editing import edit as entry_edit
from directory.editing.edit import Preconditions
from directory.editing.places import choices, service_places
from directory.editing.places.choices import Place, Places
from permissions.database.uuid7 import uuid7
from permissions.errors import MatchRequired, Refused, StaleMatch

NOT_ON_IT = _("The place is saved, but it is not on the listing yet. Choose it here.")
PUT_ON = _("Saved. The place is now on the listing.")


# -- Which places ----------------------------------------------------------------------------------


class PlacesForm(DeskForm):
    """The places where the service is found, of those that its editors may choose."""

    places = some_of([], _("The service is found at"), required=False)
    etag = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, offered: list[Place], etag: str, **kwargs: Any) -> None:
        self.offered = {str(one.id): one for one in offered}
        self.used = {key for key, one in self.offered.items() if one.used}
        super().__init__(*args, initial={"places": list(self.used), "etag": etag}, **kwargs)
        field = self.fields["places"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(key, place_words(one)) for key, one in self.offered.items()]

    @property
    def chosen(self) -> set[str]:
        return set(self.cleaned_data["places"])

    def changes(self) -> list[Changed]:
        before, after = self._words(self.used), self._words(self.chosen)
        return [Changed(gettext("Where it is"), before, after)]

    def _words(self, keys: set[str]) -> list[str]:
        return [place_words(one) for key, one in self.offered.items() if key in keys]


def _offered(visit: Visit, entry: Entry) -> Places:
    """The places to choose from. One that everyone sees would be hidden everywhere by a
    confidential service, so it is not offered to one."""
    listing = entry.listing
    found = choices.places(visit.principal, listing.organization_id, listing.id)
    fitting = [
        one for one in found.items if one.used or one.confidential or not listing.confidential
    ]
    return found._replace(items=fitting)


@require_http_methods(METHODS)
@signed_in
def choose(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """GET shows the places. POST shows what will change, and saves it if it has `save`."""
    entry = find_entry(visit, service_id)
    found = _offered(visit, entry)
    form = PlacesForm(
        request.POST if request.method == "POST" else None, offered=found.items, etag=entry.etag
    )
    if request.method != "POST" or not form.is_valid() or "back" in request.POST:
        context = {
            "listing": entry.listing,
            "form": form,
            "used": [one for one in found.items if one.used],
            "more": found.more,
            "most": choices.MOST_PLACES,
        }
        return page(request, "desk/making/places.html", context)
    if form.chosen == form.used:
        messages.info(request, _("Nothing was changed."))
        return redirect("desk_entry", service_id)
    if form.cleaned_data["etag"] != entry.etag:
        return stale_page(request, visit, entry)
    if "save" not in request.POST:
        context = {"listing": entry.listing, "changes": form.changes()}
        return _look(request, context)
    match = Preconditions(if_match=entry.etag)
    try:
        service_places.choose(visit.principal, service_id, set(map(UUID, form.chosen)), match)
    except StaleMatch:
        return stale_page(request, visit, find_entry(visit, service_id))
    messages.success(request, _("Saved."))
    return redirect("desk_entry_places", service_id)


def _look(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    hidden = hidden_fields(request)
    return page(request, "desk/making/look.html", context | {"hidden": hidden})


# -- A new place -----------------------------------------------------------------------------------


class AddedPlaceForm(NewPlaceForm):
    """A new place of a service that is there; `hidden`: of one for the network only."""

    def __init__(self, *args: Any, hidden: bool, **kwargs: Any) -> None:
        self.hidden = hidden
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        self.check_values()
        self.check_place(self.hidden)
        return self.cleaned_data

    def changes(self) -> list[Changed]:
        given = self.cleaned_data
        if given["place_confidential"]:
            said = [given["place_name"], gettext("Confidential: no one is shown where it is.")]
        else:
            said = [given["place_name"], address_line(self.address()), given["place_phone"]]
        return [Changed(gettext("A new place"), [], [one for one in said if one])]


@require_http_methods(METHODS)
@signed_in
def new_place(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """GET shows the form. POST shows what others will see, and saves it if it has `save`."""
    entry = find_entry(visit, service_id)
    form = AddedPlaceForm(
        request.POST if request.method == "POST" else None,
        hidden=entry.listing.confidential,
        initial={
            "place_id": uuid7(),
            "place_confidential": entry.listing.confidential,
        },
    )
    if request.method == "POST" and form.is_valid() and "back" not in request.POST:
        if "save" not in request.POST:
            return _look(request, {"listing": entry.listing, "changes": form.changes()})
        refusal = _add(request, visit, entry, form)
        if isinstance(refusal, HttpResponse):
            return refusal
        return _place_page(request, "place_new", entry, {"form": form}, refusal)
    return _place_page(request, "place_new", entry, {"form": form})


def _place_page(
    request: HttpRequest,
    name: str,
    entry: Entry,
    context: dict[str, Any],
    refusal: Refused | None = None,
) -> HttpResponse:
    context = {"listing": entry.listing} | context
    return page(request, f"desk/making/{name}.html", context, refusal)


def _add(
    request: HttpRequest, visit: Visit, entry: Entry, form: AddedPlaceForm
) -> HttpResponse | Refused:
    """Save the place, then put it on the listing, at the places that it has by then: two acts."""
    listing, place_id = entry.listing, form.cleaned_data["place_id"]
    document = form.place_document(str(listing.organization_id))
    try:
        entry_edit.put(visit.principal, "location", place_id, document, Preconditions())
    except MatchRequired:  # sent before, with other answers
        name = form.cleaned_data["place_name"] or gettext("A place")
        messages.warning(request, already_saved(name))
        return redirect("desk_entry_places", listing.id)
    except Refused as refusal:
        form.refuse(refusal)
        return refusal
    match = Preconditions(if_match=find_entry(visit, listing.id).etag)  # of what is read next
    there = choices.places(visit.principal, listing.organization_id, listing.id)
    chosen = {one.id for one in there.items if one.used} | {place_id}
    try:
        service_places.choose(visit.principal, listing.id, chosen, match)
    except StaleMatch:
        messages.warning(request, NOT_ON_IT)
    else:
        messages.success(request, PUT_ON)
    return redirect("desk_entry_places", listing.id)


# -- A place that is there -------------------------------------------------------------------------


@require_http_methods(METHODS)
@signed_in
def change_place(
    request: HttpRequest, visit: Visit, service_id: UUID, location_id: UUID
) -> HttpResponse:
    """GET shows the form. POST shows what will change, and saves it if it has `save`."""
    entry = find_entry(visit, service_id)
    text, etag = entry_edit.location(visit.principal, location_id)
    document = orjson.loads(text)
    if document["confidential"]:
        return redirect("desk_secret_place", location_id)
    posted = request.POST if request.method == "POST" else None
    form = ChangePlaceForm(posted, document=document, etag=etag)
    at = choices.services_at(visit.principal, location_id)
    context: dict[str, Any] = {"form": form, "others": [one for one in at if one[0] != service_id]}
    whole = form.is_valid()
    if whole and not form.patch():
        messages.info(request, _("Nothing was changed."))
        return redirect("desk_entry_places", service_id)
    if posted is not None and posted.get("etag") != etag:
        changes = form.changes() if whole else None
        return _place_page(
            request, "place_stale", entry, context | {"changes": changes}, StaleMatch()
        )
    if not whole or "back" in request.POST:
        return _place_page(request, "place_change", entry, context)
    context |= {"changes": form.changes(), "loses_its_point": form.loses_its_point}
    if "save" not in request.POST:
        return _look(request, {"listing": entry.listing} | context)
    try:
        match = Preconditions(if_match=etag)
        entry_edit.patch(visit.principal, "location", location_id, form.patch(), match)
    except StaleMatch as refusal:
        return _place_page(request, "place_stale", entry, context, refusal)
    except Refused as refusal:
        form.refuse(refusal)
        return _place_page(request, "place_change", entry, context, refusal)
    messages.success(request, _("Saved. Everyone can see it now."))
    return redirect("desk_entry_places", service_id)
