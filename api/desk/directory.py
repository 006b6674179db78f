"""The directory as pages: a search by words, and one service, for the public and for members."""

from typing import Any
from uuid import UUID

import orjson
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api.desk.forms import DeskForm
from api.desk.visit import Visit, signed_in
from api.errors import refused_page
from directory import listings
from directory.asked import Asked
from permissions.errors import NotVisible
from permissions.models import Agency
from permissions.principal import Principal
from permissions.session import begin


class SearchForm(DeskForm):
    words = forms.CharField(
        label="What is needed, and where",
        help_text="For example: shelter, lawyer, Spanish. Never a person's name.",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    page = forms.IntegerField(min_value=1, max_value=100_000, required=False)


@require_safe
def public_search(request: HttpRequest) -> HttpResponse:
    return _search(request, None)


@require_safe
@signed_in
def search(request: HttpRequest, visit: Visit) -> HttpResponse:
    return _search(request, visit)


def _search(request: HttpRequest, visit: Visit | None) -> HttpResponse:
    form = SearchForm(request.GET)
    asked = form.cleaned_data if form.is_valid() else {}
    words, page = asked.get("words") or "", asked.get("page") or 1
    principal = visit.principal if visit else None
    with begin(principal):
        found = listings.search(principal, Asked(words=words), page=page)
    context = {"form": form, "found": found, "words": words}
    return render(request, "desk/directory.html", context)


@require_safe
def public_service(request: HttpRequest, service_id: UUID) -> HttpResponse:
    listing = _find(None, service_id)
    if listing is None:
        return refused_page(request, NotVisible())
    return render(request, "desk/service.html", _told(listing))


@require_safe
@signed_in
def service(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    listing = _find(visit.principal, service_id)
    if listing is None:
        raise NotVisible
    answered_by = Agency.objects.filter(id=listing.answered_by).first()
    own = listing.answered_by == visit.agency.id
    context = _told(listing) | {"answered_by": answered_by, "own": own}
    return render(request, "desk/service.html", context)


def _find(principal: Principal | None, service_id: UUID) -> listings.Listing | None:
    with begin(principal):
        return listings.find(principal, service_id)


FACTS = (
    ("Who it is for", "eligibility_description"),
    ("How to get in", "application_process"),
    ("Cost", "fees_description"),
    ("Languages", "interpretation_services"),
    ("Waiting time", "wait_time"),
    ("Before you ring", "safe_contact_notes"),
    ("Checked", "assured_date"),
)
DAYS = {"MO": "Mon", "TU": "Tue", "WE": "Wed", "TH": "Thu", "FR": "Fri", "SA": "Sat", "SU": "Sun"}


def _told(listing: listings.Listing) -> dict[str, Any]:
    """What a service page tells, from the HSDS document."""
    document = orjson.loads(listing.document)
    places = [
        {
            "name": at["location"].get("name", ""),
            "lines": [_address(one) for one in at["location"].get("addresses", [])],
            "description": at["location"].get("description", ""),
            "access": [
                " ".join(filter(None, (one.get("description"), one.get("details"))))
                for one in at["location"].get("accessibility", [])
            ],
        }
        for at in document.get("service_at_locations", [])
        if "location" in at
    ]
    return {
        "listing": listing,
        "document": document,
        "facts": [(words, document[key]) for words, key in FACTS if document.get(key)],
        "hours": [_hours(one) for one in document.get("schedules", [])],
        "areas": [one.get("name", "") for one in document.get("service_areas", [])],
        "places": places,
    }


def _address(row: dict[str, Any]) -> str:
    parts = [row.get(key) for key in ("address_1", "address_2", "city", "postal_code")]
    return ", ".join(part for part in parts if part)


def _hours(row: dict[str, Any]) -> str:
    """Such as "Mon Tue 08:00–17:00", then what the service says of it."""
    days = [DAYS.get(day, day) for day in str(row.get("byday") or "").split(",") if day]
    shown = "Every day" if len(days) == len(DAYS) else " ".join(days)
    opens, closes = str(row.get("opens_at") or "")[:5], str(row.get("closes_at") or "")[:5]
    times = f"{opens}–{closes}" if opens and closes else ""
    said = str(row.get("description") or "")
    if said.lower().startswith("day and night"):
        return said
    return " ".join(part for part in (shown, times, said) if part)
