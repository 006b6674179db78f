"""An agency's figures at the desk, for its leads: a page, one to print, and files."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from api.desk.reports import files
from api.desk.reports.sections import sections
from api.desk.reports.tables import lines
from api.desk.reports.words import CALENDARS, period_words
from api.desk.request_context import Visit, page, signed_in
from api.desk.times import long_day
from permissions.errors import BadRequest
from referrals.numbers import own_report, periods, published_figures
from referrals.numbers.own_report import Figures
from referrals.numbers.periods import Period

# How many of the latest periods of each calendar can be chosen. What is older is reached by the
# link to the period before.
CHOICES = {
    "month": 13,
    "quarter": 8,
    "half_year": 4,
    "year": 4,
    "federal_half_year": 4,
    "federal_year": 4,
}


@require_safe
@signed_in
def own(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the figures of a period, and offer others."""
    figures = figures_of(request, visit)
    if figures is None:
        return redirect("desk_reports")
    since = published_figures.agreed_since(visit.principal)
    return page(request, "desk/reports/own.html", _context(figures) | {"named_since": since})


@require_safe
@signed_in
def sheet(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show what is printed, without what else the desk has."""
    figures = figures_of(request, visit)
    if figures is None:
        return redirect("desk_reports")
    return page(request, "desk/reports/sheet.html", _context(figures) | {"prints": True})


@require_POST
@signed_in
def name_us(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Let the network's figures name the agency, or no longer."""
    agree = request.POST.get("agree") == "yes"
    published_figures.agree(visit.principal, agree=agree)
    messages.success(
        request,
        gettext("Your agency is named in figures that are made from now on.")
        if agree
        else gettext("Your agency is no longer named. What is published already stays."),
    )
    return redirect("desk_reports")


@require_safe
@signed_in
def file(request: HttpRequest, visit: Visit, kind: str) -> HttpResponse:
    """Send the same figures as a file, with the words of the page."""
    figures = figures_of(request, visit)
    if figures is None:
        return redirect("desk_reports")
    now, before = figures.report.period, figures.before.period
    head = [gettext("Part"), gettext("Table"), gettext("What")]
    head += [period_words(now), period_words(before)]
    return files.answer(kind, f"figures-{now.name}", head, lines(sections(figures)))


def figures_of(request: HttpRequest, visit: Visit, calendar: str = "month") -> Figures | None:
    """The figures of the period in the address; by default of the latest of the calendar that is
    over. None: none of its months is over; a message says so. Raises NotPermitted."""
    text = request.GET.get("period", "")
    own_report.require_reader(visit.principal)
    try:
        period = periods.parse(text) if text else None
    except BadRequest:
        messages.error(request, gettext("That is not a period. Choose one from the list."))
        return None
    try:
        return own_report.own_figures(visit.principal, period, calendar)
    except BadRequest:
        messages.error(request, gettext("No month of that period is over. Choose another one."))
        return None


def _context(figures: Figures) -> dict[str, Any]:
    period = figures.report.period
    found = sections(figures)
    return {
        "sections": found,
        "is_empty": not any(section.tables for section in found),
        "period": period,
        "title": period_words(period),
        "before": figures.before.period,
        "has_before": figures.before.period.begins.year >= periods.EARLIEST,
        "before_title": period_words(figures.before.period),
        "until": "" if figures.report.ends == period.ends else long_day(figures.report.ends),
        "choices": [(CALENDARS[one], choices(figures, one)) for one in CHOICES],
    }


def choices(figures: Figures, calendar: str) -> list[tuple[Period, str]]:
    """Return the periods of a calendar with their words, the one that is shown among them if it is
    of this calendar."""
    shown = figures.report.period
    known = periods.latest(calendar, figures.this_month, CHOICES[calendar])
    if shown.calendar == calendar and shown not in known:
        known.append(shown)
    return [(one, period_words(one)) for one in known]


urlpatterns: list[URLPattern] = [
    path("desk/reports", own, name="desk_reports"),
    path("desk/reports/name", name_us, name="desk_reports_name"),
    path("desk/reports/print", sheet, name="desk_reports_sheet"),
    path("desk/reports/figures.csv", file, {"kind": "csv"}, name="desk_reports_csv"),
    path("desk/reports/figures.xlsx", file, {"kind": "xlsx"}, name="desk_reports_xlsx"),
]
