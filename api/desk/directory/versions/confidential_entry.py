"""Making a service, its organization or a place confidential, and public again.

Nothing is written before the page has shown what disappears, or what everyone will see, and the
page's token goes with the act: what has changed since is shown again first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory.own_entries import Entry, find_entry, stale_page
from api.desk.directory.versions import member_words
from api.desk.forms import DeskForm, one_of
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import clock_time
from directory.editing.versions import hiding, undo
from directory.editing.versions.hiding import Choice, Plan
from permissions.errors import NotPossible, NotVisible, Refused, StaleMatch, Unavailable

WHAT = {
    "service": _("This service"),
    "organization": _("Its organization, with all of its services and places"),
    "location": _("This place"),
}


class Line(NamedTuple):
    """One thing that can be chosen; `until`: when its undo ends."""

    choice: Choice
    what: str
    until: str


class HideForm(DeskForm):
    """What becomes of what the act erases."""

    keep = one_of(
        [
            ("undo", _("Keep a sealed copy for 24 hours, so that it can be undone")),
            ("erase", _("Erase at once, no undo")),
        ],
        _("What is erased"),
        help_text=_(
            "Only directory editors of your agency can use the copy, and each use is logged. After"
            " 24 hours it is erased too."
        ),
    )


class ShowForm(DeskForm):
    """That the editor has read what becomes public."""

    read = forms.BooleanField(label=_("I read it. Everyone may know all of this."))


@require_safe
@signed_in
def choose(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """List what can be made confidential or public, and what can be undone."""
    entry = find_entry(visit, service_id)
    return _list(request, visit, entry, hiding.choices(visit.principal, service_id))


def _list(
    request: HttpRequest,
    visit: Visit,
    entry: Entry,
    found: Sequence[Choice],
    refusal: Refused | None = None,
) -> HttpResponse:
    lines = [
        Line(one, str(WHAT[one.table]), clock_time(one.undo.ends_at, visit.now) if one.undo else "")
        for one in found
    ]
    context = {"listing": entry.listing, "lines": lines, "problem": _problem(refusal)}
    return page(request, "desk/versions/confidential.html", context, refusal)


def _chosen(visit: Visit, service_id: UUID, entry_id: UUID) -> tuple[Entry, Choice]:
    """Return what the address names. Raises NotVisible, NotPermitted."""
    entry = find_entry(visit, service_id)
    for one in hiding.choices(visit.principal, service_id):
        if one.id == entry_id:
            return entry, one
    raise NotVisible


@require_http_methods(METHODS)
@signed_in
def change(request: HttpRequest, visit: Visit, service_id: UUID, entry_id: UUID) -> HttpResponse:
    """GET shows what would happen. POST does it, if that is still true."""
    entry, chosen = _chosen(visit, service_id, entry_id)
    plan = hiding.preview(visit.principal, chosen.table, entry_id)
    form = _form(plan, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _preview(request, entry, plan, form)
    if (request.POST.get("hides") == "yes") != plan.hides:  # sent twice, or another editor did it
        said = _("It is public already.") if plan.hides else _("It is confidential already.")
        messages.info(request, said)
        return redirect("desk_confidential", service_id)
    if request.POST.get("etag") != plan.token:
        return stale_page(request, visit, entry)
    if plan.problem:
        return _preview(request, entry, plan, form, plan.problem)
    if not form.is_valid():
        return _preview(request, entry, plan, form)
    try:
        _do(request, visit, plan, form)
    except StaleMatch:
        return stale_page(request, visit, find_entry(visit, service_id))
    except (NotPossible, Unavailable) as refusal:
        form.refuse(refusal)
        return _preview(request, entry, plan, form, refusal)
    return redirect("desk_confidential", service_id)


def _do(request: HttpRequest, visit: Visit, plan: Plan, form: DeskForm) -> None:
    whose = visit.principal, plan.table, plan.entry_id, plan.token
    if not plan.hides:
        hiding.show(*whose)
        messages.success(request, _("It is public now. Enter again what was erased."))
    elif hiding.hide(*whose, with_undo=form.cleaned_data["keep"] == "undo"):
        messages.success(request, _("It is confidential now. You can undo this for 24 hours."))
    else:
        messages.success(request, _("It is confidential now. Nothing was kept."))


def _form(plan: Plan, data: Any) -> DeskForm:
    return HideForm(data) if plan.hides else ShowForm(data)


def _preview(
    request: HttpRequest, entry: Entry, plan: Plan, form: DeskForm, refusal: Refused | None = None
) -> HttpResponse:
    places = {one.id: one.name for one in plan.places}
    context = {
        "listing": entry.listing,
        "plan": plan,
        "what": WHAT[plan.table],
        "form": form,
        "facts": member_words.facts(plan.table, plan.document, places),
        "problem": _problem(plan.problem),
    }
    name = "hide" if plan.hides else "show"
    return page(request, f"desk/versions/{name}.html", context, refusal)


def _problem(refusal: Refused | None) -> str:
    """Return why it cannot be done, with the member that it is about."""
    if refusal is None:
        return ""
    member = (refusal.pointer or "").strip("/").split("/")[0]
    words = gettext(refusal.detail)
    return f"{member_words.titled(member)}: {words}" if member else words


@require_http_methods(METHODS)
@signed_in
def undo_hiding(
    request: HttpRequest, visit: Visit, service_id: UUID, entry_id: UUID
) -> HttpResponse:
    """Put back what was erased when the entry became confidential; GET leads to the list."""
    if request.method != "POST":
        return redirect("desk_confidential", service_id)
    entry, chosen = _chosen(visit, service_id, entry_id)
    refusal: Refused = undo.over()
    if chosen.undo:
        try:
            undo.undo(visit.principal, chosen.table, entry_id, chosen.undo.id)
        except NotVisible:  # it ended a moment ago
            pass
        except (NotPossible, Unavailable) as error:
            refusal = error
        else:
            messages.success(request, _("Undone. Everyone can see it again, as it was."))
            return redirect("desk_confidential", service_id)
    return _list(request, visit, entry, hiding.choices(visit.principal, service_id), refusal)


@require_http_methods(METHODS)
@signed_in
def erase_copy(
    request: HttpRequest, visit: Visit, service_id: UUID, entry_id: UUID
) -> HttpResponse:
    """Erase the copy for undo now; GET leads to the list. Twice is safe."""
    if request.method == "POST":
        _entry, chosen = _chosen(visit, service_id, entry_id)
        if chosen.undo:
            undo.end(visit.principal, chosen.table, entry_id, chosen.undo.id)
        messages.success(request, _("Erased. It can no longer be undone."))
    return redirect("desk_confidential", service_id)
