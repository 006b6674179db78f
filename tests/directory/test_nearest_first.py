"""A search by distance, and from a ZIP code."""

import csv
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from directory import models as m
from directory.postcodes import derive
from directory.projection.render import render
from directory.search.query import CAP
from permissions.database.aliases import JOBS
from tests.directory.distances import haversine
from tests.support.people.directory_entries import LIST, PLACES, Shelf, lines
from tests.support.people.directory_entries import shelf as shelf  # a fixture

SPREAD = [(45 + i * 0.61 % 4, -116 + i * 1.37 % 12) for i in range(40)]


def test_nearest_first_is_exact_and_each_service_comes_once(shelf: Shelf, api: Any) -> None:
    for number, place in enumerate(SPREAD[:20]):
        other = SPREAD[20 + number]
        shelf.service(f"Spread {number:02}", [place, other], description="thornapple")
    here = (46.87, -113.99)
    at = {"latitude": "46.87", "longitude": "-113.99", "search": "thornapple", "per_page": "7"}
    expected = sorted(
        (min(haversine(here, SPREAD[n]), haversine(here, SPREAD[20 + n])), f"Spread {n:02}")
        for n in range(20)
    )
    found = []
    for page in ("1", "2", "3"):
        answer = api(None).get(LIST, at | {"page": page}).json()
        found += [(item["distance"], item["name"]) for item in answer["contents"]]
        assert answer["total_items"] == 20
        assert answer["last_page"] is (page == "3")
    assert [name for _, name in found] == [name for _, name in expected]
    for (told, _), (true, _) in zip(found, expected, strict=True):
        assert told == pytest.approx(true, abs=1)


def test_nearest_first_is_exact_when_the_index_is_walked(shelf: Shelf, api: Any) -> None:
    """More matches than are counted: the other plan."""
    points = [(45 + i * 0.0713 % 4, -116 + i * 0.1371 % 12) for i in range(CAP + 15)]
    for number, place in enumerate(points):
        shelf.service(f"Many {number:03}", [place], description="thornapple")
    here = (46.87, -113.99)
    at = {"latitude": "46.87", "longitude": "-113.99", "search": "thornapple", "per_page": "40"}
    expected = sorted((haversine(here, p), f"Many {n:03}") for n, p in enumerate(points))
    names = []
    for page in ("1", "2"):
        answer = api(None).get(LIST, at | {"page": page}).json()
        assert (answer["total_items"], answer["total_items_capped"]) == (CAP, True)
        names += [item["name"] for item in answer["contents"]]
    assert answer["last_page"] is True
    assert names == [name for _, name in expected]


def test_a_radius_limits_and_a_postcode_stands_for_its_middle(shelf: Shelf, api: Any) -> None:
    shelf.service("Near by", [(46.90, -114.00)], description="thornapple")
    shelf.service("Far off", [(47.90, -114.00)], description="thornapple")

    def found(**query: str) -> list[str]:
        answer = api(None).get(LIST, {"search": "thornapple"} | query)
        assert answer.status_code == 200, answer.content
        return [item["name"] for item in answer.json()["contents"]]

    at = {"latitude": "46.87", "longitude": "-113.99"}
    assert found(**at) == ["Near by", "Far off"]
    assert found(**at, radius="20000") == ["Near by"]
    near = {"search": "thornapple", "radius": "20000", "format": "ndjson"}
    assert [one["name"] for one in lines(api(None).get(LIST, near | at))] == ["Near by"]
    assert len(lines(api(None).get(PLACES, near | at))) == 1
    assert found(**at, proximity="200000") == ["Near by", "Far off"]
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "INSERT INTO directory_postcode VALUES ('00059', 46.87, -113.99, false)"
            " ON CONFLICT DO NOTHING"
        )
    assert found(postcode="00059-1234", proximity="20000") == ["Near by"]
    m.Postcode.objects.using(JOBS).filter(postcode="00059").delete()
    refused = api(None).get(LIST, {"postcode": "99999", "proximity": "5"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_postcode")


@pytest.mark.parametrize("how", ["hidden", "removed", "its address removed", "moved"])
def test_the_middle_of_a_postcode_goes_with_the_last_place_it_was_made_of(
    shelf: Shelf, how: str
) -> None:
    """At once, not at night: of a single address it is the address, to a kilometre."""
    service = shelf.service("Once here", [(46.912, -114.123), (46.931, -114.15)])
    links = m.ServiceAtLocation.objects.using(JOBS).filter(service=service).order_by("position")
    first, second = links.values_list("location_id", flat=True)
    for place, code in ((first, "00061"), (second, "00062")):
        shelf.add(service, m.Address(location_id=place, address_1="1 Lane", postal_code=code))
    derive()

    def known() -> set[str]:
        rows = m.Postcode.objects.using(JOBS).filter(postcode__startswith="0006")
        return set(rows.values_list("postcode", flat=True))

    assert known() == {"00061", "00062"}
    places = m.Location.objects.using(JOBS).filter(id=first)
    addresses = m.Address.objects.using(JOBS).filter(location_id=first)
    with transaction.atomic(using=JOBS):
        if how == "hidden":
            places.update(confidential=True, latitude=None, longitude=None)
        elif how == "removed":
            places.delete()
        elif how == "moved":
            addresses.update(postal_code="00062")
        else:
            addresses.delete()
        render([service])
    assert known() == {"00062"}


def test_a_table_of_postcodes_is_taken_or_refused_whole(tmp_path: Path) -> None:
    file = tmp_path / "postcodes.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(
            [["postcode", "latitude", "longitude"], ["00058", "46.1", "-113.2"], ["X Y", "1", "2"]]
        )
    call_command("directory", "import-postcodes", str(file))
    taken = m.Postcode.objects.using(JOBS).filter(derived=False)
    assert set(taken.values_list("postcode", flat=True)) >= {"00058", "XY"}
    file.write_text("postcode,latitude,longitude\n00057,91,0\n")
    with pytest.raises(Exception, match="line 2"):
        call_command("directory", "import-postcodes", str(file))
    for text, says in (
        ("", "contains no postcode"),
        ("postcode,latitude,longitude\n", "contains no postcode"),
        ("latitude,longitude,postcode\n1,2,00057\n1,2\n", "line 3"),
        ("postcode,latitude,longitude\n5\x0080,1,1\n", "line 2"),
        (f"postcode,latitude,longitude\n{'9' * 100},1,1\n", "line 2"),
    ):
        file.write_text(text)
        with pytest.raises(CommandError, match=says):
            call_command("directory", "import-postcodes", str(file))
    assert taken.filter(postcode="00058").exists()
    taken.filter(postcode__in=["00058", "XY"]).delete()


def test_a_place_that_is_nowhere_on_earth_is_listed_and_not_near_anything(
    shelf: Shelf, api: Any, names: Any
) -> None:
    shelf.service("Off the map", [(100.0, 101.0)], description="thornapple")
    assert names(search="thornapple") == ["Off the map"]
    assert names(search="thornapple", latitude="46", longitude="-113") == []
