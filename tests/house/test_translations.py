"""The message catalogues are whole, and nothing that a page says escapes them."""

import re
from collections import Counter
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext

from api import languages
from api.dev import translations
from api.dev.translations import Message
from permissions.identity import contact_channels
from referrals.codes import CODE_LISTS
from referrals.notifications import message_texts
from referrals.packet_fields import FIELDS
from tests.support.ground.repository import REPOSITORY
from tests.support.people.desk_pages import Pages, text_of

LANGUAGES = translations.catalogues()
each = pytest.mark.parametrize("language", LANGUAGES)
# Where the words are that a survivor reads, apart from the labels of codes and fields.
PAPERS = (
    "api/desk/directory/hand_sheet.py",
    "api/desk/referral/accounting_paper.py",
    "api/desk/referral/release_paper.py",
    "api/desk/templates/desk/safety.html",
)
ON_PAPER = ("report_basis", "report_to", "compelled_by", "compelled_to")
UNMARKED = {"Cairn", "CSV", "NDJSON", "v1.yaml"}


@pytest.fixture(scope="module")
def known() -> dict[Message, set[str]]:
    return translations.messages()


def translated(language: str) -> dict[Message, tuple[str, ...]]:
    """Each English text with its translation, in all forms."""
    found = {}
    for one in translations.read(language):
        said = one.string if isinstance(one.string, tuple) else (one.string,)
        if one.id and all(said):
            found[one.id if isinstance(one.id, tuple) else (one.id,)] = said
    return found


@pytest.mark.no_database
@each
def test_the_compiled_catalogue_is_that_of_its_text(language: str) -> None:
    compiled = translations.compiled_file(language).read_bytes()
    assert compiled == translations.compiled(language), "make messages"


@pytest.mark.no_database
@each
def test_what_is_translated_is_in_the_code(language: str, known: dict[Message, set[str]]) -> None:
    assert translated(language).keys() - known.keys() == set(), "make messages LANGUAGE=…"


@pytest.mark.no_database
@each
def test_a_translation_keeps_the_places_to_fill_in_and_the_tags(language: str) -> None:
    marks = re.compile(r"\{\w*\}|%\(\w+\)s|<[^>]+>")
    for english, said in translated(language).items():
        for form in said:
            assert Counter(marks.findall(form)) == Counter(marks.findall(english[-1])), english


@pytest.mark.no_database
@each
def test_a_language_is_offered_only_where_it_is_whole(
    language: str, known: dict[Message, set[str]]
) -> None:
    done = translated(language).keys()
    if language in languages.languages("papers"):
        needed = {one for one, files in known.items() if files & set(PAPERS)}
        needed |= {(field.paper,) for field in FIELDS}
        needed |= {(label,) for name in ON_PAPER for label in CODE_LISTS[name].values()}
        assert needed - done == set(), "papers"
    if language in languages.languages("desk"):
        assert known.keys() - done == set(), "desk"


@pytest.mark.no_database
def test_messages_can_be_sent_in_every_language_of_a_channel() -> None:
    for language in set(contact_channels.LANGUAGES) - {languages.SOURCE}:
        english = {message_texts.subject(languages.SOURCE), *message_texts.SAYS.values()}
        with translation.override(language):
            assert not [one for one in english if gettext(one) == one], language


@pytest.mark.no_database
def test_every_text_of_a_template_is_marked() -> None:
    code = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}|<(?:{%.*?%}|{{.*?}}|[^>])*>|&\w+;", re.DOTALL)
    marked = re.compile(r"{% blocktranslate.*?{% endblocktranslate %}", re.DOTALL)
    for path in (REPOSITORY / "api" / "desk" / "templates").rglob("*.html"):
        rest = code.sub(" ", marked.sub(" ", path.read_text()))
        words = set(re.findall(r"[^\W\d_]{2}[\w.]*", rest)) - UNMARKED
        assert words == set(), path


@pytest.mark.no_database
def test_the_extraction_finds_each_kind_of_mark() -> None:
    python = (
        'gettext("a")\n_("b" "c")\nngettext("one", "many", n)\n'
        'raise NotPossible("code", "why")\n_(name)\nother("d")\n'
        'class NotVisible(Refused):\n    detail = "gone"\n'
    )
    found = {("a",), ("bc",), ("one", "many"), ("why",), ("gone",)}
    assert set(translations.in_python(python)) == found
    template = (
        '  {% translate "It\'s" %} x {{ y|default:_("Z") }}\n'
        "{% blocktranslate trimmed count n=n %}{{ n }}\n  day{% plural %}{{ n }} days"
        "{% endblocktranslate %}"
    )
    assert set(translations.in_template(template)) == {
        ("It's",), ("Z",), ("%(n)s day", "%(n)s days"),
    }  # fmt: skip


# -- The language of a page ------------------------------------------------------------------------


def test_a_language_that_is_not_offered_at_the_desk_is_not_chosen(
    network: Any, settings: Any
) -> None:
    settings.LANGUAGES = [("en", "English")]
    page = Pages().http.get("/", headers={"Accept-Language": "es"})
    assert '<html lang="en">' in page.content.decode()
    assert 'action="/language"' not in page.content.decode()


def test_a_page_is_in_the_language_that_was_chosen_and_the_api_in_english(
    network: Any, settings: Any
) -> None:
    settings.LANGUAGES = [("en", "English"), ("es", "Español")]
    pages = Pages()
    asked = pages.http.get("/", headers={"Accept-Language": "es-MX"})
    assert '<html lang="es">' in asked.content.decode()
    assert "Todas" in text_of(asked.content)
    assert asked["Content-Language"] == "es"
    assert "Accept-Language" in asked["Vary"]
    assert asked["Cache-Control"] == "no-store"
    chosen = pages.submit("/", {"language": "es"}, action="/language")
    assert '<html lang="es">' in chosen.content.decode()
    cookie = pages.http.cookies["language"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", "")
    assert translation.get_language() == "en", "the thread is as it was"
    public = pages.http.get("/v1/codes", headers={"Accept-Language": "es"})
    assert "Accept-Language" not in public.get("Vary", "")
    refused = pages.http.get("/v1/referrals", headers={"Accept-Language": "es"})
    assert refused.json()["detail"] == "Send a valid access token, or sign in."
    back = pages.submit("/", {"language": "en"}, action="/language")
    assert '<html lang="en">' in back.content.decode()


def test_the_page_to_keep_is_the_same_for_every_browser(network: Any, settings: Any) -> None:
    settings.LANGUAGES = [("en", "English"), ("es", "Español")]
    first, second = (
        Pages().http.get("/safety", headers={"Accept-Language": one}) for one in ("en", "es")
    )
    assert first.content == second.content
    assert "Vary" not in first
    assert "Si ve que está pasando" in text_of(first.content)
