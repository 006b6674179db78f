"""What is published of the network's figures, for everyone: a page and a file of a year, which do
not change, and what was published of the years before Cairn."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from api.desk.reports.network_pages import answer_with
from api.desk.reports.network_sections import sections, years
from api.desk.reports.words import since_words
from api.http.problem_details import refused_page
from permissions.errors import NotVisible
from referrals.numbers import published_figures
from referrals.numbers.published_figures import NetworkFigures


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Show the years, and which of them have a page."""
    figures, earlier = published_figures.published()
    context = {"figures": figures, "earlier": earlier, "years": years(figures, earlier)}
    return render(request, "desk/reports/numbers.html", context)


@require_safe
def of_year(request: HttpRequest, year: int) -> HttpResponse:
    """Show the figures of a year."""
    figures = _figures(year)
    if figures is None:
        return refused_page(request, NotVisible())
    context = {
        "figures": figures,
        "title": figures.period.name,
        "since": since_words(figures),
        "sections": sections(figures, None),
        "prints": True,
    }
    return render(request, "desk/reports/year.html", context)


@require_safe
def file(request: HttpRequest, year: int, kind: str) -> HttpResponse:
    """Send the same as a file."""
    figures = _figures(year)
    if figures is None:
        return refused_page(request, NotVisible())
    return answer_with(kind, figures, None)


def _figures(year: int) -> NetworkFigures | None:
    """The figures of a year; None: they are not published."""
    figures, _earlier = published_figures.published()
    return next((one for one in figures if one.period.name == str(year)), None)


urlpatterns: list[URLPattern] = [
    path("numbers", listing, name="numbers"),
    path("numbers/<int:year>", of_year, name="numbers_of_year"),
    path("numbers/<int:year>.csv", file, {"kind": "csv"}, name="numbers_csv"),
    path("numbers/<int:year>.xlsx", file, {"kind": "xlsx"}, name="numbers_xlsx"),
]
