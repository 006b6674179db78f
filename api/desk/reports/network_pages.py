"""The network's figures at the desk, for its coordinator: what is made, what was published of
earlier years, and publishing a year."""

from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.forms import PRIVATE, DeskForm, Text
from api.desk.reports import files
from api.desk.reports.charts import Bar, bars
from api.desk.reports.network_sections import declined, gaps, sections, years
from api.desk.reports.tables import Row, Table, lines
from api.desk.reports.words import period_words, since_words
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import month_and_year
from permissions.errors import BadRequest, NotVisible
from referrals.numbers import published_figures
from referrals.numbers.published_figures import EarlierYear, Known, NetworkFigures


class Chosen(NamedTuple):
    """The period that is shown, and the one before it; None where it is not made."""

    shown: NetworkFigures | None
    before: NetworkFigures | None
    known: Known


@require_safe
@signed_in
def network(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show the figures of a period, and those of all years."""
    chosen = _chosen(request, visit)
    shown = chosen.shown
    context: dict[str, Any] = {
        "figures": shown,
        "title": period_words(shown.period) if shown else "",
        "since": since_words(shown),
        "before_title": period_words(chosen.before.period) if chosen.before else "",
        "choices": [(one.period, period_words(one.period)) for one in chosen.known.figures],
        "sections": sections(shown, chosen.before) if shown else [],
        "years": years(chosen.known.figures, chosen.known.earlier),
        "taught": _taught(chosen) if shown else None,
        "earlier": chosen.known.earlier,
    }
    return page(request, "desk/reports/network.html", context)


@require_safe
@signed_in
def gap_sheet(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show what is missing in the network, to print for those who decide on money; in English or
    in Spanish, whatever language the desk has."""
    chosen = _chosen(request, visit)
    if chosen.shown is None:
        return redirect("desk_network_figures")
    language = request.GET.get("lang", "")
    if language not in ("en", "es"):
        language = translation.get_language() or "en"
    with translation.override(language):
        context = {
            "figures": chosen.shown,
            "title": period_words(chosen.shown.period),
            "since": since_words(chosen.shown),
            "sections": [gaps(chosen.shown), *declined(chosen.shown)],
            "language": language,
            "prints": True,
        }
        return page(request, "desk/reports/gap_sheet.html", context)


@require_safe
@signed_in
def file(request: HttpRequest, visit: Visit, kind: str) -> HttpResponse:
    """Send the figures of the period as a file, with the words of the page."""
    chosen = _chosen(request, visit)
    if chosen.shown is None:
        return redirect("desk_network_figures")
    return answer_with(kind, chosen.shown, chosen.before)


@require_http_methods(METHODS)
@signed_in
def publish(request: HttpRequest, visit: Visit, year: int) -> HttpResponse:
    """Ask once more, and publish the figures of a year."""
    published_figures.require_coordinator(visit.principal)
    if request.method == "POST":
        published_figures.publish(visit.principal, str(year))
        messages.success(request, gettext("Published. Everyone can read it now."))
        return redirect("numbers_of_year", year)
    known = published_figures.known(visit.principal)
    if str(year) not in {one.period.name for one in known.figures}:
        raise NotVisible
    return page(request, "desk/reports/publish.html", {"year": year})


class EarlierForm(DeskForm):
    year = forms.IntegerField(
        label=_("Year"),
        min_value=published_figures.FIRST_YEAR,
        max_value=published_figures.LAST_YEAR,
        widget=forms.NumberInput,
    )
    cases = forms.IntegerField(
        label=_("Cases"), required=False, min_value=0, max_value=published_figures.MOST
    )
    trainings = forms.IntegerField(
        label=_("Trainings"), required=False, min_value=0, max_value=published_figures.MOST
    )
    people = forms.IntegerField(
        label=_("People trained"), required=False, min_value=0, max_value=published_figures.MOST
    )
    source = Text(
        label=_("Where it was published"),
        max_length=published_figures.MOST_SOURCE,
        widget=forms.TextInput(attrs=PRIVATE),
        help_text=_("Such as the title and year of a report. Everyone can read it."),
    )


@require_http_methods(METHODS)
@signed_in
def earlier_year(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Enter what was published of a year before Cairn, or correct it."""
    published_figures.require_coordinator(visit.principal)
    form = EarlierForm(request.POST or None, initial=_entered(request, visit))
    refused = None
    if request.method == "POST" and form.is_valid():
        try:
            published_figures.store_earlier_year(visit.principal, EarlierYear(**form.cleaned_data))
        except BadRequest as refusal:
            refused = refusal
            form.refuse(refusal)
        else:
            messages.success(request, gettext("Saved. Everyone can read it."))
            return redirect("desk_network_figures")
    return page(request, "desk/reports/earlier_year.html", {"form": form}, refused)


@require_http_methods(METHODS)
@signed_in
def delete_earlier_year(request: HttpRequest, visit: Visit, year: int) -> HttpResponse:
    """Ask once more, and delete what was entered of a year."""
    published_figures.require_coordinator(visit.principal)
    if request.method == "POST":
        published_figures.delete_earlier_year(visit.principal, year)
        messages.success(request, gettext("Deleted."))
        return redirect("desk_network_figures")
    if year not in {one.year for one in published_figures.known(visit.principal).earlier}:
        raise NotVisible
    return page(request, "desk/reports/delete_year.html", {"year": year})


def answer_with(kind: str, figures: NetworkFigures, before: NetworkFigures | None) -> HttpResponse:
    """Answer with the figures as a file."""
    head = [gettext("Part"), gettext("Table"), gettext("What"), period_words(figures.period)]
    if before:
        head.append(period_words(before.period))
    return files.answer(
        kind,
        f"network-{figures.period.name}",
        head,
        lines(sections(figures, before), compares=before is not None),
    )


def _chosen(request: HttpRequest, visit: Visit) -> Chosen:
    """The period of the address; by default the newest year, else the newest quarter. Raises
    NotVisible for a period of which there are no figures."""
    known = published_figures.known(visit.principal)
    by_name = {one.period.name: one for one in known.figures}
    newest = sorted(known.figures, key=lambda one: one.period.calendar != "year")
    name = request.GET.get("period", "")
    shown = by_name.get(name) if name else next(iter(newest), None)
    if name and shown is None:
        raise NotVisible
    before = by_name.get(shown.period.before.name) if shown else None
    return Chosen(shown, before, known)


def _taught(chosen: Chosen) -> Table | None:
    """The trainings of the period by month: what makes cases be seen."""
    assert chosen.shown is not None
    by_month = {one.month: one for one in chosen.known.taught}
    months = chosen.shown.period.months
    rows = [(month, by_month[month].trainings if month in by_month else 0) for month in months]
    if not any(number for _month, number in rows):
        return None
    title = gettext("Trainings by month")
    drawn = [Bar(month_and_year(month), number) for month, number in rows]
    return Table(title, [Row(one.label, str(one.number)) for one in drawn], bars(title, drawn))


def _entered(request: HttpRequest, visit: Visit) -> dict[str, Any]:
    """What the form begins with: the year of the address, if it is entered."""
    year = request.GET.get("year", "")
    known = published_figures.known(visit.principal).earlier if year.isdecimal() else []
    return next((one._asdict() for one in known if str(one.year) == year), {})


_HERE = "desk/network-figures"
urlpatterns: list[URLPattern] = [
    path(_HERE, network, name="desk_network_figures"),
    path(f"{_HERE}/gaps", gap_sheet, name="desk_gap_sheet"),
    path(f"{_HERE}/figures.csv", file, {"kind": "csv"}, name="desk_network_csv"),
    path(f"{_HERE}/figures.xlsx", file, {"kind": "xlsx"}, name="desk_network_xlsx"),
    path(f"{_HERE}/earlier", earlier_year, name="desk_earlier_year"),
    path(f"{_HERE}/earlier/<int:year>/delete", delete_earlier_year, name="desk_delete_year"),
    path(f"{_HERE}/<int:year>/publish", publish, name="desk_publish_figures"),
]
