"""Finding a service, for the public and for members: the search is sent by POST, never in an
address."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory.entry_summary import EntrySummary, summarize
from api.desk.directory.search_form import FARTHEST, ActiveFilter, SearchForm
from api.desk.encrypted_query import open_search, seal_search
from api.desk.request_context import METHODS, Visit, signed_in
from directory import listings
from directory.search import next_openings, unmet_searches
from directory.search.matches import PER_PAGE
from directory.search.query import SearchQuery
from permissions.database.db_identity import identified_transaction
from permissions.principal import Principal
from referrals.acts import availability


@dataclass(frozen=True, slots=True)
class Results:
    """One page of results."""

    lines: list[EntrySummary]
    count: str
    page: int
    last: bool
    told: list[ActiveFilter]
    near: bool
    meant_first: bool  # among those that are near, what only mentions the words comes last
    lacks_words: bool
    complete: int  # how many have all of the words, where others follow them
    placeless: list[EntrySummary]  # after those that are near: by phone, or confidential
    placeless_first: bool  # before them: nothing that is near is what the words mean
    more_placeless: bool

    @property
    def back(self) -> int:
        return self.page - 1

    @property
    def next(self) -> int:
        return self.page + 1


@require_http_methods(METHODS)
def public_search(request: HttpRequest) -> HttpResponse:
    with timezone.override(ZoneInfo(settings.NETWORK_TIME_ZONE)):
        return _ask(request, None)


@require_http_methods(METHODS)
@signed_in
def search(request: HttpRequest, visit: Visit) -> HttpResponse:
    return _ask(request, visit)


@require_safe
def public_found(request: HttpRequest, sealed: str) -> HttpResponse:
    with timezone.override(ZoneInfo(settings.NETWORK_TIME_ZONE)):
        return _answer(request, None, sealed)


@require_safe
@signed_in
def found(request: HttpRequest, visit: Visit, sealed: str) -> HttpResponse:
    return _answer(request, visit, sealed)


def _ask(request: HttpRequest, visit: Visit | None) -> HttpResponse:
    """GET shows the empty form and everything by name. POST leads to the results, or says that
    nothing was found."""
    if request.method != "POST":
        form = SearchForm({"distance": FARTHEST, "page": request.GET.get("page", "")})
        if not form.is_valid():
            form = SearchForm({"distance": FARTHEST})
            form.is_valid()
        results = find_results(visit, form, form.cleaned_data["page"])
        return directory_page(request, form, results=results)
    form = SearchForm(request.POST)
    if not form.is_valid():
        return directory_page(request, form)
    principal = visit.principal if visit else None
    with identified_transaction(principal) as now:
        asked = form.asked(now)
        if asked is None:
            return directory_page(request, form)
        if asked.is_plain:
            return redirect("desk_directory" if visit else "directory")
        found, beyond = _search(principal, form, asked, per_page=1)
        in_vain = not any(one.total_items and not one.lacks_words for one in (found, beyond))
        if unmet_searches.is_counted(asked, in_vain):
            area = form.cleaned_data["postcode"]
            unmet_searches.record_unmet_search(principal, asked, area, in_vain=in_vain)
        if not (found.total_items or beyond.total_items):
            fewer = [(one, form.carried(one.name)) for one in form.told()]
            return directory_page(request, form, nothing=form.told(), fewer=fewer)
        sealed = seal_search(request, form.carried(), now)
    found_at = reverse("desk_directory_found" if visit else "directory_found", args=[sealed])
    return redirect(f"{found_at}#found-title")


def _answer(request: HttpRequest, visit: Visit | None, sealed: str) -> HttpResponse:
    """Show a page of results, or the empty form if the search has ended."""
    with identified_transaction(visit.principal if visit else None) as now:
        data = open_search(request, sealed, now)
    form = SearchForm(data or {"distance": FARTHEST})
    if data is not None:
        data["page"] = request.GET.get("page", "1")
    results = find_results(visit, form, form.cleaned_data["page"]) if form.is_valid() else None
    return directory_page(request, form, results=results, ended=data is None)


def directory_page(request: HttpRequest, form: SearchForm, **context: Any) -> HttpResponse:
    return render(request, "desk/directory.html", context | {"form": form})


def find_results(visit: Visit | None, form: SearchForm, page: int) -> Results | None:
    """Return a page of results; None if the place of the postcode is no longer known, which the
    form says."""
    principal = visit.principal if visit else None
    with identified_transaction(principal) as now:
        asked = form.asked(now)
        if asked is None:
            return None
        found, beyond = _search(principal, form, asked, page=page)
        near, every = found.items, [*found.items, *beyond.items]
        hours = next_openings.next_openings(principal, [one.id for one in every], now)
        takes = availability.open_to_referrals(every) if visit else frozenset()
    lines = [
        summarize(one, hours.get(one.id), orjson.loads(one.document), now, takes=one.id in takes)
        for one in every
    ]
    return Results(
        lines=lines[: len(near)],
        count=_count(found, asked),
        page=page,
        last=found.last,
        told=form.told(),
        near=bool(asked.near),
        meant_first=asked.meant_first and not found.capped,
        lacks_words=found.lacks_words,
        complete=found.complete if found.complete < found.total_items else 0,
        placeless=lines[len(near) :],
        placeless_first=asked.meant_first
        and bool(near)
        and _is_meant(asked, beyond.items[:1])
        and not _is_meant(asked, near),
        more_placeless=not beyond.last,
    )


def _search(
    principal: Principal | None,
    form: SearchForm,
    asked: SearchQuery,
    *,
    page: int = 1,
    per_page: int = PER_PAGE,
) -> tuple[listings.Page, listings.Page]:
    """Return a page of what is found, and with its first page what no distance finds. Where one of
    them has all of the words, what lacks some of them is left out of the other."""
    nothing = listings.Page((), 0, False, 1, per_page, True)
    found = listings.search(principal, asked, page=page, per_page=per_page)
    placeless = form.placeless(asked) if page == 1 else None
    if placeless is None:
        return found, nothing
    beyond = listings.search(principal, placeless, per_page=per_page)
    if found.lacks_words and beyond.total_items and not beyond.lacks_words:
        found = nothing
    elif beyond.lacks_words and found.total_items and not found.lacks_words:
        beyond = nothing
    return found, beyond


def _is_meant(asked: SearchQuery, items: Iterable[listings.Listing]) -> bool:
    """Whether one of these has what the words mean in its name, or a need that they name."""
    question = asked.question
    needs = frozenset(question.needs)
    return any(
        question.is_in(one.name) or not needs.isdisjoint(one.taxonomy_term_ids) for one in items
    )


def _count(found: listings.Page, asked: SearchQuery) -> str:
    number = f"{found.total_items:,}"
    if found.capped:
        return gettext("{number} or more services").format(number=number)
    if asked.is_plain:
        return gettext("All services, by name: {number}").format(number=number)
    words = ngettext("{number} service", "{number} services", found.total_items)
    return words.format(number=number)
