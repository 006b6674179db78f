"""The paper that the survivor signs says all that the law asks of it, in each language, and the
checker finds whatever is left out."""

import html
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.template.loader import render_to_string

from api.desk.referral.release.release_paper import paper_of, permission_text
from permissions.identity.credentials import resolve_credential
from permissions.principal import Principal
from referrals.law.paper_elements import ELEMENTS, asked_of, lacking
from referrals.law.signed_off import FOLDER
from referrals.queries import details
from tests.support.people.stories import Story, service_of

GOLDEN = FOLDER / "papers"
SENDERS: dict[str, frozenset[str]] = {
    "police.worker": frozenset(),
    "hospital.worker": frozenset({"hipaa"}),
    "sarc.worker": frozenset({"victim_services", "privilege"}),
}
# A program, and an agency under every law at once: no one of the cast is either.
OTHERS = (frozenset({"part2"}), frozenset({"hipaa", "part2", "victim_services"}))

# From the statutes once more: how many elements each law asks for.
HIPAA, VAWA, PART2, EVERYONE = 11, 7, 9, 2


def printed(text: Any, paper: dict[str, Any]) -> list[str]:
    page = render_to_string("desk/release_sheet.html", {"text": text, "paper": paper})
    lines = re.split(r"<[^>]+>", page)
    return [html.unescape(one).strip().removeprefix("☐ ") for one in lines if one.strip()]


def papers(api: Any, language: str) -> list[tuple[str, Principal, Any, dict[str, Any]]]:
    """The papers of the cast and of the others, each with its sender."""
    text, found = permission_text(language), []
    for who in SENDERS:
        story = Story(api, service_of("ywca"), sender=who).create()
        principal = resolve_credential(api(who).secret)
        assert principal is not None
        seen = details.read_detail(principal, story.id)
        found.append((who, principal, text, paper_of(principal, seen, text)))
    for duties in OTHERS:
        other = replace(principal, duties=duties)
        found.append(("", other, text, paper_of(other, seen, text)))
    return found


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_paper_has_every_element_that_its_senders_law_asks_for(
    language: str, api: Any
) -> None:
    for who, principal, text, paper in papers(api, language):
        assert lacking(printed(text, paper), paper, principal.duties) == [], who


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_paper_without_any_one_of_them_is_found(language: str, api: Any) -> None:
    """Taken out of the words, and forgotten by the page."""
    count = 0
    for who, principal, text, paper in papers(api, language):
        for element in asked_of(principal.duties):
            for part in element.parts:
                without = paper | {part: [] if isinstance(paper[part], list) else ""}
                forgotten = printed(text, without)
                assert element in lacking(forgotten, paper, principal.duties), (who, element, part)
                assert element in lacking(printed(text, paper), without, principal.duties)
                count += 1
    assert count > 90


def test_one_line_left_out_of_a_list_is_found_too(api: Any) -> None:
    for who, principal, text, paper in papers(api, "en"):
        for part in ("fields", "purposes", "told", "who"):
            asked = [one for one in asked_of(principal.duties) if part in one.parts]
            lines: Sequence[str] = paper[part]
            for line in lines if asked else ():
                without = paper | {part: [one for one in lines if one != line]}
                found = lacking(printed(text, without), paper, principal.duties)
                assert set(asked) <= set(found), (who, part, line)


def test_the_elements_are_those_of_the_statutes() -> None:
    def number(*duties: str) -> int:
        return len(asked_of(frozenset(duties))) - EVERYONE

    assert number() == 0
    assert number("hipaa") == HIPAA
    assert number("victim_services") == VAWA
    assert number("privilege") == VAWA - 1, "without the notice"
    assert number("part2") == PART2
    assert number("hipaa", "part2", "victim_services") == HIPAA + PART2 + VAWA
    assert all(re.search(r"CFR|U\.S\.C\.|^R\d", one.source) for one in ELEMENTS)


def test_the_sentences_are_true(api: Any) -> None:
    """What they said before was not: that only helpers open it, and that an end closes all."""
    for _, _, text, paper in papers(api, "en"):
        page = " ".join(printed(text, paper))
        assert "Only the people" not in page
        assert "closed at once" not in page
        assert "cannot be taken back" in page
        assert "with its server and its keys" in page
        assert "search warrant" in page


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_words_are_those_that_were_read_and_signed_off(language: str, api: Any) -> None:
    """A change of a word is seen as one. `CAIRN_GOLDEN=1` writes them again."""
    for who, _, text, paper in papers(api, language):
        if who:
            kept = GOLDEN / f"{who.partition('.')[0]}.{language}.txt"
            said = "\n".join(printed(text, paper)) + "\n"
            if os.environ.get("CAIRN_GOLDEN"):
                kept.write_text(said, encoding="utf-8")
            assert said == kept.read_text(encoding="utf-8"), kept.name
