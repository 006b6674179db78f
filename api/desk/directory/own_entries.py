"""An agency's own entries of the directory: which are due for a check, and what changes daily.

Every act is the domain's (directory/editing) and carries the ETag that the page was made from, so a
change that another editor made meanwhile is never overwritten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory import entry_summary
from api.desk.forms import DeskForm, Text
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import clock_time, log_time
from directory import listings
from directory.editing import edit as entry_edit
from directory.editing import reviews
from directory.editing.validation import network_date
from directory.editing.versions import steps as kept_steps
from directory.search import retrieval
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotPermitted, NotVisible, Refused, StaleMatch
from permissions.models import Membership
from permissions.policy import rules

Document = dict[str, Any]
SHOWN = 50  # changes of the history
MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A service of ours as it is now; `etag` goes with every change of it."""

    listing: listings.Listing
    document: Document
    etag: str

    @property
    def paused(self) -> bool:
        return bool(self.document.get("intake_paused"))


class Own(NamedTuple):
    """A line of the list: the entry, when its check is due, and whether that is past."""

    entry: Entry
    intake: entry_summary.Wording | None
    due: str
    late: bool


@require_safe
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List my agency's entries, those that have waited longest first."""
    rules.require_directory_editor(visit.principal)
    number = request.GET.get("page", "1")
    at = min(int(number), MOST_PAGES) if number.isdecimal() and int(number) else 1
    with identified_transaction(visit.principal):
        found, more = listings.edited(visit.principal, page=at)
    rows = [_line(_entry(one), visit) for one in found]
    context = {"rows": rows, "page": at, "back": at - 1, "next": at + 1 if more else None}
    return page(request, "desk/entries.html", context | {"days": entry_summary.review_days()})


def _line(entry: Entry, visit: Visit) -> Own:
    due = entry_summary.review_due(entry.listing.assured_date)
    late = due is None or due < network_date(visit.now)
    if due is None:
        says = gettext("Never checked")
    else:
        says = gettext("Was due {day}") if late else gettext("Due {day}")
        says = says.format(day=entry_summary.day_words(due, year=True))
    return Own(entry, entry_summary.intake(entry.listing, entry.document), says, late)


def _entry(listing: listings.Listing) -> Entry:
    return Entry(listing, orjson.loads(listing.document), retrieval.etag(listing.document))


def find_entry(visit: Visit, service_id: UUID) -> Entry:
    """Return a service that the caller may change. Raises NotVisible, NotPermitted."""
    with identified_transaction(visit.principal):
        listing = listings.find(visit.principal, service_id)
        if listing is None:
            raise NotVisible
        rules.require_directory_editor(visit.principal)
        if not listings.edits(visit.principal, listing.organization_id):
            raise NotPermitted("not_yours", entry_edit.NOT_YOURS)
    return _entry(listing)


@require_safe
@signed_in
def one(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    entry = find_entry(visit, service_id)
    return _one(request, visit, entry, CapacityForm(entry=entry))


def _one(
    request: HttpRequest,
    visit: Visit,
    entry: Entry,
    form: "CapacityForm",
    refusal: Refused | None = None,
) -> HttpResponse:
    context = {
        "line": _line(entry, visit),
        "entry": entry,
        "listing": entry.listing,
        "form": form,
        "checked": entry.listing.assured_date
        and entry_summary.day_words(entry.listing.assured_date, year=True),
        "places": secret_places(entry.document),
        "today": network_date(visit.now).isoformat(),
    }
    return page(request, "desk/entry.html", context, refusal)


def secret_places(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (id, name) of the confidential places where the service is found."""
    locations = [at.get("location", {}) for at in document.get("service_at_locations", ())]
    return [(one["id"], one.get("name", "")) for one in locations if one.get("confidential")]


# -- What one button does --------------------------------------------------------------------------


@require_http_methods(METHODS)
@signed_in
def checked(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """Record that everything in the entry was checked today."""
    if request.method != "POST":
        return redirect("desk_entry", service_id)
    change: Document = {"assured_date": network_date(visit.now).isoformat()}
    return change_entry(request, visit, service_id, change, gettext("Checked today."))


class CapacityForm(DeskForm):
    """How much is free of each unit. One more unit may be named."""

    unit = Text(
        label=_("Something else to count"), help_text=_("For example: beds."), max_length=60,
        required=False,
    )  # fmt: skip
    available = forms.IntegerField(
        label=_("How many are free"), min_value=0, max_value=9999, required=False
    )

    def __init__(self, *args: Any, entry: Entry, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counted: list[tuple[str, Document]] = []
        for number, row in enumerate(entry.document.get("capacities", ())):
            name = f"free_{number}"
            most = row.get("maximum")
            unit = row.get("unit", {}).get("name") or gettext("places")
            unit = unit[:1].upper() + unit[1:]
            shown = gettext("{unit} free") if most is None else gettext("{unit} free, of {most}")
            changed = parse_datetime(row.get("updated", "") or "")
            self.fields[name] = forms.IntegerField(
                label=shown.format(unit=unit, most=entry_summary.number(most)),
                help_text=gettext("Last changed {time}").format(time=log_time(changed))
                if changed
                else "",
                min_value=0,
                max_value=int(most) if most is not None else 9999,
                initial=entry_summary.number(row.get("available")),
            )
            self.counted.append((name, row))
        self.order_fields([name for name, _row in self.counted])

    def clean(self) -> Document:
        if self.cleaned_data.get("unit") and self.cleaned_data.get("available") is None:
            self.add_error("available", _("Enter 0 or more."))
        return self.cleaned_data

    def capacities(self) -> list[Document]:
        given = self.cleaned_data
        rows = [{**row, "available": given[name]} for name, row in self.counted]
        if given["unit"]:
            rows.append({"unit": {"name": given["unit"]}, "available": given["available"]})
        return rows


@require_http_methods(METHODS)
@signed_in
def capacity(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """Record how much is free now."""
    if request.method != "POST":
        return redirect("desk_entry", service_id)
    entry = find_entry(visit, service_id)
    if request.POST.get("etag") != entry.etag:
        return stale_page(request, visit, entry)
    form = CapacityForm(request.POST, entry=entry)
    if not form.is_valid():
        return _one(request, visit, entry, form)
    said = gettext("The numbers are saved.")
    return change_entry(request, visit, service_id, {"capacities": form.capacities()}, said)


def change_entry(
    request: HttpRequest, visit: Visit, service_id: UUID, change: Document, said: str
) -> HttpResponse:
    """Change the entry as the page says that it was made from, and lead back to where it was."""
    match = entry_edit.Preconditions(if_match=request.POST.get("etag"))
    try:
        entry_edit.patch(visit.principal, "service", service_id, change, match)
    except StaleMatch:
        return stale_page(request, visit, find_entry(visit, service_id))
    messages.success(request, said)
    if request.POST.get("from") == "list":
        return redirect("desk_entries")
    return redirect("desk_entry", service_id)


# -- Who changed it --------------------------------------------------------------------------------


@require_safe
@signed_in
def history(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    """Show who changed which fields of the service and of its organization, and when."""
    entry = find_entry(visit, service_id)
    steps, more = steps_of(visit, entry)
    context = {
        "listing": entry.listing,
        "steps": steps,
        "more": more,
        "days": settings.DIRECTORY_HISTORY_DAYS,
        "erasable": any(one.kept for one in steps),
    }
    return page(request, "desk/entry_history.html", context)


class Step(NamedTuple):
    """One change: what was done to what, by whom, when, and whether what it replaced is kept."""

    id: UUID
    did: str
    fields: str
    who: str
    at: str
    kept: bool


def steps_of(visit: Visit, entry: Entry) -> tuple[list[Step], bool]:
    found, more = reviews.history(visit.principal, entry.listing.organization_id, None, SHOWN)
    rows = [one for one in found if one.table != "service" or one.row_id == entry.listing.id]
    with identified_transaction(visit.principal):
        ours = Membership.objects.filter(agency_id=visit.agency.id)
        names = dict(ours.values_list("id", "name"))
    kept = kept_steps.kept_lines(visit.principal, entry.listing.organization_id)
    return [_step(visit, one, names, one.id in kept) for one in rows], more


def _step(visit: Visit, edit: Any, names: dict[UUID, str], kept: bool) -> Step:
    if edit.agency_id != visit.agency.id:
        who = gettext("Another agency")
    elif edit.member_id:
        who = names.get(edit.member_id) or gettext("A former member")
        if edit.client_id:
            who = gettext("{name} (through your system)").format(name=who)
    else:
        who = gettext("Your agency's system")
    fields = ", ".join(field_words(name) for name in edit.fields)
    did = str(CHANGES.get((edit.table, edit.action), edit.action))
    return Step(edit.id, did, fields, who, clock_time(edit.at, visit.now), kept)


CHANGES = {  # what was done to which table
    ("service", "created"): _("Service created"),
    ("service", "updated"): _("Service updated"),
    ("service", "deleted"): _("Service deleted"),
    ("organization", "created"): _("Organization created"),
    ("organization", "updated"): _("Organization updated"),
    ("organization", "deleted"): _("Organization deleted"),
    ("location", "created"): _("Place created"),
    ("location", "updated"): _("Place updated"),
    ("location", "deleted"): _("Place deleted"),
}
FIELD_WORDS = {
    "intake_paused": _("paused or not"),
    "intake_paused_until": _("end of the pause"),
    "assured_date": _("checked"),
    "capacities": _("openings"),
    "schedules": _("hours"),
    "holiday_schedules": _("holidays"),
    "attributes": _("needs and marks"),
    "eligibility_description": _("who it is for"),
    "application_process": _("how to get in"),
    "fees_description": _("cost"),
    "interpretation_services": _("interpreting"),
    "safe_contact_notes": _("before you call"),
    "service_at_locations": _("places"),
    "addresses": _("address"),
    "languages": _("languages"),
    "latitude": _("point on the map"),
    "longitude": _("point on the map"),
    "victimization_types": _("what happened to the people it is for"),
}


def field_words(name: str) -> str:
    """Return the name of a document's member as an editor calls it."""
    return str(FIELD_WORDS.get(name, name.replace("_", " ")))


def stale_page(
    request: HttpRequest, visit: Visit, entry: Entry, changes: list[Any] | None = None
) -> HttpResponse:
    """Show that another editor changed it meanwhile: who and what, and what this editor wanted."""
    steps, _more = steps_of(visit, entry)
    context = {"listing": entry.listing, "step": steps[0] if steps else None, "changes": changes}
    return page(request, "desk/entry_stale.html", context, StaleMatch())
