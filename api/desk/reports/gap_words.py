"""What is searched for and not found, in words: needs and kinds of harm, what no taxonomy has, and
where."""

from collections.abc import Mapping
from functools import lru_cache

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from directory import vocabulary
from directory.search import not_listed

# Services that are not for victims, and so in no taxonomy of the directory.
NOT_LISTED: Mapping[str, Promise] = {
    "class_for_buyers": _("Class for people who buy sex"),
    "batterer_intervention": _("Program for people who batter"),
    "sex_offender_treatment": _("Treatment for people who committed a sexual offense"),
    "training": _("Training on trafficking"),
}
assert set(NOT_LISTED) == set(not_listed.CODES)


def gap_words(code: str) -> str:
    """Return a code of an unmet search in words; a code of another taxonomy as it is."""
    taxonomy, _colon, name = code.partition(":")
    if taxonomy == "not_listed" and name in NOT_LISTED:
        return gettext("{what} (in no directory)").format(what=NOT_LISTED[name])
    term = _terms().get((taxonomy, name))
    return term.name_in((get_language() or "en")[:2]) if term else code


def area_words(area: str) -> str:
    """Return words for the first digits of a postcode; '' where none was given."""
    return gettext("ZIP codes {digits}…").format(digits=area) if area else ""


@lru_cache
def _terms() -> dict[tuple[str, str], vocabulary.Term]:
    return {(term.taxonomy, term.code): term for term in vocabulary.terms()}
