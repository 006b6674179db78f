"""The choice of the desk's language: only what is offered, and back to a page of Cairn's."""

from typing import Any

import pytest

from tests.support.people.desk_pages import at_the_desk

OFFERED = [("en", "English"), ("es", "Español")]


def choose(language: str, to: str = "/safety", **headers: str) -> Any:
    desk = at_the_desk("ywca.worker", csrf=False)
    return desk.http.post("/language", {"language": language, "next": to}, headers=headers)


def test_the_language_that_was_chosen_is_kept_and_the_page_shown_again(settings: Any) -> None:
    settings.LANGUAGES = OFFERED
    answer = choose("es")
    assert (answer.status_code, answer["Location"]) == (302, "/safety")
    kept = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (kept.value, kept["httponly"], kept["samesite"]) == ("es", True, "Strict")


@pytest.mark.parametrize("language", ["es", "xx", "", "../es"])
def test_a_language_that_is_not_offered_changes_nothing(language: str, settings: Any) -> None:
    settings.LANGUAGES = OFFERED[:1]
    answer = choose(language)
    assert answer.status_code == 302
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies


@pytest.mark.parametrize("to", ["https://elsewhere.example/", "//elsewhere.example", "gone", ""])
def test_it_leads_nowhere_else(to: str) -> None:
    answer = choose("en", to, Referer="https://elsewhere.example/page")
    assert (answer.status_code, answer["Location"]) == (302, "/")
