"""The access log for auditors: who of ours saw or did what, when, for what purpose; page by page
and as a file. An oversight auditor also reads the entries of an agency that has opted in."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from api import cursors
from api.desk import words
from api.desk.forms import PRIVATE, DeskForm, listed, moment
from api.desk.visit import Visit, signed_in
from api.exporting import MEDIA_TYPES, exported
from permissions import opt_ins, review
from permissions.errors import NotVisible
from permissions.review import Filters
from referrals.reading import Place

PER_PAGE = 50
LOOKS = 10  # at most, for one page of several filters


def _id(label: str) -> forms.UUIDField:
    return forms.UUIDField(label=label, required=False, widget=forms.TextInput(attrs=PRIVATE))


def _chosen(label: str) -> forms.UUIDField:
    return forms.UUIDField(label=label, required=False, widget=forms.Select)


class FilterForm(DeskForm):
    act = listed([("", "Any"), *words.LOGGED.items()], "What", required=False)
    decision = listed(
        [("", "Any"), ("allowed", "Done"), ("refused", "Refused")], "Decision", required=False
    )
    member = _chosen("Who")
    purpose = listed([("", "Any"), *words.PURPOSES], "Purpose", required=False)
    since = moment("From", required=False)
    until = moment("Until, not included", required=False)
    referral = _id("Referral id")
    subject = _id("Survivor: your agency's handle")
    client = _id("Partner system's id")
    self_assigned = forms.BooleanField(label="Only leads who put themselves on", required=False)
    agency = _chosen("Whose log")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = self.cleaned_data
        since, until = given.get("since"), given.get("until")
        if since and until and since >= until:
            self.add_error("until", "It lies before the beginning: nothing fits.")
        return given

    def filters(self) -> Filters:
        """As permissions/review.py takes them. A field that is wrong filters nothing."""
        given = self.cleaned_data
        return Filters(
            act=given.get("act") or None,
            decision=given.get("decision") or None,
            member_id=given.get("member"),
            client_id=given.get("client"),
            referral_id=given.get("referral"),
            subject=given.get("subject"),
            purpose=given.get("purpose") or None,
            self_assigned=bool(given.get("self_assigned")),
            since=given.get("since"),
            until=given.get("until"),
            agency_id=given.get("agency"),
        )


@require_safe
@signed_in
def access_log(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Entries, newest first; of one referral its whole trail, lists included."""
    form = _form(request, visit)
    return _shown(request, visit, form, form.filters())


@require_safe
@signed_in
def export(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """All that fits the filter as a file. A filter that is wrong exports nothing."""
    form = _form(request, visit)
    kind = request.GET.get("format", "")
    if kind not in MEDIA_TYPES:
        raise NotVisible
    if not form.is_valid():
        return _shown(request, visit, form, form.filters(), status=400)
    return exported(visit.principal, form.filters(), kind)


def _form(request: HttpRequest, visit: Visit) -> FilterForm:
    form = FilterForm(request.GET)
    others = _opted_in(visit)
    if request.GET.get("agency") and request.GET["agency"] not in others:
        raise NotVisible  # never another log than was asked for
    if others:
        form.fields["agency"].widget.choices = [  # type: ignore[attr-defined]
            ("", visit.agency.name),
            *sorted(others.items(), key=lambda one: one[1]),
        ]
    else:
        del form.fields["agency"]
    form.is_valid()
    return form


def _opted_in(visit: Visit) -> dict[str, str]:
    """The agencies that let an oversight auditor read, now."""
    if not visit.oversees:
        return {}
    given = opt_ins.given(visit.principal)
    return {str(one.agency_id): one.agency_name for one in given if one.stands}


def _shown(
    request: HttpRequest, visit: Visit, form: FilterForm, filters: Filters, status: int = 200
) -> HttpResponse:
    foreign = filters.agency_id not in (None, visit.agency.id)
    scope = f"desk:access-log:{filters.scope}"
    after = cursors.from_cursor(visit.principal, scope, request.GET.get("after"))
    read = review.access_log(visit.principal, filters, after=after, limit=PER_PAGE, looks=LOOKS)
    form.fields["member"].widget.choices = [  # type: ignore[attr-defined]
        ("", "Anybody"),
        *sorted(((str(id_), name) for id_, name in read.names.items()), key=lambda one: one[1]),
    ]
    place = Place(*read.next) if read.next else None
    cursor = cursors.to_cursor(visit.principal, scope, place)
    asked = {name: value for name, value in request.GET.items() if name in form.fields and value}
    context = {
        "form": form,
        "rows": [(entry, _who(entry, read.names, foreign)) for entry in read.entries],
        "whose": _name_of(form, filters) if foreign else visit.agency.name,
        "foreign": foreign,
        "filtered": bool(asked),
        "asked": urlencode(asked),
        "next": urlencode({**asked, "after": cursor}) if cursor else "",
        "looked_back_to": read.next[0] if read.next and len(read.entries) < PER_PAGE else None,
        "further": bool(after),
        "trail": filters.referral_id,
        "member": read.names.get(filters.member_id) if filters.member_id else None,
        "listings": [] if foreign or after else _listings(visit, filters.referral_id),
    }
    return render(request, "desk/access_log.html", context, status=status)


def _name_of(form: FilterForm, filters: Filters) -> str:
    choices = dict(form.fields["agency"].widget.choices)  # type: ignore[attr-defined]
    return str(choices.get(str(filters.agency_id), ""))


def _listings(visit: Visit, referral_id: UUID | None) -> list[tuple[Any, str]]:
    if referral_id is None:
        return []
    found, names = review.listings(visit.principal, referral_id)
    return [(one, _who(one, names, False)) for one in found]


def _who(entry: Any, names: dict[UUID, str], foreign: bool) -> str:
    """In words; of another agency's people their ids alone are known here."""
    name = names.get(entry.member_id, "A former member") if entry.member_id else ""
    if foreign and entry.member_id:
        name = f"Member {entry.member_id}"
    if entry.client_id:
        return f"Partner system, for {name}" if name else "Partner system"
    return name or "Nobody known"
