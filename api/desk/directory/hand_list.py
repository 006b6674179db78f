"""A list of services to print and to hand over: picked in the directory, ten at most.

What is picked says what a survivor looks for, so it is kept like a search: forms carry it as hidden
fields and send it by POST, the answer is an address that is encrypted for one browser
(api/desk/encrypted_query.py), and no table, cookie, log or readable address has it (ADR 0128).
Who is on the list is always read as the public reads the directory, for members too: a paper is
read by strangers, so it cannot have what the public may not see.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory import hand_sheet
from api.desk.directory.search_form import FARTHEST, SearchForm
from api.desk.directory.search_page import directory_page, find_results
from api.desk.encrypted_query import open_search, seal_search
from api.desk.request_context import METHODS, Visit, as_uuid, page, signed_in
from directory import listings
from directory.models import OPEN_STATUSES
from permissions.database.db_identity import identified_transaction

MOST = 10
MOST_WRONG = 800  # bytes of a search that cannot be read; an address has 4094 in all
MOST_READ = 60  # ids of one request: the list, and every line of a page of results

# The fields. None is called "service": what leads back after signing in may have that in its
# address (api/desk/request_context.py).
CHOSEN, ADD, REMOVE, WHY = "chosen", "add", "remove", "why"

WORDS: dict[str, Promise] = {
    "full": _("A list holds ten services at most. What came after the tenth was not added."),
    "confidential": _(
        "A confidential service was not added. Its name must not be on a paper: say what the"
        " survivor needs to know, and make a referral or call."
    ),
    "none": _("Nothing was added. Tick a service, then add it."),
}


class HandList(NamedTuple):
    """The list as its page shows it; `sealed` is its address, '' if it has none."""

    services: Sequence[listings.Listing]
    why: Sequence[Promise] = ()
    sealed: str = ""

    @property
    def ids(self) -> frozenset[UUID]:
        return frozenset(one.id for one in self.services)

    @property
    def most(self) -> int:
        return MOST


@require_http_methods(METHODS)
def public_change(request: HttpRequest) -> HttpResponse:
    return _change(request, None)


@require_http_methods(METHODS)
@signed_in
def change(request: HttpRequest, visit: Visit) -> HttpResponse:
    return _change(request, visit)


@require_safe
def public_shown(request: HttpRequest, sealed: str) -> HttpResponse:
    with timezone.override(ZoneInfo(settings.NETWORK_TIME_ZONE)):
        return _show(request, None, sealed)


@require_safe
@signed_in
def shown(request: HttpRequest, visit: Visit, sealed: str) -> HttpResponse:
    return _show(request, visit, sealed)


@require_safe
def public_sheet(request: HttpRequest, sealed: str) -> HttpResponse:
    with timezone.override(ZoneInfo(settings.NETWORK_TIME_ZONE)):
        return _print(request, None, sealed)


@require_safe
@signed_in
def sheet(request: HttpRequest, visit: Visit, sealed: str) -> HttpResponse:
    return _print(request, visit, sealed)


def _change(request: HttpRequest, visit: Visit | None) -> HttpResponse:
    """Add what was ticked, take off what was named, search again; then lead to the list."""
    if request.method != "POST":
        return redirect("desk_directory" if visit else "directory")
    given = request.POST
    removed = as_uuid(given.get(REMOVE))
    before, added = (_ids(given.getlist(name)) for name in (CHOSEN, ADD))
    services, why = _pick(visit, [one for one in (*before, *added) if one != removed])
    if ADD not in given and given.get("ticks"):
        why.append("none")
    form = SearchForm(given)
    form.is_valid()  # what is wrong with it is said where the list is shown
    kept = [
        *_search_of(form, given),
        *((CHOSEN, str(one.id)) for one in services),
        *((WHY, one) for one in why),
    ]
    with identified_transaction(visit.principal if visit else None) as now:
        sealed = seal_search(request, kept, now)
    return HttpResponseRedirect(f"{_address(visit, 'shown', sealed)}#list-title")


def _search_of(form: SearchForm, given: QueryDict) -> list[tuple[str, str]]:
    """Return the search with its page, and what is wrong in it as far as an address has room."""
    kept = [*form.carried(), ("page", str(form.cleaned_data.get("page") or 1))]
    room = MOST_WRONG
    for name in (one for one in form.errors if one != "page"):
        wrong = given.get(name, "")
        room -= len(wrong.encode())
        if room >= 0:
            kept.append((name, wrong))
    return kept


def _show(request: HttpRequest, visit: Visit | None, sealed: str) -> HttpResponse:
    """Show the list, and below it the search that it was picked from."""
    data = _opened(request, visit, sealed)
    if data is None:
        form = SearchForm({"distance": FARTHEST})
        form.is_valid()
        return directory_page(request, form, list_ended=True)
    services, _why = _pick(visit, _ids(data.getlist(CHOSEN)))
    why = [WORDS[one] for one in data.getlist(WHY) if one in WORDS]
    if asked := request.GET.get("page"):
        data["page"] = asked
    form = SearchForm(data)
    results = find_results(visit, form, form.cleaned_data["page"]) if form.is_valid() else None
    nothing = None
    if results and results.page == 1 and not (results.lines or results.placeless):
        results, nothing = None, form.told()
    hand_list = HandList(services, why, sealed)
    return directory_page(request, form, hand_list=hand_list, results=results, nothing=nothing)


def _print(request: HttpRequest, visit: Visit | None, sealed: str) -> HttpResponse:
    """Show the list as it is printed; lead back to its page if nothing is on it."""
    data = _opened(request, visit, sealed)
    services, _why = _pick(visit, _ids(data.getlist(CHOSEN)) if data else ())
    if not services:
        return HttpResponseRedirect(_address(visit, "shown", sealed))
    context = hand_sheet.content(one.id for one in services)
    return page(
        request,
        "desk/hand_list/sheet.html",
        context | {"back": _address(visit, "shown", sealed)},
    )


def _opened(request: HttpRequest, visit: Visit | None, sealed: str) -> QueryDict | None:
    with identified_transaction(visit.principal if visit else None) as now:
        return open_search(request, sealed, now)


def _pick(visit: Visit | None, wanted: Iterable[UUID]) -> tuple[list[listings.Listing], list[str]]:
    """Return the services that may be on the list, each once and in order, and why others are not.
    An id of nothing and one that the caller may not see are left out without a word."""
    found: list[listings.Listing] = []
    hidden: list[UUID] = []
    with identified_transaction(None):
        for one in list(dict.fromkeys(wanted))[:MOST_READ]:
            listing = listings.find(None, one)
            if listing is None:
                hidden.append(one)
            elif listing.status in OPEN_STATUSES:
                found.append(listing)
    why = ["full"] if len(found) > MOST else []
    if visit and hidden:
        with identified_transaction(visit.principal):
            if any(listings.find(visit.principal, one) for one in hidden):
                why.append("confidential")
    return found[:MOST], why


def _ids(texts: Iterable[str]) -> list[UUID]:
    return [one for text in texts if (one := as_uuid(text))]


def _address(visit: Visit | None, what: str, sealed: str) -> str:
    return reverse(f"{'desk_' if visit else ''}hand_list_{what}", args=[sealed])
