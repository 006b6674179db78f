"""Near a place, the desk puts what is meant by the words before what only mentions them."""

from typing import Any
from uuid import UUID

import pytest

from directory import listings
from directory import models as m
from directory.postcodes import Point
from directory.search.query import CAP, SearchQuery
from directory.search.question import read
from directory.vocabulary import term_id
from permissions.database.db_identity import identified_transaction
from tests.support.people.directory_entries import Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture

HERE = Point(46.0, -110.0)
SHELTER = term_id("needs", "emergency-shelter")


def found(words: str = "shelter", *, meant_first: bool = True, pages: int = 1) -> list[str]:
    asked = SearchQuery(words=words, near=HERE, radius=80_000, meant_first=meant_first)
    names = []
    for page in range(1, pages + 1):
        with identified_transaction(None):
            names += [one.name for one in listings.search(None, asked, page=page).items]
    return names


def with_need(shelf: Shelf, name: str, place: tuple[float, float]) -> UUID:
    made = shelf.service(name, [place])
    shelf.add(made, m.Attribute(link_table="service", link_id=made, taxonomy_term_id=SHELTER))
    return made


@pytest.mark.parametrize("words", ["shelter", "refugio", "place to sleep"])
def test_a_need_or_a_name_comes_before_a_mention_and_each_by_distance(
    shelf: Shelf, network: Any, words: str
) -> None:
    shelf.service("Mentions it, near", [(46.01, -110.0)], description="No shelter is here.")
    shelf.service("Mentions it, nearest", [(46.001, -110.0)], description="We know each shelter.")
    with_need(shelf, "Rooms, farthest", (46.3, -110.0))
    shelf.service("Quarry shelter", [(46.2, -110.0)])
    shelf.service("Far rooms", [(46.25, -110.0)], alternate_name="Refugio de la cantera")
    meant = ["Quarry shelter", "Far rooms", "Rooms, farthest"]
    mention = ["Mentions it, nearest", "Mentions it, near"]
    assert found(words) == meant + mention
    assert found(words, meant_first=False) == [*mention, *meant]


def test_an_organizations_name_is_a_mention(shelf: Shelf, network: Any) -> None:
    office = shelf.service("Office by day", [(46.001, -110.0)])
    keepers = m.Service.objects.using("jobs").get(id=office).organization
    keepers.name = "Invented shelter keepers"
    keepers.save(using="jobs")
    shelf.add(office)
    with_need(shelf, "Rooms", (46.3, -110.0))
    assert found() == ["Rooms", "Office by day"]


def test_the_order_holds_through_the_pages_while_few_match_and_no_longer(
    shelf: Shelf, network: Any
) -> None:
    near = [f"Mention {number:02}" for number in range(CAP - 1)]
    for number, name in enumerate(near):
        shelf.service(name, [(46.001 + number / 1000, -110.0)], description="A shelter is near.")
    with_need(shelf, "Rooms", (46.3, -110.0))
    assert found(pages=3) == ["Rooms", *near]
    shelf.service("One too many", [(46.2, -110.0)], description="A shelter is near.")
    assert found(pages=3) == [*near, "One too many", "Rooms"]


@pytest.mark.no_database
def test_what_a_question_names() -> None:
    for words in ("shelter", "Refugio", "a shelter for tonight", "dónde dormir"):
        assert SHELTER in read(words).needs, words
    assert read("Quillworks brindle").needs == ()
    for words, name, so in (
        ("shelter", "Youth shelter", True),
        ("refugio", "Lantern Shelters", True),
        ("shelter Spanish", "Classes in Spanish", False),  # it says in which language, not what
        ("Quillworks", "The Quillworks", True),
        ("shelter", "Advocacy and safety planning", False),
        ("", "Advocacy", False),
    ):
        assert read(words).is_in(name) is so, (words, name)
