"""Funders' forms at the desk, for the leads of an agency: which numbers Cairn can give for each,
and which it cannot."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from api.desk.reports import files
from api.desk.reports.pages import choices, figures_of
from api.desk.reports.words import period_words
from api.desk.request_context import Visit, page, signed_in
from permissions.errors import NotVisible
from referrals.numbers import funder_forms, own_report
from referrals.numbers.funder_forms import Form
from referrals.numbers.own_report import Figures

REASONS: Mapping[str, Promise] = {
    "people": _("It counts people. Cairn counts referrals and keeps no person."),
    "demographics": _("Cairn keeps nothing of this kind about a person."),
    "services_given": _("What you did after the hand-off is in your own records."),
    "case_work": _("It is in your own case records."),
    "money_staff": _("Money and staff are not in Cairn."),
    "narrative": _("You write it."),
    "partners": _("Partners and agreements are not in Cairn."),
    "not_kept": _("Cairn does not record it."),
}
assert tuple(REASONS) == funder_forms.REASONS


class Line(NamedTuple):
    """An item as it is shown. `number` is None where there is none; `why` says why, or what to mind
    of the number."""

    item: str
    asks: str
    number: int | None
    why: str


class Part(NamedTuple):
    heading: str
    lines: Sequence[Line]


@require_safe
@signed_in
def listing(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the forms, those that agencies of this kind file first."""
    own_report.require_reader(visit.principal)
    kind = visit.principal.agency_kind
    ours = [one for one in funder_forms.forms() if kind in one.for_kinds]
    others = [one for one in funder_forms.forms() if kind not in one.for_kinds]
    return page(request, "desk/reports/forms.html", {"ours": ours, "others": others})


@require_safe
@signed_in
def one(request: HttpRequest, visit: Visit, form_id: str) -> HttpResponse:
    """Show a form with the numbers of a period. It prints as it is."""
    form = _form(visit, form_id)
    figures = figures_of(request, visit, form.calendar)
    if figures is None:
        return redirect("desk_funder_form", form_id)
    period = figures.report.period
    context: dict[str, Any] = {
        "form": form,
        "parts": _parts(form, figures),
        "period": period,
        "title": period_words(period),
        "is_over": figures.report.ends == period.ends,
        "choices": choices(figures, form.calendar),
    }
    return page(request, "desk/reports/form.html", context)


@require_safe
@signed_in
def file(request: HttpRequest, visit: Visit, form_id: str, kind: str) -> HttpResponse:
    """Send the same as a file."""
    form = _form(visit, form_id)
    figures = figures_of(request, visit, form.calendar)
    if figures is None:
        return redirect("desk_funder_form", form_id)
    head = [gettext("Section"), gettext("Item"), gettext("What it asks")]
    head += [period_words(figures.report.period), gettext("Remark")]
    name = f"{form.id}-{figures.report.period.name}"
    return files.answer(kind, name, head, _lines(_parts(form, figures)))


def _lines(parts: Iterable[Part]) -> Iterable[files.Line]:
    for part in parts:
        for line in part.lines:
            number = "" if line.number is None else line.number
            yield (part.heading, line.item, line.asks, number, line.why)


def _parts(form: Form, figures: Figures) -> list[Part]:
    found = funder_forms.numbers(form, figures.report)
    return [
        Part(
            section.heading,
            [
                Line(item.number, item.asks, number, _why(item))
                for item, number in zip(section.items, row, strict=True)
            ],
        )
        for section, row in zip(form.sections, found, strict=True)
    ]


def _why(item: funder_forms.Item) -> str:
    if item.reason:
        return str(REASONS[item.reason])
    return gettext("Counts referrals: a person may be in it twice.") if item.of_people else ""


def _form(visit: Visit, form_id: str) -> Form:
    own_report.require_reader(visit.principal)
    found = funder_forms.find(form_id)
    if found is None:
        raise NotVisible
    return found


_ONE = "desk/reports/forms/<slug:form_id>"
urlpatterns: list[URLPattern] = [
    path("desk/reports/forms", listing, name="desk_funder_forms"),
    path(_ONE, one, name="desk_funder_form"),
    path(f"{_ONE}/figures.csv", file, {"kind": "csv"}, name="desk_funder_form_csv"),
    path(f"{_ONE}/figures.xlsx", file, {"kind": "xlsx"}, name="desk_funder_form_xlsx"),
]
