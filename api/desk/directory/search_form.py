"""The form that searches the directory: every filter that the domain knows, in words for people.

It is sent by POST alone: what a person looks for must not be in an address, a browser's history or
a proxy's log.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale
from django import forms

from api.desk.forms import PRIVATE, DeskForm, listed, some_of
from directory import vocabulary
from directory.facets import ACCESS
from directory.postcodes import point_of, postcode
from directory.search.query import SearchQuery

METRES_A_MILE = 1609.344
MOST_PAGES = 100_000
DISTANCES = [("5", "5 miles"), ("10", "10 miles"), ("25", "25 miles"), ("50", "50 miles")]
DISTANCES += [("100", "100 miles"), ("250", "250 miles")]
FARTHEST = "25"  # if no distance is chosen

ACCESS_WORDS = {
    "wheelchair": "Step-free, for a wheelchair",
    "lift": "Elevator",
    "restroom": "Accessible restroom",
    "parking": "Accessible parking",
    "deaf": "For Deaf and hard-of-hearing people",
    "blind": "For blind and low-vision people",
    "service_animal": "Service animals",
}
assert set(ACCESS_WORDS) == set(ACCESS)

ANSWERED = [("", "Either"), ("here", "Takes referrals here"), ("phone", "By phone only")]

# The languages that victims and their helpers in the United States ask for most. English, Spanish
# and American Sign Language come first.
SPOKEN = ("en", "es", "ase")
ALSO_SPOKEN = (
    *("am", "ar", "bla", "chr", "chy", "cro", "de", "fa", "fla", "fr", "hi", "hmn", "ht", "ja"),
    *("km", "ko", "lo", "mrw", "my", "ne", "nv", "ps", "pt", "ru", "so", "sw", "ti", "tl", "uk"),
    *("ur", "vi", "zh", "prs", "rw", "pl", "it", "pa", "bn", "gu", "mam", "quc"),
)
NAMES = {"fla": "Salish", "cro": "Crow", "mam": "Mam", "ase": "American Sign Language"}


@lru_cache
def languages() -> list[tuple[str, str]]:
    """Return ISO 639 codes with their English names, in the order to offer them."""
    known = {**Locale("en").languages, **NAMES}
    more = sorted((known[code], code) for code in ALSO_SPOKEN if code in known)
    return [(code, known[code]) for code in SPOKEN] + [(code, name) for name, code in more]


Grouped = list[tuple[str, Any]]


@lru_cache
def needs() -> Grouped:
    """Return our needs below their groups. The first choice of a group is the whole group."""
    return list(_grouped("needs", "All of: {}"))


@lru_cache
def served() -> Grouped:
    """Return whom a service can be for; ages have a field of their own."""
    return [group for group in _grouped("served", "") if group[0] != "Age"]


@lru_cache
def happened() -> list[tuple[str, str]]:
    """Return the kinds of victimization, only the broad ones, because services are marked by
    them."""
    terms = [term for term in vocabulary.terms() if term.taxonomy == "victimization"]
    return [(term.code, term.names["en"]) for term in terms if not term.parent]


def _grouped(taxonomy: str, whole: str) -> Iterator[tuple[str, Any]]:
    terms = [term for term in vocabulary.terms() if term.taxonomy == taxonomy]
    for top in (term for term in terms if not term.parent):
        name = top.names["en"]
        first = [(top.code, whole.format(name))] if whole else []
        yield name, [*first, *_below(terms, top.code, "")]


def _below(terms: Sequence[vocabulary.Term], parent: str, indent: str) -> Iterator[tuple[str, str]]:
    for term in terms:
        if term.parent == parent:
            yield term.code, indent + term.names["en"]
            yield from _below(terms, term.code, "\N{EN DASH} ")


class ActiveFilter(NamedTuple):
    """One filter that is set: its field and its words, to be shown and removed again."""

    name: str
    words: str


class SearchForm(DeskForm):
    words = forms.CharField(
        label="What is needed, and where",
        help_text="For example: shelter, lawyer, abogado. Never a person's name.",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"type": "search"}),
    )
    need = listed([], "Kind of help", required=False)
    open_now = forms.BooleanField(label="Open now", required=False)
    taking = forms.BooleanField(label="Not paused, not full", required=False)
    postcode = forms.CharField(
        label="Near a ZIP code",
        help_text="Nearest first.",
        max_length=12,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "numeric"}),
    )
    distance = listed(DISTANCES, "Within", required=False, initial=FARTHEST)
    happened = listed([], "What happened", required=False)
    age = forms.IntegerField(
        label="Age, in years",
        min_value=0,
        max_value=120,
        required=False,
        widget=forms.TextInput(attrs=PRIVATE | {"inputmode": "numeric"}),
    )
    served = listed([], "Whom it is for", required=False)
    language = listed([], "Language", required=False)
    answered = listed(ANSWERED, "How it is reached", required=False)
    free = forms.BooleanField(label="Free", required=False)
    interpreter = forms.BooleanField(label="With an interpreter", required=False)
    access = some_of(list(ACCESS_WORDS.items()), "Access", required=False)
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
        for name, choices in (
            ("need", [("", "Anything"), *needs()]),
            ("happened", [("", "Any"), *happened()]),
            ("served", [("", "Anybody"), *served()]),
            ("language", [("", "Any"), *languages()]),
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
                    "postcode", "Where this is, is not known here. Try one nearby, or leave it out."
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
        )

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
            return f"within {miles} miles of {value}"
        if isinstance(field, forms.ChoiceField):
            known = dict(_flat(field.choices))
            several = value if isinstance(value, list) else [value]
            value = ", ".join(known.get(one, one).removeprefix("\N{EN DASH} ") for one in several)
        return f"{label}: {value}"

    def carried(self, without: str = "") -> list[tuple[str, str]]:
        """Return the search as hidden fields of the next form: all but the page and the filter
        `without`."""
        found: list[tuple[str, str]] = []
        for name in (*self.FILTERS, "distance"):
            value = self.cleaned_data.get(name)
            if name == without or not _is_set(value):
                continue
            for one in value if isinstance(value, list) else [value]:
                found.append((name, "on" if one is True else str(one)))
        return found


def _is_set(value: object) -> bool:
    return value not in (None, "", False, [])


def _flat(choices: Any) -> Iterator[tuple[str, str]]:
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from _flat(label)
        else:
            yield str(value), str(label)
