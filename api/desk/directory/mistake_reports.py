"""Saying that an entry is wrong, as a visitor or a member, and what waits to be mended.

What is typed is never shown again, and the answer to the form is always another address: a browser
would keep an answer on its disk together with the words (TH7). What was wrong with them is a word
in that address, and so is the time from which a caller may say more.
"""

import math
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode
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
from directory.editing import mistake_reports, verification
from directory.editing.mistake_reports import Report
from directory.models import MistakeReport
from permissions.database.db_identity import identified_transaction
from permissions.errors import NotVisible, Refused, TooOften
from permissions.principal import Principal

LONGEST_S = mistake_reports.OF_SERVICE.period.total_seconds() + 60

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
    "hidden": _(
        "An invisible character was in your text. What you wrote was not kept: type it by hand"
        " instead of pasting it."
    ),
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
    """Ask what is wrong and store it; then say at an address of its own what became of it."""
    principal = visit.principal if visit else None
    with identified_transaction(principal) as now:
        listing = listings.find(principal, service_id)
    if listing is None:
        raise NotVisible
    if request.method == "POST":
        here = reverse("desk_report_mistake" if visit else "report_mistake", args=[service_id])
        return redirect(f"{here}?{urlencode(_answer(request, principal, service_id, now))}")
    said, until = request.GET.get("said", ""), _until(request.GET.get("until", ""), now)
    context = {
        "form": ReportForm(),
        "listing": listing,
        "wrong": SAID.get(said),
        "thanks": said == "thanks",
        "until": until,
        "now": now,
    }
    refusal = TooOften(wait=until - now) if until else None
    answer = page(request, "desk/mistakes_of_entries/report.html", context, refusal)
    if refusal:
        answer["Retry-After"] = str(refusal.wait_s)
    return answer


def _answer(
    request: HttpRequest, principal: Principal | None, service_id: UUID, now: datetime
) -> dict[str, str | int]:
    """Store what was said, and return what became of it. Who says too much is in no log."""
    form = ReportForm(request.POST)
    if "what" in form.errors:
        return {"said": "what"}
    elif form.has_error("words", "hidden"):
        return {"said": "hidden"}
    elif form.errors:
        return {"said": "words"}
    given = form.cleaned_data
    try:
        mistake_reports.report(principal, service_id, given["what"], given["words"])
    except TooOften as refusal:
        return {"until": math.ceil(now.timestamp()) + refusal.wait_s}
    return {"said": "thanks"}


def _until(text: str, now: datetime) -> datetime | None:
    """The time from which the caller may say more; None once it has come, and for any other text:
    a limit lasts a day at most."""
    if not re.fullmatch(r"\d{1,11}", text, re.ASCII):
        return None
    left = int(text) - now.timestamp()
    return now + timedelta(seconds=left) if 0 < left <= LONGEST_S else None


@require_safe
@signed_in
def waiting(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List what was said to be wrong, for those who can mend it, with its day: the minute could
    tell who was there to say it."""
    context = {
        "lines": list(_lines(mistake_reports.waiting(visit.principal))),
        "unverified": verification.unverified(visit.principal),
    }
    return page(request, "desk/mistakes_of_entries/waiting.html", context)


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
