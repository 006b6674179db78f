"""A place without a point is in the middle of its ZIP code, by the operator's table alone."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import IntegrityError, connections, transaction

from directory import models as m
from directory.postcodes import Point, derive, load
from directory.projection.points import misplaced_services
from directory.projection.reindex import place_again
from directory.projection.render import render
from directory.search import matches
from directory.search.query import CAP, SearchQuery
from permissions.database.aliases import JOBS
from tests.directory.distances import haversine
from tests.support.ground.database import forget_edits
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.directory_entries import LIST, PLACES, Shelf, a_location
from tests.support.people.directory_entries import shelf as shelf  # a fixture

HERE, THERE = (46.10, -113.20), (46.50, -113.90)
Load = Any


@pytest.fixture
def table(tmp_path: Path, django_db_setup: Any) -> Iterator[Load]:
    """Loads a table of ZIP codes as an operator does. Returns what the command writes."""

    def loaded(**middles: tuple[float, float]) -> str:
        file, out = tmp_path / "postcodes.csv", StringIO()
        lines = [f"{code.removeprefix('z')},{at[0]},{at[1]}" for code, at in middles.items()]
        file.write_text("\n".join(["postcode,latitude,longitude", *lines]))
        call_command("directory", "import-postcodes", str(file), stdout=out, stderr=StringIO())
        return out.getvalue()

    yield loaded
    m.Postcode.objects.using(JOBS).filter(derived=False).delete()
    derive()
    place_again(lambda *_: None)


@pytest.fixture
def nothing_left(network: Any) -> Iterator[None]:
    yield
    forget_edits()


def standing(
    shelf: Shelf, name: str, *codes: str, address_type: str = "physical", **location: Any
) -> UUID:
    """A service at a place with addresses of these ZIP codes."""
    service, place = shelf.service(name, description="thornapple"), uuid4()
    owner = shelf.organizations[-1]
    rows: list[m.Part] = [
        m.Location(id=place, organization_id=owner, name=f"{name} house", **location),
        m.ServiceAtLocation(service_id=service, location_id=place),
    ]
    for position, code in enumerate(codes):
        rows.append(
            m.Address(
                location_id=place,
                address_1="1 Invented Lane",
                postal_code=code,
                address_type=address_type,
                position=position,
            )
        )
    shelf.add(service, *rows)
    return service


def near(api: Any, path: str = LIST, who: str | None = None, **query: str) -> list[dict[str, Any]]:
    asked = {"search": "thornapple", "postcode": "00071", "proximity": "2000"} | query
    answer = api(who).get(path, {name: value for name, value in asked.items() if value})
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["contents"]
    return found


def seen(found: list[dict[str, Any]]) -> dict[str, tuple[int, str | None]]:
    """By name: how far, and in the middle of what."""
    return {one["name"]: (one["distance"], one.get("somewhere_in")) for one in found}


def middles(service: UUID) -> list[tuple[bool, str]]:
    """Of each public row of a service: whether it has a point, and whose middle that is."""
    rows = m.PublicPlace.objects.using(JOBS).filter(service_id=service).order_by("position")
    return [(point is not None, of) for point, of in rows.values_list("point", "middle_of")]


def changes() -> int:
    return m.Change.objects.using(JOBS).count()


def test_it_is_found_near_its_zip_code_and_the_answer_says_where(
    shelf: Shelf, table: Load, api: Any
) -> None:
    table(z00071=HERE)
    standing(shelf, "No point", "00071-0042")
    shelf.service("A point", [(46.101, -113.201)], description="thornapple")
    found = near(api)
    assert seen(found) == {"No point": (0, "00071"), "A point": (135, None)}
    assert "latitude" not in str(found[0]), "the entry says no more than it did"
    away = near(api, proximity="", postcode="", latitude="46.3", longitude="-113.3")
    exact = haversine((46.3, -113.3), HERE)
    assert seen(away)["No point"] == (pytest.approx(exact, abs=1), "00071")
    (place,) = near(api, PLACES, search="", minimal="")[:1]
    assert (place["distance"], place["somewhere_in"]) == (0, "00071")
    minimal = near(api, minimal="true")
    assert [one.get("somewhere_in") for one in minimal] == ["00071", None]
    for page in (near(api, page="1", per_page="1"), near(api, page="2", per_page="1")):
        assert len(page) == 1


def test_it_is_on_no_map_and_plain_hsds_has_no_word_for_it(
    shelf: Shelf, table: Load, api: Any
) -> None:
    """A pin in the middle of a ZIP code would send people to a house that is not the place."""
    table(z00071=HERE)
    standing(shelf, "No point", "00071")
    shelf.service("A point", [(46.101, -113.201)], description="thornapple")
    around: list[dict[str, str]] = [{}, {"postcode": "00071", "radius": "5000"}]
    for where in around:
        asked = {"search": "thornapple"} | where
        on_map = api(None).get(PLACES, asked | {"format": "geojson"}).json()
        assert [one["properties"]["name"] for one in on_map["features"]] == ["A point"]
        assert on_map["total_items"] == 1
    for path in (LIST, PLACES):
        for one in near(api, path, plain="true"):
            assert not {"distance", "somewhere_in"} & one.keys()
        assert len(near(api, path, plain="true")) == 2, path


def test_each_form_of_the_statement_says_it(shelf: Shelf, table: Load) -> None:
    """Also that of more matches than are counted, which walks the index."""
    table(z00071=HERE)
    standing(shelf, "No point", "00071")
    for number in range(CAP + 2):
        shelf.service(f"Far {number:02}", [(47.0, -112.0)], description="thornapple")
    asked = SearchQuery(near=Point(*HERE), words="thornapple")
    for one in (asked, SearchQuery(near=Point(*HERE)), SearchQuery(near=Point(*HERE), age=30)):
        hit = matches.find(None, one).hits[0]
        assert (hit.metres, hit.middle_of) == (pytest.approx(0, abs=0.01), "00071")
    for one in (SearchQuery(words="thornapple"), SearchQuery()):
        assert {hit.middle_of for hit in matches.find(None, one).hits} == {""}


def test_without_the_operators_table_nothing_stands_in_a_middle(
    shelf: Shelf, table: Load, api: Any
) -> None:
    """A middle made of addresses tells a search where to begin, and no place where it is."""
    other = shelf.service("A point", [HERE], description="thornapple")
    place = m.Location.objects.using(JOBS).get(serviceatlocation__service=other)
    shelf.add(other, m.Address(location=place, address_1="2 Lane", postal_code="00071"))
    derive()
    service = standing(shelf, "No point", "00071")
    assert m.Postcode.objects.using(JOBS).get(postcode="00071").derived
    assert [*seen(near(api))] == ["A point"]
    assert middles(service) == [(False, "")]
    table(z00099=THERE)  # has other codes
    assert [*seen(near(api))] == ["A point"]
    assert misplaced_services(JOBS) == []


def test_only_a_physical_place_with_a_physical_address_stands_in_it(
    shelf: Shelf, table: Load
) -> None:
    table(z00071=HERE, z00072=THERE)
    of = {
        "by post": standing(shelf, "By post", "00071", address_type="postal"),
        "virtual": standing(shelf, "Virtual", "00071", location_type="virtual"),
        "no code": standing(shelf, "No code", ""),
        "unknown": standing(shelf, "Unknown", "00099"),
        "second": standing(shelf, "Second", "00099", "00072"),
        "first": standing(shelf, "First", "00071", "00072"),
        "point": standing(shelf, "Point", "00071", latitude=46.0, longitude=-113.0),
        "off": standing(shelf, "Off the map", "00071", latitude=100.0, longitude=101.0),
        "half": standing(shelf, "Half a point", "00071", latitude=46.0),
    }
    assert {name: middles(service)[0] for name, service in of.items()} == {
        **dict.fromkeys(("by post", "virtual", "no code", "unknown"), (False, "")),
        "second": (True, "00072"),
        "first": (True, "00071"),
        "point": (True, ""),
        "off": (True, "00071"),
        "half": (True, "00071"),
    }
    assert misplaced_services(JOBS) == [], "both forms of the rule agree"


def test_another_table_moves_what_depends_on_it_and_twice_changes_nothing(
    shelf: Shelf, table: Load, api: Any
) -> None:
    service = standing(shelf, "No point", "00071")
    exact = shelf.service("A point", [HERE], description="thornapple")
    before = changes()
    assert "The places of 1 services" in table(z00071=HERE)
    assert seen(near(api))["No point"] == (0, "00071")
    assert table(z00071=HERE) == "1 postcodes loaded.\n"
    assert "of 1 services" in table(z00071=THERE)
    at = {"postcode": "", "proximity": "", "latitude": str(HERE[0]), "longitude": str(HERE[1])}
    assert seen(near(api, **at))["No point"] == (
        pytest.approx(haversine(HERE, THERE), abs=1),
        "00071",
    )
    assert "of 1 services" in table(z00099=HERE)
    assert middles(service) == [(False, "")]
    assert middles(exact) == [(True, "")]
    assert changes() == before, "no document says otherwise"


def test_a_load_that_was_killed_half_way_is_finished(
    shelf: Shelf, table: Load, tmp_path: Path
) -> None:
    """By the next one, and by the nightly work: after the table, and after some of the services."""
    services = [standing(shelf, f"No point {number}", "00071") for number in range(3)]
    file = tmp_path / "killed.csv"
    for again, at in (("import-postcodes", HERE), ("refresh", THERE)):
        file.write_text(f"postcode,latitude,longitude\n00071,{at[0]},{at[1]}\n")
        load(file)  # and killed here
        assert misplaced_services(JOBS) == sorted(services)
        with transaction.atomic(using=JOBS):
            render(services[:1])  # or here
        assert misplaced_services(JOBS) == sorted(services[1:])
        words = [again, str(file)] if again == "import-postcodes" else [again]
        call_command("directory", *words, stdout=StringIO(), stderr=StringIO())
        assert misplaced_services(JOBS) == []
        assert [middles(one) for one in services] == [[(True, "00071")]] * 3


@pytest.mark.parametrize("how", ["place", "service", "organization", "gone", "moved"])
def test_what_is_hidden_stands_nowhere_at_once(
    shelf: Shelf, table: Load, api: Any, how: str
) -> None:
    table(z00071=HERE)
    service = standing(shelf, "No point", "00071")
    assert [*seen(near(api))] == ["No point"]
    places = m.Location.objects.using(JOBS).filter(serviceatlocation__service=service)
    with transaction.atomic(using=JOBS):
        if how == "place":
            places.update(confidential=True)
        elif how == "service":
            m.Service.objects.using(JOBS).filter(id=service).update(confidential=True)
        elif how == "organization":
            m.Organization.objects.using(JOBS).filter(service=service).update(confidential=True)
        elif how == "gone":
            places.delete()
        else:
            m.Address.objects.using(JOBS).filter(location__in=places).update(postal_code="00072")
        render([service], shelf.organizations)
    for who in (None, "outsider.lead"):
        assert near(api, who=who) == []
        assert near(api, PLACES, who=who) == []
    assert {point for point, _ in middles(service)} <= {False}
    network = m.NetworkPlace.objects.using(JOBS).filter(service_id=service)
    assert set(network.values_list("point", "middle_of")) <= {(None, "")}
    table(z00071=THERE, z00073=HERE)  # a table that comes later finds nothing of it either
    assert near(api, proximity="60000") == []
    assert misplaced_services(JOBS) == []


def test_the_database_keeps_no_middle_of_a_confidential_row(shelf: Shelf, table: Load) -> None:
    """Whatever the code does."""
    table(z00071=HERE)
    service = standing(shelf, "No point", "00071")
    with transaction.atomic(using=JOBS):
        m.Service.objects.using(JOBS).filter(id=service).update(confidential=True)
        render([service], shelf.organizations)
    for change in ("middle_of = '00071'", "point = directory_point(46.1, -113.2)"):
        with (
            pytest.raises(IntegrityError, match="network_place_"),
            transaction.atomic(using=JOBS),
            connections[JOBS].cursor() as cursor,
        ):
            cursor.execute(
                f"UPDATE directory_network_place SET {change} WHERE service_id = %s", [service]
            )


def test_an_editors_place_without_a_point_stands_in_it(
    table: Load, api: Any, nothing_left: None
) -> None:
    """The editor's own role reads the table."""
    table(z59801=HERE)
    editor, place, service = api("ywca.editor"), uuid4(), uuid4()
    body = a_location(latitude=None, longitude=None)
    made = editor.put(f"/v1/directory/locations/{place}", body)
    assert made.status_code == 201, made.content
    link = {"organization_id": body["organization_id"], "name": "Thornapple of an editor"}
    made = editor.put(
        f"/v1/directory/services/{service}",
        link | {"service_at_locations": [{"location_id": str(place)}]},
    )
    assert made.status_code == 201, made.content
    assert seen(near(api, postcode="59801")) == {"Thornapple of an editor": (0, "59801")}


def test_the_pages_say_it_in_both_languages(shelf: Shelf, table: Load) -> None:
    table(z00071=HERE, z00072=THERE)
    standing(shelf, "No point", "00071")
    standing(shelf, "Not far", "00072")
    shelf.service("A point", [(46.101, -113.201)], description="thornapple")
    asked = {"words": "thornapple", "postcode": "00071", "distance": "50"}
    page = text_of(Pages().submit("/directory", asked).content)
    assert "somewhere in 00071" in page
    assert "somewhere in 00071, about" not in page
    assert "somewhere in 00072, about 43.4 mi (69.8 km)" in page
    assert page.count("somewhere in") == 2
    member = text_of(at_the_desk("police.worker").submit("/desk/directory", asked).content)
    assert "somewhere in 00072, about" in member
    spanish = Pages()
    spanish.http.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    page = text_of(spanish.submit("/directory", asked).content)
    assert "en algún lugar de 00071" in page
    assert "en algún lugar de 00072, a unas 43.4 mi (69.8 km)" in page
