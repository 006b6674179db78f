"""The languages of texts, found from the message catalogues: a language is added by a catalogue
alone (CONTRIBUTING.md).

A catalogue is `api/locale/<language>/LC_MESSAGES/django.po`, with its compiled `django.mo` next to
it, and has the texts of all apps. English is the source: what a catalogue does not translate stays
English. Its header names the places where the language is complete enough to be offered:

    "X-Cairn-Offers: desk, papers\\n"

`desk`: people can choose the language for the desk and the public pages. `papers`: the papers for
the survivor and the page of safety numbers can be made in it.
"""

import re
from functools import lru_cache
from pathlib import Path

from django.conf.locale import LANG_INFO

SOURCE = "en"
PLACES = ("desk", "papers")
FOLDER = Path(__file__).parent / "locale"
_OFFERS = re.compile(r'^"X-Cairn-Offers: ([a-z, ]*)\\n"$', re.MULTILINE)


@lru_cache
def languages(place: str) -> tuple[str, ...]:
    """The languages offered in this place, English first."""
    found = sorted(path.parents[1].name for path in FOLDER.glob("*/LC_MESSAGES/django.po"))
    return (SOURCE, *(one for one in found if place in _offers(one)))


def named(place: str) -> list[tuple[str, str]]:
    """The same as (language, its own name for itself), for a list to choose from."""
    return [(one, name_of(one)) for one in languages(place)]


def name_of(language: str) -> str:
    info = LANG_INFO.get(language, {})
    return str(info.get("name_local", language)).capitalize()


def _offers(language: str) -> set[str]:
    header = (FOLDER / language / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")[:4000]
    found = _OFFERS.search(header)
    return set(re.split(r",\s*", found[1])) if found else set()
