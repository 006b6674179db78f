"""The access log for auditors: who of our agency saw or did what, when, and for what purpose. It is
read page by page and as a file. An oversight auditor also reads the entries of an agency that has
opted in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from api.audit_downloads import MEDIA_TYPES, export_entries, export_listings
from api.desk.audit.filter_form import FilterForm
from api.desk.request_context import Visit, signed_in
from api.http import cursors
from api.texts import StrOrPromise
from permissions.audit import oversight, queries
from permissions.errors import BadRequest, NotVisible
from referrals.queries import audited_references
from referrals.queries.lists import Place

PER_PAGE = 50
VIEWS: tuple[tuple[StrOrPromise, dict[str, str]], ...] = (
    (_("Packets opened"), {"act": "referral.open_packet"}),
    (_("Notes opened"), {"act": "referral.open_notes"}),
    (_("Refusals"), {"decision": "refused"}),
    (_("Self-assigned leads"), {"self_assigned": "on"}),
    (_("Everything"), {}),
    (_("Practice"), {"practice": "on"}),
)


class View(NamedTuple):
    words: str
    query: str
    chosen: bool


@require_safe
@signed_in
def access_log(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List entries, newest first. For one referral this is its whole trail, lists included. An
    invalid filter shows no entries."""
    _must_be_known(request, "after")
    form = _form(request, visit, "access_log.read")
    return _shown(request, visit, form) if form.is_valid() else _wrong(request, visit, form)


@require_safe
@signed_in
def export(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Export all entries that match the filter, or (`of=lists`) who had the referral in their
    lists. An invalid filter exports nothing."""
    _must_be_known(request, "format", "of")
    form = _form(request, visit, "access_log.export")
    kind = request.GET.get("format", "")
    of = request.GET.get("of", "entries")
    if kind not in MEDIA_TYPES or of not in ("entries", "lists"):
        raise NotVisible
    if not form.is_valid():
        return _wrong(request, visit, form)
    filters, _more, found = _filters(visit, form)
    if not found:
        return _nothing(request, form)
    if of == "entries":
        return export_entries(visit.principal, filters, kind)
    if filters.referral_id is None or form.foreign:
        raise BadRequest("invalid", "Choose a referral to see which lists showed it.")
    return export_listings(visit.principal, filters.referral_id, kind)


def _must_be_known(request: HttpRequest, *beside: str) -> None:
    """Raise BadRequest for an unknown or repeated filter: ignoring it would show more than was
    asked for."""
    if set(request.GET) - {*FilterForm.base_fields, *beside}:
        raise BadRequest(
            "unknown_parameter", "This link is not valid. Open the log again and use its filter."
        )
    if any(len(values) > 1 for _, values in request.GET.lists()):
        raise BadRequest("repeated_parameter", "A filter is given twice in the address.")


def _form(request: HttpRequest, visit: Visit, act: str) -> FilterForm:
    others = _opted_in(visit)
    if request.GET.get("agency") and request.GET["agency"] not in others:
        raise NotVisible  # never another log than was asked for
    members, systems = queries.callers(visit.principal, act)
    return FilterForm(
        request.GET, own=visit.agency.name, others=others, members=members, systems=systems
    )


def _opted_in(visit: Visit) -> dict[str, str]:
    """Return the agencies that let an oversight auditor read now, names by id."""
    if not visit.oversees:
        return {}
    given = oversight.list_opt_ins(visit.principal)
    return {str(one.agency_id): one.agency_name for one in given if one.stands}


def _context(request: HttpRequest, form: FilterForm) -> dict[str, Any]:
    """Build what the page says of the filter. Each of its links carries `agency`."""
    asked = {
        name: str(value) for name, value in request.GET.items() if name in form.fields and value
    }
    agency = {"agency": asked["agency"]} if form.foreign else {}
    views = _views(asked, agency)
    if "practice" in asked:
        agency |= {"practice": "on"}
    return {
        "wide": True,
        "views": views,
        "form": form,
        "whose": form.whose,
        "foreign": form.foreign,
        "asked": urlencode(asked),
        "agency": urlencode(agency),
        "filtered": bool(asked.keys() - {"agency"}),
    }


def _views(asked: dict[str, str], agency: dict[str, str]) -> list[View]:
    """Return what an auditor looks for first: each is one filter."""
    chosen = {name: value for name, value in asked.items() if name != "agency"}
    return [View(str(words), urlencode(agency | ask), chosen == ask) for words, ask in VIEWS]


def _wrong(request: HttpRequest, visit: Visit, form: FilterForm) -> HttpResponse:
    return render(request, "desk/access_log.html", _context(request, form), status=400)


def _shown(request: HttpRequest, visit: Visit, form: FilterForm) -> HttpResponse:
    filters, more, found = _filters(visit, form)
    if not found:
        return _nothing(request, form)
    context = _context(request, form)
    scope = f"desk:access-log:{filters.scope}"
    after = cursors.from_cursor(visit.principal, scope, request.GET.get("after"))
    read = queries.access_log(visit.principal, filters, after=after, limit=PER_PAGE)
    place = Place(*read.next) if read.next else None
    cursor = cursors.to_cursor(visit.principal, scope, place)
    following = "&".join(filter(None, (context["asked"], urlencode({"after": cursor}))))
    practice = filters.practice
    lists = filters.referral_id is not None and not (form.foreign or practice or after)
    if practice:  # a person has another id in each exercise
        form.members = {**form.members, **read.names}
    context |= {
        "rows": [(entry, _who(entry, form)) for entry in read.entries],
        "told": form.told(),
        "next": following if cursor else "",
        "looked_back_to": read.next[0] if read.next and len(read.entries) < PER_PAGE else None,
        "further": bool(after),
        "trail": filters.referral_id,
        "same_reference": more,
        "member": form.name_of_member(filters.member_id) if filters.member_id else None,
        "listings": list(_listings(visit, filters.referral_id, form)) if lists else [],
    }
    return render(request, "desk/access_log.html", context)


def _filters(visit: Visit, form: FilterForm) -> tuple[queries.Filters, list[UUID], bool]:
    """Return the filters with the referral of the reference that is looked for, others with the
    same reference, and whether there is anything to look for."""
    filters, reference = form.filters(), form.cleaned_data["reference"]
    if not reference:
        return filters, [], True
    ids = audited_references.find(visit.principal, reference)
    return replace(filters, referral_id=ids[0] if ids else None), ids[1:], bool(ids)


def _nothing(request: HttpRequest, form: FilterForm) -> HttpResponse:
    """Say that the own agency's log has nothing of the reference, whether others have one or
    not (R3)."""
    context = _context(request, form) | {"told": form.told(), "nothing": True}
    return render(request, "desk/access_log.html", context)


def _listings(
    visit: Visit, referral_id: UUID | None, form: FilterForm
) -> Iterator[tuple[queries.Listing, str]]:
    if referral_id is not None:
        found, _names = queries.listings(visit.principal, referral_id)
        yield from ((one, _who(one, form)) for one in found)


def _who(entry: Any, form: FilterForm) -> str:
    """Say in words who it was. People and systems of another agency are known by their ids
    alone."""
    name = form.name_of_member(entry.member_id) if entry.member_id else ""
    if entry.client_id:
        system = form.name_of_system(entry.client_id)
        return gettext("{system}, for {name}").format(system=system, name=name) if name else system
    # Background work and commands have no caller: both write `key.rotate`.
    other = _("Cairn or its operator") if entry.decision == "allowed" else _("unknown")
    return name or str(other)
