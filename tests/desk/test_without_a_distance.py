"""What a search near a ZIP code cannot place comes after what is near: hotlines, services by phone,
and, for the network, confidential ones."""

import re
from typing import Any

import pytest
from django.db import transaction

from directory import listings
from directory import models as m
from directory.projection.render import render
from directory.search.query import SearchQuery
from permissions.database.aliases import JOBS
from tests.desk.directory_pages import postcodes as postcodes  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.directory_entries import Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture

BEYOND = "By phone, or at a place that is not shown"
MISSOULA = (46.87, -113.99)


def serves(shelf: Shelf, name: str, *areas: str, **columns: Any) -> Any:
    service = shelf.service(name, **columns)
    shelf.add(service, *(m.ServiceArea(service_id=service, name=one) for one in areas))
    return service


def found(words: str = "thornapple", code: str = "59801") -> list[str]:
    asked = SearchQuery(words=words, placeless=code)
    return sorted(one.name for one in listings.search(None, asked, per_page=50).items)


def test_it_is_what_has_no_point_and_may_serve_the_area(shelf: Shelf) -> None:
    shelf.service("Thornapple by phone")
    serves(shelf, "Thornapple of all Montana", "Montana")
    serves(shelf, "Thornapple here", "59801, 59802")
    serves(shelf, "Thornapple elsewhere", "59901")
    shelf.service("Thornapple house", [MISSOULA])
    shelf.service("Thornapple two houses", [MISSOULA, (46.0, -112.5)])
    assert found() == ["Thornapple by phone", "Thornapple here", "Thornapple of all Montana"]
    assert found(code="59901") == [
        "Thornapple by phone",
        "Thornapple elsewhere",
        "Thornapple of all Montana",
    ]


def test_a_service_with_a_place_that_is_shown_is_there_by_its_distance_only(shelf: Shelf) -> None:
    """Also where its first place has no point."""
    service = shelf.service("Thornapple mixed")
    with transaction.atomic(using=JOBS):
        own = m.Service.objects.using(JOBS).get(id=service)
        both = {"part_of_id": own.part_of_id, "organization_id": own.organization_id}
        for position, point in enumerate(((None, None), MISSOULA)):
            place = m.Location(name="x", latitude=point[0], longitude=point[1], **both)
            place.save(using=JOBS)
            m.ServiceAtLocation(
                part_of_id=own.part_of_id, service=own, location=place, position=position
            ).save(using=JOBS)
        render([service], [own.organization_id])
    assert found() == []
    with transaction.atomic(using=JOBS):
        m.Location.objects.using(JOBS).filter(part_of_id=own.part_of_id).update(
            latitude=None, longitude=None
        )
        render([service], [own.organization_id])
    assert found() == ["Thornapple mixed"]


def names(page: bytes) -> list[str]:
    return re.findall(r'class="title"[^>]*>([^<]+)<', page.decode())


@pytest.fixture
def placed(postcodes: Any, shelf: Shelf) -> Shelf:
    shelf.service("Thornapple house", [MISSOULA])
    shelf.service("Thornapple line")
    shelf.service("Thornapple refuge", [MISSOULA], confidential=True)
    return shelf


def test_on_the_page_they_follow_under_their_own_heading(placed: Shelf) -> None:
    asked = {"words": "thornapple", "postcode": "59801", "distance": "50"}
    public = Pages().submit("/directory", asked).content
    assert names(public) == ["Thornapple house", "Thornapple line"]
    assert BEYOND in text_of(public).partition("Thornapple house")[2]
    member = at_the_desk("police.worker").submit("/desk/directory", asked).content
    assert names(member) == ["Thornapple house", "Thornapple line", "Thornapple refuge"]
    assert "Thornapple refuge" not in public.decode()


def test_they_are_shown_where_nothing_is_near(placed: Shelf) -> None:
    asked = {"words": "thornapple line", "postcode": "59801", "distance": "5"}
    page = Pages().submit("/directory", asked).content
    assert "Nothing found" not in text_of(page)
    assert names(page) == ["Thornapple line"]
    assert BEYOND in text_of(page)
    none = {"words": "zubblenock", "postcode": "59801", "distance": "5"}
    assert "Nothing found" in text_of(Pages().submit("/directory", none).content)


def test_without_a_zip_code_there_is_one_list(placed: Shelf) -> None:
    page = Pages().submit("/directory", {"words": "thornapple"}).content
    assert sorted(names(page)) == ["Thornapple house", "Thornapple line"]
    assert BEYOND not in text_of(page)


def test_the_officers_question_has_its_answer(postcodes: Any) -> None:
    """Shelter, in Spanish, near a ZIP code, at any hour: the demo's own network."""
    desk = at_the_desk("police.worker")
    asked = {"need": "emergency-shelter", "language": "es", "postcode": "59801", "distance": "50"}
    page = desk.submit("/desk/directory", asked).content
    assert "Nothing found" not in text_of(page)
    assert names(page)
