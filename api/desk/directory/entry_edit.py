"""Changing a service: the form, then what the public will see, then saving. All changes are saved
or none."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.directory.entry_form import EntryForm
from api.desk.directory.own_entries import Entry, find_entry, stale_page
from api.desk.request_context import METHODS, Visit, page, signed_in
from directory.editing import edit as entry_edit
from permissions.errors import Refused, StaleMatch

BUTTONS = ("save", "back", "look", "csrfmiddlewaretoken")


@require_http_methods(METHODS)
@signed_in
def edit(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """GET shows the form. POST shows what will change, and saves it if it has `save`."""
    entry = find_entry(visit, service_id)
    if request.method != "POST":
        return _form(request, entry, EntryForm(document=entry.document, etag=entry.etag))
    form = EntryForm(request.POST, document=entry.document, etag=entry.etag)
    whole = form.is_valid()
    if form.data.get("etag") != entry.etag:
        return stale_page(request, visit, entry, form.changes() if whole else None)
    if not whole or "back" in request.POST:
        return _form(request, entry, form)
    if not form.patch():
        messages.info(request, _("Nothing was changed."))
        return redirect("desk_entry", service_id)
    if "save" not in request.POST:
        return _look(request, entry, form)
    return _save(request, visit, entry, form)


def _form(
    request: HttpRequest, entry: Entry, form: EntryForm, refusal: Refused | None = None
) -> HttpResponse:
    return page(request, "desk/entry_edit.html", {"listing": entry.listing, "form": form}, refusal)


def _look(request: HttpRequest, entry: Entry, form: EntryForm) -> HttpResponse:
    hidden = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in BUTTONS
        for value in values
    ]
    context: dict[str, Any] = {
        "listing": entry.listing,
        "changes": form.changes(),
        "numbers": form.new_numbers(),
        "hidden": hidden,
    }
    return page(request, "desk/entry_look.html", context)


def _save(request: HttpRequest, visit: Visit, entry: Entry, form: EntryForm) -> HttpResponse:
    match = entry_edit.Preconditions(if_match=entry.etag)
    try:
        done = entry_edit.patch(visit.principal, "service", entry.listing.id, form.patch(), match)
    except StaleMatch:
        return stale_page(request, visit, find_entry(visit, entry.listing.id), form.changes())
    except Refused as refusal:
        form.refuse(refusal)
        return _form(request, entry, form, refusal)
    if done.held:
        messages.info(request, _("Not reviewed yet. A second person has to approve the new name."))
        return redirect("desk_proposals")
    messages.success(request, _("Saved. Everyone can see it now."))
    return redirect("desk_entry", entry.listing.id)
