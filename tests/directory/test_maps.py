"""Services at their places as GeoJSON (`format=geojson`, RFC 7946): only places with a point, which
a confidential place never has (R4)."""

import itertools
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from directory import models as m
from directory.projection.render import render
from permissions.database.aliases import JOBS
from tests.directory.distances import haversine
from tests.support.ground.repository import contract
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import LIST, ORGANIZATIONS, PLACES, TERMS, Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture
from tests.support.proofs.contract_shapes import answer_of, faults_of

MAP = {"format": "geojson"}
HERE = {"latitude": "46.87", "longitude": "-113.99"}
WORD = "brackenfell"  # in no other entry


def collection(caller: Caller, **query: str) -> dict[str, Any]:
    """One page of the map, which is as the contract says."""
    answer = caller.get(PLACES, MAP | query)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/geo+json"
    found: dict[str, Any] = answer.json()
    operation = contract()["paths"][PLACES]["get"]
    said = answer_of(operation, 200)
    assert said is not None
    assert faults_of(said["content"]["application/geo+json"]["schema"], found) == []
    assert found["type"] == "FeatureCollection"
    assert found["size"] == len(found["features"])
    assert "contents" not in found
    return found


def features(caller: Caller, **query: str) -> list[dict[str, Any]]:
    """Those of all pages."""
    found: list[dict[str, Any]] = []
    for page in itertools.count(1):
        one = collection(caller, page=str(page), **query)
        found += one["features"]
        if one["last_page"]:
            assert len(found) == one["total_items"]
            return found
    raise AssertionError


def listed(caller: Caller) -> list[dict[str, Any]]:
    answer = caller.get(PLACES, {"per_page": "100"})
    assert answer.json()["last_page"]
    contents: list[dict[str, Any]] = answer.json()["contents"]
    return contents


@pytest.mark.parametrize("who", [None, "ywca.worker", "outsider.client", "ywca.auditor"])
def test_each_public_place_with_a_point_is_a_feature(api: Any, who: str | None) -> None:
    caller = api(who)
    expected = {
        one["id"]: {
            "type": "Feature",
            "id": one["id"],
            "geometry": {
                "type": "Point",
                "coordinates": [one["location"]["longitude"], one["location"]["latitude"]],
            },
            "properties": {
                "service_id": one["service_id"],
                "organization_id": one["service"]["organization_id"],
                "location_id": one["location_id"],
                "name": one["service"]["name"],
                "organization_name": one["service"]["organization"]["name"],
                "status": one["service"]["status"],
            }
            | ({"location_name": name} if (name := one["location"].get("name")) else {}),
        }
        for one in listed(api(None))
        if "latitude" in one["location"]
    }
    assert len(expected) > 5
    found = features(caller, per_page="7")
    assert {one["id"]: one for one in found} == expected
    assert len(found) == len(expected)
    assert caller.post(PLACES, MAP).json() == collection(caller)


def nowhere(shelf: Shelf, service: UUID, **columns: Any) -> UUID:
    """A further place of a service, without coordinates unless they are given."""
    location = m.Location(name="Further", **columns)
    link = m.ServiceAtLocation(service_id=service, location_id=location.id, position=9)
    shelf.add(service, location, link)
    return link.id


def test_what_has_no_point_is_not_there_not_even_without_one(shelf: Shelf, api: Any) -> None:
    service = shelf.service("Seen", [(46.5, -113.25)], description=WORD)
    unknown = nowhere(shelf, service)
    wrong = nowhere(shelf, service, latitude=95.0, longitude=10.0)
    secret = nowhere(shelf, service, confidential=True)
    shelf.service("By phone", description=WORD)
    for who in (None, "police.worker"):
        (found,) = features(api(who), search=WORD)
        assert found["geometry"]["coordinates"] == [-113.25, 46.5]
        assert found["properties"]["location_name"] == "Seen 0"
        there = {one["id"] for one in api(who).get(PLACES, {"search": WORD}).json()["contents"]}
        assert {str(unknown), str(wrong)} < there
        assert (str(secret) in there) == bool(who)
        assert features(api(who), search=WORD, **HERE, radius="1") == []


@pytest.mark.parametrize("hidden", ["location", "service", "organization"])
def test_what_becomes_confidential_leaves_the_map(shelf: Shelf, api: Any, hidden: str) -> None:
    service = shelf.service("Known", [(46.5, -113.25)], description=WORD)
    assert len(features(api(None), search=WORD)) == 1
    owner = m.Service.objects.using(JOBS).get(id=service).organization_id
    rows = {
        "location": m.Location.objects.using(JOBS).filter(organization_id=owner),
        "service": m.Service.objects.using(JOBS).filter(id=service),
        "organization": m.Organization.objects.using(JOBS).filter(id=owner),
    }
    nowhere = {"latitude": None, "longitude": None} if hidden == "location" else {}
    with transaction.atomic(using=JOBS):
        rows[hidden].update(confidential=True, **nowhere)
        render([service], [owner])
    for who in (None, "police.worker", "outsider.client"):
        assert features(api(who), search=WORD) == []
        known = {one["properties"]["service_id"] for one in features(api(who), per_page="100")}
        assert str(service) not in known
    if hidden != "location":
        assert api("police.worker").get(PLACES, {"search": WORD}).json()["total_items"] == 1


def test_near_a_place_the_nearest_come_first_with_their_distance(shelf: Shelf, api: Any) -> None:
    points = [(46.9, -113.9), (46.5, -114.5), (48.2, -110.1)]
    for number, point in enumerate(points):
        shelf.service(f"Spread {number}", [point], description=WORD)
    found = features(api(None), search=WORD, per_page="2", **HERE)
    assert [one["geometry"]["coordinates"][::-1] for one in found] == [list(p) for p in points]
    for one, point in zip(found, points, strict=True):
        true = haversine((46.87, -113.99), point)
        assert one["properties"]["distance"] == pytest.approx(true, abs=1)
    near = features(api(None), search=WORD, radius="20000", **HERE)
    assert [one["properties"]["name"] for one in near] == ["Spread 0"]


def test_filters_hold_and_counts_stop_as_in_the_list(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("directory.search.sql_statements.FILTERED_CAP", 3)
    page = collection(api(None), per_page="2")
    assert (page["total_items"], page["total_items_capped"]) == (3, True)
    assert page["last_page"] is False
    wanted = {
        one["id"]
        for one in api(None).get(PLACES, {"language": "es", "per_page": "100"}).json()["contents"]
        if "latitude" in one["location"]
    }
    found = collection(api(None), language="es", per_page="100")
    assert {one["id"] for one in found["features"]} == wanted
    assert wanted
    assert collection(api(None), page="1000")["features"] == []


@pytest.mark.parametrize(
    ("path", "query", "where"),
    [
        (PLACES, MAP | {"full": "true"}, "format"),
        (PLACES, MAP | {"plain": "true"}, "format"),
        (PLACES, {"format": "kml"}, "format"),
        (PLACES, MAP | {"page": "0"}, "page"),
        (PLACES, MAP | {"per_page": "101"}, "per_page"),
        (PLACES, MAP | {"radius": "5"}, None),
        (LIST, MAP, "format"),
        (ORGANIZATIONS, MAP, "format"),
        (TERMS, MAP, "format"),
    ],
)
def test_what_no_map_can_answer_is_refused(
    api: Any, path: str, query: dict[str, str], where: str | None
) -> None:
    for answer in (api(None).get(path, query), api(None).post(path, query)):
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json().get("pointer") == where


def test_a_detail_has_no_format(api: Any) -> None:
    one = listed(api(None))[0]["id"]
    answer = api(None).get(f"{PLACES}/{one}", MAP)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")


def test_a_map_in_vain_is_no_search_in_vain(api: Any, superuser: Any) -> None:
    """What has no point may be there all the same."""

    def counted() -> Any:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT coalesce(sum(count), 0) FROM directory_unmet_search")
            return cursor.fetchone()

    before = counted()
    asked = {"victimization_type": "stalking", "search": "zubblenock"}
    assert collection(api(None), **asked)["features"] == []
    assert counted() == before
