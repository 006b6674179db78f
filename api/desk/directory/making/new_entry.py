"""A new listing: whose it is, the form, what others will see of it, then saving.

An organization, a place and the service are entries of their own, each saved by an act of its own.
If a later one fails, the page says which are saved already, and goes on from there.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk import unfinished_forms
from api.desk.directory.making.new_entry_form import NEW, NewEntryForm, Write
from api.desk.request_context import METHODS, Visit, page, require_uuid, signed_in
from directory.editing import edit as entry_edit
from directory.editing.places import choices
from directory.editing.places.choices import OwnOrganization
from permissions.database.uuid7 import uuid7
from permissions.errors import Conflict, MatchRequired, NotPermitted, Refused
from permissions.policy import rules

KEPT = "kept"  # the listing that waits for its organization
BUTTONS = ("save", "back", "look", "csrfmiddlewaretoken")


@require_http_methods(METHODS)
@signed_in
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """GET asks whose listing it is, then shows the form. POST shows what others will see, and saves
    it if it has `save`."""
    rules.require_directory_editor(visit.principal)
    posted = request.method == "POST"
    whose = (request.POST if posted else request.GET).get("organization", "")
    kept = unfinished_forms.find(request, visit)
    if not whose:
        context = {"own": choices.organizations(visit.principal), "kept": kept}
        return page(request, "desk/making/whose.html", context)
    if posted:
        return _posted(request, visit, request.POST)
    if whose == KEPT and kept:
        data = kept.data.copy()
        made = data.get("organization_id", "")
        if any(str(one.id) == made for one in choices.organizations(visit.principal)):
            data["organization"] = made
        return _page(request, _form(visit, data))
    return _page(request, _form(visit, None, whose))


def _form(visit: Visit, data: QueryDict | None, whose: str = "") -> NewEntryForm:
    whose = data.get("organization", "") if data else whose
    own = None if whose == NEW else _own(visit, require_uuid(whose))
    there = choices.places(visit.principal, own.id) if own else None
    ids = {name: uuid7() for name in ("service_id", "place_id", "organization_id")}
    return NewEntryForm(
        data,
        initial={**ids, "organization": whose},
        own=own,
        places=there.items if there else [],
        agency_id=visit.agency.id,
    )


def _own(visit: Visit, organization_id: UUID) -> OwnOrganization:
    for one in choices.organizations(visit.principal):
        if one.id == organization_id:
            return one
    raise NotPermitted("not_yours", entry_edit.NOT_YOURS)


def _page(
    request: HttpRequest,
    form: NewEntryForm,
    refusal: Refused | None = None,
    saved: list[Write] | None = None,
) -> HttpResponse:
    context = {"form": form, "own": form.own, "saved": saved}
    return page(request, "desk/making/new.html", context, refusal)


def _posted(request: HttpRequest, visit: Visit, data: QueryDict) -> HttpResponse:
    form = _form(visit, data)
    if not form.is_valid() or "back" in data:
        return _page(request, form)
    if "save" in data:
        return _save(request, visit, form)
    context: dict[str, Any] = {
        "facts": form.facts(),
        "secret": form.hidden,
        "reviewed": form.cleaned_data["referrals"] == "here",
        "phone": form.cleaned_data["phone"],
        "hidden": hidden_fields(request),
    }
    return page(request, "desk/making/new_look.html", context)


def hidden_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what was entered, for the page between the form and its saving."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in BUTTONS
        for value in values
    ]


def _save(request: HttpRequest, visit: Visit, form: NewEntryForm) -> HttpResponse:
    saved: list[Write] = []
    for one in form.writes():
        try:
            done = entry_edit.put(
                visit.principal, one.table, one.id, one.document, entry_edit.Preconditions()
            )
        except MatchRequired:  # sent before, with other answers or changed since
            if one.table == "service":
                messages.info(request, _("This listing is already saved. Change it here."))
                return redirect("desk_edit_entry", one.id)
            refusal: Refused = Conflict(None, already_saved(one.name))
            return _went_wrong(request, visit, [*saved, one], one, refusal)
        except Refused as error:
            return _went_wrong(request, visit, saved, one, error)
        if done.held:
            return _held(request, visit, one)
        saved.append(one)
    unfinished_forms.forget(request, visit)
    service = saved[-1]
    said = _("Saved. Members of the network can see it now.")
    messages.success(request, said if form.hidden else _("Saved. Everyone can see it now."))
    if form.cleaned_data["place"] == NEW and form.cleaned_data["place_confidential"]:
        messages.info(request, _("Your agency may seal the address of the place for its staff."))
        return redirect("desk_entry_places", service.id)
    return redirect("desk_entry", service.id)


def already_saved(name: str) -> str:
    words = gettext("“{name}” is already saved, but not as you wrote it here. Check it.")
    return words.format(name=name)


def _held(request: HttpRequest, visit: Visit, one: Write) -> HttpResponse:
    words = gettext("Not reviewed yet. A second person has to approve “{name}”.")
    if one.table == "organization":
        if unfinished_forms.keep(request, visit.principal.staff_id, request.path, refused=False):
            words += " " + gettext(
                "The listing is kept for two hours. Continue once it is approved."
            )
    else:
        unfinished_forms.forget(request, visit)
    messages.info(request, words.format(name=one.name))
    return redirect("desk_proposals")


def _went_wrong(
    request: HttpRequest, visit: Visit, saved: list[Write], failed: Write, refusal: Refused
) -> HttpResponse:
    """Show the form again, as it goes on from what is saved already."""
    data = request.POST.copy()
    for one in saved:
        if one.table == "organization":
            data["organization"] = str(one.id)
        else:
            data["place"], data["place_id"] = str(one.id), str(uuid7())
            for name in NewEntryForm.WHERE:
                data.pop(name, None)
    form = _form(visit, data)
    form.is_valid()
    form.refuse_write(failed, refusal)
    return _page(request, form, refusal, saved)
