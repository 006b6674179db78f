"""One step of an entry's history: what an edit of the own agency replaced, and putting it back.

Putting it back is a change like any other: what everyone will see is shown first, and it is
refused if the entry was changed since.
"""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from api.desk.confirmation import Choice, ask_first
from api.desk.directory.own_entries import CHANGES, Entry, find_entry, stale_page
from api.desk.directory.versions import member_words
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import clock_time
from directory.editing import earlier_text
from directory.editing.versions import steps
from directory.editing.versions.steps import Step
from permissions.errors import Refused, StaleMatch


@require_http_methods(METHODS)
@signed_in
def step(request: HttpRequest, visit: Visit, service_id: UUID, edit_id: UUID) -> HttpResponse:
    """GET shows before and after. POST shows what putting it back changes, and does it if it has
    `save`."""
    entry = find_entry(visit, service_id)
    found = steps.open_step(visit.principal, service_id, edit_id)
    if request.method != "POST":
        return _step(request, visit, entry, found)
    if request.POST.get("etag") != found.etag:
        return stale_page(request, visit, entry)
    if not found.puts_back:
        messages.info(request, _("Nothing was changed."))
        return redirect("desk_entry_history", service_id)
    if "save" not in request.POST:
        return _look(request, visit, entry, found)
    try:
        done = steps.put_back(visit.principal, found, found.etag)
    except StaleMatch:
        return stale_page(request, visit, find_entry(visit, service_id))
    except Refused as refusal:
        return _step(request, visit, entry, found, refusal)
    if done.held:
        messages.info(request, _("Not reviewed yet. A second person has to approve the new name."))
        return redirect("desk_proposals")
    messages.success(request, _("Saved. Everyone can see it now."))
    return redirect("desk_entry_history", service_id)


def _step(
    request: HttpRequest, visit: Visit, entry: Entry, found: Step, refusal: Refused | None = None
) -> HttpResponse:
    line = found.line
    context = {
        "listing": entry.listing,
        "line": line,
        "did": CHANGES.get((line.table, line.action), line.action),
        "at": clock_time(line.at, visit.now),
        "kept": found.replaced is not None,
        "changes": [],
        "etag": found.etag,
        "puts_back": bool(found.puts_back),
        "problem": _problem(refusal),
    }
    if found.replaced:
        before, after = found.replaced
        names = {**before, **after}
        places = _places(visit, found.replaced)
        context["changes"] = member_words.compared(names, before, after, places)
    return page(request, "desk/versions/step.html", context, refusal)


def _look(request: HttpRequest, visit: Visit, entry: Entry, found: Step) -> HttpResponse:
    back, now = found.puts_back, found.now or {}
    there = {one.get("number") for one in now.get("phones", [])}
    context = {
        "listing": entry.listing,
        "line": found.line,
        "etag": found.etag,
        "numbers": [one for one in back.get("phones") or [] if one.get("number") not in there],
        "changes": member_words.compared(back, now, back, _places(visit, (back, now))),
    }
    return page(request, "desk/versions/look.html", context)


def _places(visit: Visit, said: object) -> dict[UUID, str]:
    return steps.place_names(visit.principal, set(earlier_text.places_in(said)))


def _problem(refusal: Refused | None) -> str:
    return gettext(refusal.detail) if refusal else ""


@require_http_methods(METHODS)
@signed_in
def erase(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """Erase what the agency keeps of the edits that this history shows; GET asks first."""
    entry = find_entry(visit, service_id)
    back = reverse("desk_entry_history", args=[service_id])
    if request.method != "POST":
        follows = [
            _("The history still says who changed which fields and when, and no longer what."),
            _("Nothing of it can be put back. The listing itself stays as it is."),
        ]
        choice = Choice(
            gettext("Erase earlier text"),
            entry.listing.name,
            [str(one) for one in follows],
            gettext("Erase earlier text"),
            gettext("Back, change nothing"),
            back,
        )
        return ask_first(request, choice)
    steps.erase(visit.principal, service_id)
    messages.success(request, _("The earlier text is erased."))
    return redirect(back)
