"""Services that are likely the same: the coordinator's list, and each answer (ADR 0137).

An answer is stored here and applied by the background work. It carries what its page showed, so it
never overwrites an answer that someone else gave meanwhile.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory.upkeep.answer_list import AnswerForm, AnswerList
from api.desk.request_context import METHODS, Visit, page, signed_in
from api.desk.times import long_day
from directory.duplicates import answers
from directory.duplicates.answers import Pair, Place, Side
from directory.models import Duplicate
from permissions.errors import StaleMatch

LIST = AnswerList(
    route="desk_duplicates",
    answers={"open": "", "same": "same", "different": "different"},
    number=r"[01]\.\d{1,3}",
    place=lambda number, pair_id: Place(float(number), pair_id),
)
SAID = {
    "first": _("Saved. Within a minute the first one is listed, and the other one leads to it."),
    "second": _("Saved. Within a minute the second one is listed, and the other one leads to it."),
    "different": _("Saved. They are not the same."),
    "undo": _("Taken back. The pair waits for an answer again."),
}
STALE = _(
    "Someone else answered this pair meanwhile, or one of the two has changed. Nothing was saved."
    " See it below."
)
REASONS = {
    "same_phone": _("same phone number"),
    "same_name": _("same name"),
    "similar_name": _("similar name"),
    "same_street": _("same street"),
    "same_postcode": _("same ZIP code"),
    "same_organization": _("same organization name"),
    "similar_organization": _("similar organization name"),
}
assert set(REASONS) == set(Duplicate.REASONS)


class Fact(NamedTuple):
    """What the two say of one thing; `verdict` is in words, since no color is read aloud."""

    title: str
    first: list[str]
    second: list[str]
    same: bool
    verdict: str


class Line(NamedTuple):
    """A pair as the list shows it."""

    pair: Pair
    percent: int
    reasons: str
    facts: list[Fact]
    keeps_first: bool  # whether the answer shows the first


@require_safe
@signed_in
def waiting(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the pairs that wait for an answer, or those with one, the likeliest first."""
    wanted = LIST.answers[LIST.shown(request)]
    found, more = answers.listed(visit.principal, wanted, LIST.after(request))
    context = LIST.context(request) | {
        "lines": [_line(one) for one in found],
        "more": LIST.next_page(request, more),
    }
    return page(request, "desk/duplicates/waiting.html", context)


@require_http_methods(METHODS)
@signed_in
def answer(request: HttpRequest, visit: Visit, pair_id: UUID, what: str) -> HttpResponse:
    """Store an answer, or take it back; GET leads to the list."""
    if request.method == "POST":
        pair = answers.find(visit.principal, pair_id)
        kept = {"first": pair.first.id, "second": pair.second.id}.get(what)
        form = AnswerForm(request.POST)
        seen = form.cleaned_data["seen"] if form.is_valid() else -1
        said = "same" if kept else what.replace("undo", "")
        try:
            answers.answer(visit.principal, pair_id, seen, said, kept)
        except StaleMatch:
            messages.error(request, STALE)
        else:
            messages.success(request, SAID[what])
    return redirect(LIST.back(request))


def _line(pair: Pair) -> Line:
    return Line(
        pair,
        round(pair.score * 100),
        ", ".join(str(REASONS[code]) for code in pair.reasons),
        list(_facts(pair.first, pair.second)),
        pair.kept_id == pair.first.id,
    )


def _facts(first: Side, second: Side) -> Iterator[Fact]:
    """What the two say, side by side; what neither says is left out."""
    network = gettext("an agency of this network")
    phone = gettext("No, by phone only")
    yield from (
        fact
        for fact in (
            _fact(gettext("Name"), [first.name], [second.name]),
            _fact(gettext("Organization"), [first.organization], [second.organization]),
            _fact(gettext("Phone"), first.phones, second.phones, _digits),
            _fact(gettext("Address"), first.addresses, second.addresses),
            _fact(gettext("Website"), [first.website], [second.website], _host),
            _fact(gettext("Last checked"), [_day(first.checked)], [_day(second.checked)]),
            _fact(gettext("Source"), [first.source or network], [second.source or network]),
            _fact(
                gettext("Answered in this network"),
                [first.answered_by or phone],
                [second.answered_by or phone],
            ),
        )
        if fact.first or fact.second
    )


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def _digits(number: str) -> str:
    """The number without its extension, as it is compared (sec.phone_numbers)."""
    return re.sub(r"\D", "", number.partition(" x")[0])[-10:]


def _host(address: str) -> str:
    return re.sub(r"^https?://(www\.)?|/$", "", address.casefold())


def _fact(
    title: str, first: list[str], second: list[str], plain: Callable[[str], str] = _plain
) -> Fact:
    """Compare two lists, without regard to how their parts are written."""
    one, other = [text for text in first if text], [text for text in second if text]
    here, there = {plain(text) for text in one}, {plain(text) for text in other}
    verdict = gettext("The same")
    if not here or not there:
        verdict = gettext("Only one says it")
    elif here != there:
        verdict = gettext("Partly the same") if here & there else gettext("Different")
    return Fact(title, one, other, here == there, verdict)


def _day(written: str) -> str:
    return long_day(date.fromisoformat(written)) if written else ""
