"""A search whose words no service has all of: those with the fewest missing are found, and said to
be such."""

from typing import Any

import pytest

from directory import models as m
from permissions.database.aliases import JOBS
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.directory_entries import LIST, Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture

SAYS_SO = "No service has all of these words. These have most of them."


def lay(shelf: Shelf) -> None:
    shelf.service("Quillworks brindle farrow", description="")
    shelf.service("Quillworks brindle", description="")
    shelf.service("Quillworks", description="")
    shelf.service("Zebra house", description="Near the farrow.")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("quillworks brindle farrow", ["Quillworks brindle farrow"]),
        ("quillworks brindle nothinglikeit", ["Quillworks brindle", "Quillworks brindle farrow"]),
        ("brindel farow nothinglikeit", ["Quillworks brindle farrow"]),
        ("farrow nothinglikeit", ["Quillworks brindle farrow", "Zebra house"]),
        (
            "quillworks nothinglikeit neitherthis",
            ["Quillworks", "Quillworks brindle", "Quillworks brindle farrow"],
        ),
        ("farrow with the nothinglikeit for a", ["Quillworks brindle farrow", "Zebra house"]),
        ("nothinglikeit neitherthis northat", []),
        ("nothinglikeit", []),
    ],
)
def test_the_most_words_that_any_service_has_decide(
    shelf: Shelf, names: Any, words: str, expected: list[str]
) -> None:
    lay(shelf)
    found = names(search=words)
    assert sorted(found) == expected
    if "Zebra house" in found:
        assert found[-1] == "Zebra house", "what only mentions it comes last"


def test_more_of_the_words_come_first(shelf: Shelf, names: Any) -> None:
    """Also among services that only mention them."""
    shelf.service("Aa", description="quillworks")
    shelf.service("Bb", description="quillworks brindle")
    assert names(search="quillworks brindle") == ["Bb"]
    shelf.service("Cc", description="farrow")
    assert names(search="farrow quillworks brindle nothinglikeit")[0] == "Bb"


def test_filters_hold_all_the_same(shelf: Shelf, names: Any) -> None:
    lay(shelf)
    spoken = shelf.service("Quillworks in Spanish")
    shelf.add(spoken, m.Language(service_id=spoken, name="Spanish", code="es"))
    assert names(search="quillworks nothinglikeit", language="es") == ["Quillworks in Spanish"]


def test_pages_lines_and_counts_agree(shelf: Shelf, api: Any) -> None:
    lay(shelf)
    asked = {"search": "quillworks nothinglikeit"}
    pages = [
        api(None).get(LIST, {**asked, "per_page": 2, "page": page}).json() for page in (1, 2, 3)
    ]
    assert [page["total_items"] for page in pages] == [3, 3, 3]
    ids = [one["id"] for page in pages for one in page["contents"]]
    assert len(set(ids)) == 3
    lines = api(None).get(LIST, {**asked, "format": "ndjson"})
    streamed = b"".join(lines.streaming_content).splitlines()
    assert len(streamed) == 3
    facets = api(None).get(LIST, {**asked, "facets": "true"}).json()["facets"]
    assert facets["language"]["en"] == 3


def test_the_desk_says_that_words_are_missing(shelf: Shelf) -> None:
    lay(shelf)
    desk = at_the_desk("police.worker")
    page = text_of(desk.submit("/desk/directory", {"words": "quillworks nothinglikeit"}).content)
    assert SAYS_SO in page
    assert "Quillworks brindle farrow" in page
    whole = text_of(desk.submit("/desk/directory", {"words": "quillworks brindle"}).content)
    assert SAYS_SO not in whole
    assert "Quillworks brindle" in whole
    assert "Nothing found" in text_of(
        desk.submit("/desk/directory", {"words": "nothinglikeit"}).content
    )


def test_what_no_service_has_whole_counts_as_not_found(shelf: Shelf, api: Any) -> None:
    """A need by its name, of which a service has one word: still nothing here meets it."""
    shelf.service("Farrow papers", description="")
    assert api(None).get(LIST, {"search": "identity papers"}).json()["total_items"] > 0
    assert api(None).get(LIST, {"search": "farrow"}).json()["total_items"] == 1
    counted = m.UnmetSearch.objects.using(JOBS).values_list("codes", "count")
    assert list(counted) == [(["needs:identity-documents"], 1)]
