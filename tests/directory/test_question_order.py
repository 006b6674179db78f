"""What a question finds, in which order, and what is said of it."""

from typing import Any

import pytest

from tests.support.people.desk_pages import Pages, text_of
from tests.support.people.directory_entries import LIST, Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture

FIRST = "The first one has all that you asked for. The others have some of it."


@pytest.fixture
def two(shelf: Shelf) -> Shelf:
    shelf.service("Quill domestic violence", description="For people with a quaggle.")
    shelf.service("Quaggle house", description="")
    return shelf


@pytest.mark.parametrize(
    "question", ["my husband hits me", "mi esposo me pega", "domestc violence", "me golpea"]
)
def test_what_happened_finds_what_it_is_called(two: Shelf, names: Any, question: str) -> None:
    assert "Quill domestic violence" in names(search=question)


def test_what_has_all_of_it_comes_first_and_the_page_says_so(two: Shelf, names: Any) -> None:
    question = "my husband hits me and I have a quaggle"
    assert names(search=question)[0] == "Quill domestic violence"
    assert "Quaggle house" in names(search=question)
    page = text_of(Pages().submit("/directory", {"words": question}).content)
    assert FIRST in page
    assert "No service has all" not in page


def test_a_name_with_a_known_word_finds_itself_alone(two: Shelf, names: Any) -> None:
    assert names(search="quaggle house quill") != ["Quaggle house"]
    assert names(search="quaggle house") == ["Quaggle house"]


def test_a_word_after_a_minus_stays_out(two: Shelf, names: Any) -> None:
    assert "Quill domestic violence" not in names(search="domestic violence -quill")
    assert "Quill domestic violence" in names(search="domestic violence quill")


def test_pages_lines_and_counts_of_a_question_agree(two: Shelf, api: Any) -> None:
    asked = {"search": "my husband hits me and I have a quaggle"}
    pages = [api(None).get(LIST, {**asked, "per_page": 1, "page": page}).json() for page in (1, 2)]
    total = pages[0]["total_items"]
    assert total == pages[1]["total_items"] >= 2
    assert pages[0]["contents"][0]["id"] != pages[1]["contents"][0]["id"]
    lines = api(None).get(LIST, {**asked, "format": "ndjson"})
    assert len(b"".join(lines.streaming_content).splitlines()) == total
