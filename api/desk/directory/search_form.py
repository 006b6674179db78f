"""The form that searches the directory: every filter that the domain knows, in words for people.

It is sent by POST alone: what is looked for must not be in an address, a history or a proxy's log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale, UnknownLocaleError
from django import forms
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from api.desk.forms import PRIVATE, DeskForm, listed, some_of
from api.languages import SOURCE
from directory import vocabulary
from directory.facets import ACCESS
from directory.postcodes import point_of, postcode
from directory.search.query import SearchQuery

METRES_A_MILE = 1609.344
MOST_PAGES = 100_000
DISTANCES = [
    ("5", _("5 miles")),
    ("10", _("10 miles")),
    ("25", _("25 miles")),
    ("50", _("50 miles")),
]
DISTANCES += [("100", _("100 miles")), ("250", _("250 miles"))]
FARTHEST = "25"  # if no distance is chosen

ACCESS_WORDS = {
    "wheelchair": _("Step-free, for a wheelchair"),
    "lift": _("Elevator"),
    "restroom": _("Accessible restroom"),
    "parking": _("Accessible parking"),
    "deaf": _("For Deaf and hard-of-hearing people"),
    "blind": _("For blind and low-vision people"),
    "service_animal": _("Service animals"),
}
assert set(ACCESS_WORDS) == set(ACCESS)

ANSWERED = [("", _("Either")), ("here", _("Takes referrals here")), ("phone", _("By phone only"))]

# The languages that victims and their helpers in the United States ask for most. English, Spanish
# and American Sign Language come first.
SPOKEN = ("en", "es", "ase")
ALSO_SPOKEN = (
    *("am", "ar", "bla", "chr", "chy", "cro", "de", "fa", "fla", "fr", "hi", "hmn", "ht", "ja"),
    *("km", "ko", "lo", "mrw", "my", "ne", "nv", "ps", "pt", "ru", "so", "sw", "ti", "tl", "uk"),
    *("ur", "vi", "zh", "prs", "rw", "pl", "it", "pa", "bn", "gu", "mam", "quc"),
)
NAMES = {
    "fla": _("Salish"),
    "cro": _("Crow"),
    "mam": _("Mam"),
    "ase": _("American Sign Language"),
}


@lru_cache
def languages(language: str) -> list[tuple[str, str]]:
    """Return ISO 639 codes with their names in the desk's language, in the order to offer them."""
    known = language_names(language)
    more = sorted((known[code], code) for code in ALSO_SPOKEN if code in known)
    return [(code, known[code]) for code in SPOKEN] + [(code, name) for name, code in more]


@lru_cache
def language_names(language: str) -> dict[str, str]:
    """Return the names of ISO 639 codes in the desk's language."""
    return {**_cldr(language).languages, **{code: str(name) for code, name in NAMES.items()}}


Grouped = list[tuple[str, Any]]


def _cldr(language: str) -> Locale:
    """Names of languages in this language; in English if CLDR does not know it."""
    try:
        return Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale("en")


@lru_cache
def needs(language: str) -> Grouped:
    """Return our needs below their groups. The first choice of a group is the whole group."""
    return list(_grouped("needs", language, gettext("All of: {}")))


@lru_cache
def served(language: str) -> Grouped:
    """Return whom a service can be for; ages have a field of their own."""
    return list(_grouped("served", language, "", leave_out="age"))


@lru_cache
def happened(language: str) -> list[tuple[str, str]]:
    """Return the kinds of victimization, only the broad ones, because services are marked by
    them."""
    terms = [term for term in vocabulary.terms() if term.taxonomy == "victimization"]
    return [(term.code, term.name_in(language)) for term in terms if not term.parent]


def _grouped(
    taxonomy: str, language: str, whole: str, leave_out: str = ""
) -> Iterator[tuple[str, Any]]:
    terms = [term for term in vocabulary.terms() if term.taxonomy == taxonomy]
    for top in (term for term in terms if not term.parent and term.code != leave_out):
        name = top.name_in(language)
        first = [(top.code, whole.format(name))] if whole else []
        yield name, [*first, *_below(terms, top.code, language, "")]


def _below(
    terms: Sequence[vocabulary.Term], parent: str, language: str, indent: str
) -> Iterator[tuple[str, str]]:
    for term in terms:
        if term.parent == parent:
            yield term.code, indent + term.name_in(language)
            yield from _below(terms, term.code, language, "\N{EN DASH} ")


class ActiveFilter(NamedTuple):
    """One filter that is set: its field and its words, to be shown and removed again."""

    name: str
    words: str


class SearchForm(DeskForm):
    words = forms.CharField(
        label=_("What do you need, and where?"),
        help_text=_("For example: shelter, lawyer, abogado. Never a person's name."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"type": "search"}),
    )
    need = listed([], _("Kind of help"), required=False)
    open_now = forms.BooleanField(label=_("Open now"), required=False)
    taking = forms.BooleanField(label=_("Accepting clients"), required=False)
    postcode = forms.CharField(
        label=_("Near a ZIP code"),
        help_text=_("Nearest first."),
        max_length=12,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "numeric"}),
    )
    distance = listed(DISTANCES, _("Within"), required=False, initial=FARTHEST)
    happened = listed([], _("What happened"), required=False)
    age = forms.IntegerField(
        label=_("Age, in years"),
        min_value=0,
        max_value=120,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "numeric"}),
    )
    served = listed([], _("Who it is for"), required=False)
    language = listed([], _("Language"), required=False)
    answered = listed(ANSWERED, _("How it is reached"), required=False)
    free = forms.BooleanField(label=_("Free"), required=False)
    interpreter = forms.BooleanField(label=_("With an interpreter"), required=False)
    access = some_of(list(ACCESS_WORDS.items()), _("Accessibility"), required=False)
    page = forms.IntegerField(
        min_value=1, max_value=MOST_PAGES, required=False, widget=forms.HiddenInput
    )

    QUICK = ("open_now", "taking")
    MORE = (
        *("postcode", "distance", "happened", "age", "served", "language", "answered"),
        *("free", "interpreter", "access"),
    )
    FILTERS = ("words", "need", *QUICK, *(name for name in MORE if name != "distance"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or SOURCE
        for name, choices in (
            ("need", [("", _("Anything")), *needs(language)]),
            ("happened", [("", _("Any")), *happened(language)]),
            ("served", [("", _("Anyone")), *served(language)]),
            ("language", [("", _("Any")), *languages(language)]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    @property
    def quick(self) -> list[forms.BoundField]:
        return [self[name] for name in self.QUICK]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MORE]

    @property
    def more_is_used(self) -> bool:
        """Whether the folded part must be visible."""
        given = getattr(self, "cleaned_data", {})
        return any(
            self[name].errors or (name != "distance" and _is_set(given.get(name)))
            for name in self.MORE
        )

    def clean_page(self) -> int:
        return self.cleaned_data["page"] or 1

    # -- Once the form is valid

    def asked(self, now: datetime) -> SearchQuery | None:
        """Build the query; None after an error at the postcode, whose place is not known.

        Call it inside the transaction of the search. `now` is the database's clock.
        """
        given = self.cleaned_data
        near = radius = None
        if code := postcode(given["postcode"]):
            near = point_of(code)
            radius = float(given["distance"] or FARTHEST) * METRES_A_MILE
            if near is None:
                self.add_error(
                    "postcode",
                    _("We do not know where this ZIP code is. Try one nearby, or leave it out."),
                )
                return None
        need = given["need"]
        return SearchQuery(
            words=given["words"],
            needs=(vocabulary.term_id("needs", need),) if need else (),
            victimization_type=given["happened"],
            age=given["age"],
            served=given["served"],
            language=given["language"],
            accessibility=tuple(given["access"]),
            free=given["free"],
            open_at=now if given["open_now"] else None,
            answered={"here": True, "phone": False}.get(given["answered"]),
            taking=given["taking"],
            interpreter=given["interpreter"],
            near=near,
            radius=radius,
            meant_first=bool(near and given["words"]),
        )

    def placeless(self, asked: SearchQuery) -> SearchQuery | None:
        """Build the query for what a search by distance cannot find; None if it is none."""
        if asked.near is None:
            return None
        code = postcode(self.cleaned_data["postcode"])
        return replace(asked, near=None, radius=None, placeless=code)

    def told(self) -> list[ActiveFilter]:
        """Return the filters that are set, in words."""
        return [
            ActiveFilter(name, self._words(name, value))
            for name in self.FILTERS
            if _is_set(value := self.cleaned_data.get(name))
        ]

    def _words(self, name: str, value: Any) -> str:
        field = self.fields[name]
        label = str(field.label)
        if isinstance(field, forms.BooleanField):
            return label
        if name == "words":
            return f"“{value}”"
        if name == "postcode":
            miles = self.cleaned_data["distance"] or FARTHEST
            return gettext("within {miles} miles of {place}").format(miles=miles, place=value)
        if isinstance(field, forms.ChoiceField):
            known = dict(_flat(field.choices))
            several: list[str] = value if isinstance(value, list) else [value]
            value = ", ".join(known.get(one, one).removeprefix("\N{EN DASH} ") for one in several)
        return f"{label}: {value}"

    def carried(self, without: str = "") -> list[tuple[str, str]]:
        """Return the search as hidden fields of the next form, without the page and one filter."""
        found: list[tuple[str, str]] = []
        for name in (*self.FILTERS, "distance"):
            value = self.cleaned_data.get(name)
            if name != without and _is_set(value):
                several = value if isinstance(value, list) else [value]
                found += [(name, "on" if one is True else str(one)) for one in several]
        return found


def _is_set(value: object) -> bool:
    return value not in (None, "", False, [])


def _flat(choices: Any) -> Iterator[tuple[str, str]]:
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from _flat(label)
        else:
            yield str(value), str(label)
