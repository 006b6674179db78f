"""What the terms of sources mean: the coordinator's list, and each answer (ADR 0132).

An answer is stored here and applied by the background work. It carries what its page showed, so it
never overwrites an answer that someone else gave meanwhile.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from api.desk.directory.upkeep.answer_list import AnswerForm, AnswerList
from api.desk.forms import DeskForm, listed
from api.desk.request_context import METHODS, Visit, page, signed_in
from directory import vocabulary
from directory.taxonomy import term_meanings
from directory.taxonomy.term_meanings import Place, Term
from directory.vocabulary import Key
from permissions.errors import StaleMatch

LIST = AnswerList(
    route="desk_terms_of_sources",
    answers={"open": "", "yes": "yes", "no": "no"},
    number=r"\d{1,9}",
    place=lambda number, term_id: Place(int(number), term_id),
)
SAID = {
    "yes": _("Saved. Its services are found by it within some minutes."),
    "no": _("Saved. It means none of our terms."),
    "undo": _("Taken back. The term waits for an answer again."),
}
STALE = _("Someone else answered this term meanwhile. Nothing was changed. See it below.")


class Line(NamedTuple):
    """A term as the list shows it. `means` is what Yes would say: the likeliest of its meanings."""

    term: Term
    means: str
    key: str
    percent: int
    chosen: list[str]


class TermForm(AnswerForm):
    """What the buttons of this list send along."""

    means = forms.CharField(required=False)


class ChooseForm(DeskForm):
    """Up to three of our terms that a term means, each behind the browser's own picker."""

    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)
    first = listed([], _("It means"))
    second = listed([], _("And also, if it means two things"), required=False)
    third = listed([], _("And also, if it means three things"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("first", "second", "third"):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", gettext("Choose one")), *_our_terms()]

    @property
    def means(self) -> set[Key]:
        """What was chosen."""
        given = (self.cleaned_data[name] for name in ("first", "second", "third"))
        return {_key(one) for one in given if one}


@require_safe
@signed_in
def waiting(request: HttpRequest, visit: Visit) -> HttpResponse:
    """List the terms that wait for an answer, or those with one, the most used first."""
    wanted = LIST.answers[LIST.shown(request)]
    found, more = term_meanings.listed(visit.principal, wanted, LIST.after(request))
    context = LIST.context(request) | {
        "lines": [_line(one) for one in found],
        "more": LIST.next_page(request, more),
    }
    return page(request, "desk/term_meanings/waiting.html", context)


@require_http_methods(METHODS)
@signed_in
def answer(request: HttpRequest, visit: Visit, term_id: UUID, what: str) -> HttpResponse:
    """Say yes or no to what the list showed, or take an answer back; GET leads to the list."""
    if request.method == "POST":
        form = TermForm(request.POST)
        given = form.cleaned_data if form.is_valid() else {}
        means = {_key(given.get("means", ""))} if what == "yes" else set()
        said = "" if what == "undo" else what
        _keep(request, visit, term_id, given.get("seen", -1), what, said, means)
    return redirect(LIST.back(request))


@require_http_methods(METHODS)
@signed_in
def choose(request: HttpRequest, visit: Visit, term_id: UUID) -> HttpResponse:
    """Ask which of our terms a term means, and store it."""
    term = term_meanings.find(visit.principal, term_id)
    if request.method == "POST":
        form = ChooseForm(request.POST)
        if form.is_valid():
            seen = form.cleaned_data["seen"]
            _keep(request, visit, term_id, seen, "yes", "yes", form.means)
            return redirect(LIST.back(request))
    else:
        form = ChooseForm(initial={"seen": term.changes})
    context = LIST.context(request) | {
        "form": form,
        "line": _line(term),
        "likely": [_words(key) for key in term.means],
        "back": LIST.back(request),
    }
    return page(request, "desk/term_meanings/choose.html", context)


def _keep(
    request: HttpRequest,
    visit: Visit,
    term_id: UUID,
    seen: int,
    what: str,
    said: str,
    means: set[Key],
) -> None:
    try:
        term_meanings.answer(visit.principal, term_id, seen, said, means)
    except StaleMatch:
        messages.error(request, STALE)
    else:
        messages.success(request, SAID[what])


def _line(term: Term) -> Line:
    first = term.means[0] if term.means else None
    return Line(
        term,
        _words(first) if first else "",
        "/".join(first) if first else "",
        round(term.score * 100),
        [_words(key) for key in term.chosen],
    )


def _our_terms() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Our terms as choices, grouped by taxonomy."""
    language = get_language() or "en"
    for taxonomy in vocabulary.taxonomies():
        named = [(f"{one.taxonomy}/{one.code}", one.name_in(language)) for one in taxonomy.terms]
        yield _taxonomy_name(taxonomy, language), named


def _words(key: Key) -> str:
    """A term of ours in the reader's language, with what it is a term of."""
    language = get_language() or "en"
    (taxonomy,) = (one for one in vocabulary.taxonomies() if one.key == key[0])
    name = vocabulary.by_key()[key].name_in(language)
    return f"{_taxonomy_name(taxonomy, language)}: {name}"


def _taxonomy_name(taxonomy: vocabulary.Taxonomy, language: str) -> str:
    return taxonomy.names.get(language) or taxonomy.names["en"]


def _key(text: str) -> Key:
    head, _, code = text.partition("/")
    return head, code
