"""The trainings at the desk: the list, one to print, a file, and entering, correcting and deleting
one."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.reports import files
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import long_day
from api.desk.trainings.forms import (
    AUDIENCES,
    SECTORS,
    TOPICS,
    FilterForm,
    TrainingForm,
    initial_of,
    totals_in_words,
)
from directory.trainings import trainings
from directory.trainings.trainings import MOST_IN_FILE, Place, Training
from permissions.errors import BadRequest, Refused, StaleMatch


class Line(NamedTuple):
    """A training as the list shows it."""

    training: Training
    day: str
    sector: Promise | str
    audience: Promise | str
    topic: Promise | str


@require_safe
@signed_in
def listing(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the trainings of a period and sector, the newest first."""
    trainings.require_keeper(visit.principal)
    form, context = _filter(request)
    if form.is_valid():
        found = trainings.listed(visit.principal, form.filters(), _after(request))
        asked = form.asked()
        context |= {
            "lines": _lines(found.trainings),
            "totals": totals_in_words(found.totals),
            "asked": urlencode(asked),
            "after": _after(request) is not None,
            "more": urlencode(asked | {"after": _written(found.more)}) if found.more else "",
            "too_many": found.totals.trainings > MOST_IN_FILE,
        }
    return page(request, "desk/trainings/list.html", context)


@require_safe
@signed_in
def sheet(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Show what is printed of the list: all of it on one page, without what else the desk has."""
    trainings.require_keeper(visit.principal)
    form, context = _filter(request)
    if not form.is_valid():
        return redirect("desk_trainings")
    found = trainings.listed(visit.principal, form.filters(), most=MOST_IN_FILE)
    given = form.cleaned_data
    context |= {
        "lines": _lines(found.trainings),
        "totals": totals_in_words(found.totals),
        "asked": urlencode(form.asked()),
        "since": long_day(given["since"]) if given["since"] else "",
        "until": long_day(given["until"]) if given["until"] else "",
        "sector": SECTORS.get(given["sector"], ""),
        "left_out": found.more is not None,
    }
    return page(request, "desk/trainings/sheet.html", context)


@require_safe
@signed_in
def file(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Send the list as a table (CSV, RFC 4180), the newest first, with the words of the page."""
    trainings.require_keeper(visit.principal)
    form, _context = _filter(request)
    if not form.is_valid():
        return redirect("desk_trainings")
    found = trainings.listed(visit.principal, form.filters(), most=MOST_IN_FILE)
    head = [gettext("Day"), gettext("Trainer's agency"), gettext("Sector")]
    head += [gettext("Who was taught"), gettext("Topic"), gettext("People"), gettext("Title")]
    lines = [
        (
            one.training.facts.held_on.isoformat(),
            one.training.agency,
            *(str(one.sector), str(one.audience), str(one.topic)),
            one.training.facts.heads,
            one.training.facts.title,
        )
        for one in _lines(found.trainings)
    ]
    return files.answer("csv", "trainings", head, lines)


@require_http_methods(METHODS)
@signed_in
def new(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask for a training and enter it."""
    agencies = trainings.trainers(visit.principal)
    form = TrainingForm(request.POST or None, agencies=agencies)
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        try:
            trainings.add(visit.principal, form.cleaned_data["key"], form.facts())
        except (BadRequest, StaleMatch) as refusal:
            refused = refusal
            form.refuse(refusal)
        else:
            messages.success(request, gettext("Saved. The training is on the list."))
            return redirect("desk_trainings")
    return page(request, "desk/trainings/form.html", {"form": form}, refused)


@require_http_methods(METHODS)
@signed_in
def one(request: HttpRequest, visit: Visit, training_id: UUID) -> HttpResponse:
    """Show a training to correct, and store it."""
    training = trainings.find(visit.principal, training_id)
    agencies = trainings.trainers(visit.principal)
    form = TrainingForm(request.POST or None, agencies=agencies, initial=initial_of(training))
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        seen = form.cleaned_data["seen"]
        seen = -1 if seen is None else seen
        try:
            trainings.change(visit.principal, training_id, seen, form.facts())
        except StaleMatch:
            messages.error(
                request,
                gettext("Someone else changed this training meanwhile. Nothing was saved."),
            )
            return redirect("desk_training", training_id)
        except BadRequest as refusal:
            refused = refusal
            form.refuse(refusal)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("desk_trainings")
    context = {"form": form, "line": _line(training)}
    return page(request, "desk/trainings/form.html", context, refused)


@require_http_methods(METHODS)
@signed_in
def delete(request: HttpRequest, visit: Visit, training_id: UUID) -> HttpResponse:
    """Ask once more, and delete a training for good."""
    training = trainings.find(visit.principal, training_id)
    if request.method == "POST":
        seen = request.POST.get("seen", "")
        try:
            number = int(seen) if re.fullmatch(r"\d{1,9}", seen, re.ASCII) else -1
            trainings.delete(visit.principal, training_id, number)
        except StaleMatch:
            messages.error(
                request,
                gettext("Someone else changed this training meanwhile. Nothing was deleted."),
            )
            return redirect("desk_training", training_id)
        messages.success(request, gettext("Deleted."))
        return redirect("desk_trainings")
    return page(request, "desk/trainings/delete.html", {"line": _line(training)})


def _filter(request: HttpRequest) -> tuple[FilterForm, dict[str, Any]]:
    given = request.GET
    form = FilterForm({name: given.get(name, "") for name in ("since", "until", "sector")})
    return form, {"form": form, "filtered": any(form.data.values())}


def _after(request: HttpRequest) -> Place | None:
    """The place in the address; None for text that is none: the list begins at its top."""
    text = request.GET.get("after", "")
    found = re.fullmatch(r"(\d{4}-\d{2}-\d{2})\.([0-9a-f-]{36})", text, re.ASCII)
    try:
        return Place(date.fromisoformat(found[1]), UUID(found[2])) if found else None
    except ValueError:
        return None


def _written(place: Place) -> str:
    return f"{place.held_on.isoformat()}.{place.id}"


def _lines(found: Iterable[Training]) -> list[Line]:
    return [_line(training) for training in found]


def _line(training: Training) -> Line:
    facts = training.facts
    return Line(
        training,
        long_day(facts.held_on),
        SECTORS.get(facts.sector, facts.sector),
        AUDIENCES.get(facts.audience, facts.audience),
        TOPICS.get(facts.topic, facts.topic),
    )


_ONE = "desk/trainings/<uuid:training_id>"
urlpatterns: list[URLPattern] = [
    path("desk/trainings", listing, name="desk_trainings"),
    path("desk/trainings/new", new, name="desk_new_training"),
    path("desk/trainings/print", sheet, name="desk_trainings_sheet"),
    path("desk/trainings/file", file, name="desk_trainings_file"),
    path(_ONE, one, name="desk_training"),
    path(f"{_ONE}/delete", delete, name="desk_delete_training"),
]
