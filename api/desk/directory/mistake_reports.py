"""Saying that an entry is wrong, as a visitor or a member, and what waits to be mended.

What is typed is never shown as the answer to its form, which a browser would keep on its disk
(TH7): what is wrong with it comes back as a word in the address, and the form is empty.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.forms import PRIVATE, DeskForm, Text, listed
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.http.problem_details import refused_page
from directory import listings
from directory.editing import mistake_reports
from directory.editing.mistake_reports import Report
from directory.models import MistakeReport
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotVisible, Refused

WHAT: dict[str, Promise] = {
    "no_answer": _("The number does not answer, or is wrong"),
    "hours": _("The hours are wrong"),
    "place": _("The place is wrong"),
    "closed": _("It has closed"),
    "other": _("Something else"),
}


class ReportForm(DeskForm):
    what = listed([], _("What is wrong?"))
    words = Text(
        label=_("What is right, if you know it"),
        help_text=_(
            "At most 300 characters. Never write a name, or anything about yourself or a survivor."
        ),
        max_length=MistakeReport.MOST_WORDS,
        required=False,
        widget=forms.Textarea(attrs=PRIVATE | {"rows": "3"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        what = self.fields["what"]
        assert isinstance(what, forms.ChoiceField)
        what.choices = [("", gettext("Choose one")), *WHAT.items()]

    def clean(self) -> dict[str, str]:
        if self.cleaned_data.get("what") == "other" and not self.cleaned_data.get("words"):
            self.add_error("words", _("Please fill this in."))
        return self.cleaned_data


SAID: dict[str, Promise] = {
    "what": _("Choose what is wrong. What you wrote was not kept: write it again."),
    "words": _("Say in at most 300 characters what is wrong. What you wrote was not kept."),
}


class Line(NamedTuple):
    report: Report
    what: Promise | str


@require_http_methods(METHODS)
def public_report(request: HttpRequest, service_id: UUID) -> HttpResponse:
    with timezone.override(ZoneInfo(settings.NETWORK_TIME_ZONE)):
        try:
            return _report(request, None, service_id)
        except Refused as refusal:
            return refused_page(request, refusal)


@require_http_methods(METHODS)
@signed_in
def report(request: HttpRequest, visit: Visit, service_id: UUID) -> HttpResponse:
    return _report(request, visit, service_id)


def _report(request: HttpRequest, visit: Visit | None, service_id: UUID) -> HttpResponse:
    """Ask what is wrong and store it; then say thanks at an address of its own."""
    principal = visit.principal if visit else None
    with identified_transaction(principal):
        listing = listings.find(principal, service_id)
    if listing is None:
        raise NotVisible
    if request.method == "POST":
        form = ReportForm(request.POST)
        said = "what" if "what" in form.errors else "words" if form.errors else "thanks"
        if said == "thanks":
            given = form.cleaned_data
            mistake_reports.report(principal, service_id, given["what"], given["words"])
        here = reverse("desk_report_mistake" if visit else "report_mistake", args=[service_id])
        return redirect(f"{here}?said={said}")
    said = request.GET.get("said", "")
    context = {"form": ReportForm(), "listing": listing, "wrong": SAID.get(said)}
    context["thanks"] = said == "thanks"
    return page(request, "desk/mistakes_of_entries/report.html", context)


@require_safe
@signed_in
def waiting(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List what was said to be wrong, for those who can mend it."""
    found = list(_lines(mistake_reports.waiting(visit.principal)))
    return page(
        request, "desk/mistakes_of_entries/waiting.html", {"lines": found, "now": visit.now}
    )


def _lines(found: Iterable[Report]) -> Iterable[Line]:
    for one in found:
        yield Line(one, WHAT.get(one.what, one.what))


@require_http_methods(METHODS)
@signed_in
def done(request: HttpRequest, visit: Visit, report_id: UUID) -> HttpResponse:
    """Mark one done; GET leads to the list."""
    if request.method == "POST":
        mistake_reports.end(visit.principal, report_id)
        messages.success(request, gettext("Done. It is off the list."))
    return redirect("desk_entry_mistakes")
