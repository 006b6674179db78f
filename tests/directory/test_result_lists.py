"""Lists, streams and details of what was found, and what a search refuses."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from directory.demo import loader
from directory.search.query import FILTERED_CAP, METRES
from directory.vocabulary import term_id
from tests.support.ground.repository import contract
from tests.support.people.directory_entries import LIST, PLACES, lines
from tests.support.proofs.contract_shapes import faults_of

ORGANIZATIONS = "/v1/directory/organizations"
BOTH = ("false", "true")
MISSOULA = {"latitude": "46.872", "longitude": "-113.994", "proximity": "100000"}

# -- Counts, pages, streams -----------------------------------------------------------------------


def test_counts_of_filters_stop_and_say_so(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = api(None).get(LIST).json()
    assert "total_items_capped" not in everything
    monkeypatch.setattr("directory.search.sql_statements.FILTERED_CAP", 3)
    page = api(None).get(LIST, {"language": "en", "per_page": "2"}).json()
    assert (page["total_items"], page["total_items_capped"]) == (3, True)
    assert page["last_page"] is False
    assert FILTERED_CAP > 100


def test_all_pages_together_are_the_whole_list(api: Any) -> None:
    seen, page = [], 1
    while True:
        answer = api(None).get(LIST, {"per_page": "7", "page": str(page)}).json()
        seen += [item["id"] for item in answer["contents"]]
        if answer["last_page"]:
            break
        page += 1
    assert len(seen) == len(set(seen)) == answer["total_items"]
    assert api(None).get(LIST, {"per_page": "7", "page": str(page + 1)}).json()["empty"] is True


@pytest.mark.parametrize("path", [LIST, PLACES, ORGANIZATIONS])
@pytest.mark.parametrize("full", BOTH)
def test_a_stream_holds_what_all_pages_hold(api: Any, path: str, full: str) -> None:
    for who in (None, "police.worker"):
        streamed = lines(api(who).get(path, {"format": "ndjson", "full": full}))
        page = api(who).get(path, {"per_page": "100", "full": full}).json()
        assert page["last_page"] is True
        key = lambda one: one["id"]  # noqa: E731
        assert sorted(streamed, key=key) == sorted(page["contents"], key=key)


def test_a_stream_is_longer_than_one_statement(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lines(api(None).get(LIST, {"format": "ndjson"}))
    monkeypatch.setattr("directory.search.retrieval.STREAMED", 4)
    assert lines(api(None).get(LIST, {"format": "ndjson"})) == whole


def test_minimal_has_the_id_and_the_date_only(api: Any) -> None:
    page = api(None).get(LIST, {"minimal": "true"}).json()
    assert all(item.keys() == {"id", "modified_date"} for item in page["contents"])
    streamed = lines(api(None).get(LIST, {"minimal": "true", "format": "ndjson"}))
    assert {item["id"] for item in page["contents"]} <= {item["id"] for item in streamed}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        *((LIST, {"minimal": "true"} | near) for near in ({}, MISSOULA)),
        *((path, {"full": full}) for path in (LIST, PLACES, ORGANIZATIONS) for full in BOTH),
        (ORGANIZATIONS, {"full_service": "true"}),
    ],
)
def test_a_list_is_as_the_contract_says_however_it_is_asked(
    api: Any, path: str, asked: dict[str, str]
) -> None:
    said = contract()["paths"][path]["get"]["responses"]["200"]["content"]
    page = api("police.worker").get(path, {**asked, "per_page": "100"})
    assert page.json()["contents"]
    assert faults_of(said["application/json"]["schema"], page.json()) == []
    streamed = api("police.worker").get(path, {**asked, "format": "ndjson"})
    assert streamed["Content-Type"] in said


def test_modified_after_is_inclusive(api: Any) -> None:
    item = api(None).get(LIST).json()["contents"][0]
    found = api(None).get(LIST, {"modified_after": item["last_modified"], "per_page": "100"})
    assert item["id"] in {one["id"] for one in found.json()["contents"]}
    assert api(None).get(LIST, {"modified_after": "2999-01-01"}).json()["empty"] is True


@pytest.mark.parametrize(
    "moment", ["2026-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01 01:00:00.5+01:00"]
)
def test_a_moment_is_read_in_every_form_of_rfc_3339(api: Any, moment: str) -> None:
    soon = f"{datetime.now(UTC) + timedelta(2):%Y-%m-%d}{moment[10:]}"
    for asked in ({"modified_after": moment}, {"open_at": soon}):
        assert api(None).get(LIST, asked).status_code == 200
        assert api(None).post(LIST, asked).status_code == 200
    for bare in ("2026-01-01T00:00:00", "2026-01-01 ", "2026-1-1", "2026-02-30"):
        assert api(None).get(LIST, {"modified_after": bare}).status_code == 400, bare


def test_a_search_by_post_is_the_same_and_leaves_nothing_in_the_url(api: Any) -> None:
    caller = api("police.client")
    asked = {"search": "shelter", "per_page": 5, "full": True, "needs": []}
    posted = caller.post(LIST, asked)
    assert posted.status_code == 200, posted.content
    got = caller.get(LIST, {"search": "shelter", "per_page": "5", "full": "true"})
    assert posted.json() == got.json()
    for path in (PLACES, "/v1/directory/organizations", "/v1/directory/taxonomies"):
        assert caller.post(path, {"search": "shelter"}).status_code == 200
    refused = caller.post(LIST, {"serach": "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_field")
    assert caller.post(LIST, {"search": {"a": 1}}).status_code == 400


def test_facets_say_how_many_have_what(api: Any) -> None:
    page = api(None).get(LIST, {"facets": "true", "per_page": "100"}).json()
    spanish = api(None).get(LIST, {"language": "es", "per_page": "100"}).json()
    assert page["facets"]["language"]["es"] == spanish["total_items"]
    assert "here" not in page["facets"]
    assert "facets" not in spanish


# -- Organizations, places, taxonomies ------------------------------------------------------------


def test_an_organization_has_its_services_short_or_in_full(api: Any) -> None:
    service = api(None).get(f"{LIST}/{loader.service_id('shelter-advocacy')}").json()
    path = f"/v1/directory/organizations/{service['organization_id']}"
    short = api(None).get(path).json()
    assert {"id", "name", "status"} == short["services"][0].keys()
    full = api(None).get(path, {"full_service": "true"}).json()
    same = next(one for one in full["services"] if one["id"] == service["id"])
    assert same == {name: value for name, value in service.items() if name != "organization"}
    term = str(term_id("needs", "emergency-shelter"))
    listed = api(None).get("/v1/directory/organizations", {"taxonomy_term_id": term}).json()
    assert listed["total_items"] >= 1
    named = api(None).get("/v1/directory/organizations", {"search": short["name"]}).json()
    assert short["id"] in {one["id"] for one in named["contents"]}


def test_a_place_has_the_whole_service_without_its_places(api: Any) -> None:
    item = api(None).get(PLACES).json()["contents"][0]
    place = api(None).get(f"{PLACES}/{item['id']}").json()
    service = api(None).get(f"{LIST}/{item['service_id']}").json()
    expected = {name: v for name, v in service.items() if name != "service_at_locations"}
    assert place["service"] == expected
    assert place["location"]["id"] == item["location_id"]


def test_taxonomies_and_terms(api: Any) -> None:
    taxonomies = api(None).get("/v1/directory/taxonomies").json()["contents"]
    for one in taxonomies:
        assert api(None).get(f"/v1/directory/taxonomies/{one['id']}").json() == one
    needs = next(one for one in taxonomies if "ervice" in one["name"])
    path = "/v1/directory/taxonomy_terms"
    query = {"taxonomy_id": needs["id"], "per_page": "100"}
    terms = api(None).get(path, query).json()
    top = api(None).get(path, query | {"top_only": "true"}).json()
    assert 0 < top["total_items"] < terms["total_items"]
    assert all("parent_id" not in one for one in top["contents"])
    parent = top["contents"][0]["id"]
    below = api(None).get(path, {"parent_id": parent}).json()["contents"]
    assert all(one["parent_id"] == parent for one in below)
    assert all(one["taxonomy_detail"]["id"] == needs["id"] for one in terms["contents"])
    spanish = api(None).get(path, {"search": "albergue"}).json()["contents"]
    assert any(one["language"] == "es" for one in spanish)
    assert api(None).get(f"{path}/{below[0]['id']}").json() == below[0]
    assert api(None).get(f"{path}/{uuid4()}").status_code == 404


def test_a_detail_has_a_validator(api: Any) -> None:
    path = f"{LIST}/{loader.service_id('ndvh-line')}"
    first = api(None).get(path)
    again = api(None).http.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    tag = first["ETag"]
    for known in ("*", f"W/{tag}", f'"other", {tag}', f'W/"a,b" ,W/{tag}'):
        again = api(None).http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again["ETag"]) == (304, tag), known
    for other in ('"other"', tag.strip('"'), f'"{tag[1:-2]}"', '"*"', ""):
        assert api(None).http.get(path, headers={"If-None-Match": other}).status_code == 200, other
    assert (
        api(None).http.get(f"{LIST}/{uuid4()}", headers={"If-None-Match": "*"}).status_code == 404
    )


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"latitude": "46"}, "latitude"),
        ({"latitude": "91", "longitude": "0"}, "latitude"),
        ({"radius": "0"}, "radius"),
        ({"radius": "1000"}, None),
        ({"open_at": "tomorrow"}, "open_at"),
        ({"accessibility": "stairs"}, "accessibility"),
        ({"kind": "bakery"}, "kind"),
        ({"victimization_type": "bakery"}, "victimization_type"),
        ({"age": "-1"}, "age"),
        ({"needs": "x"}, "needs"),
        ({"format": "xml"}, "format"),
        ({"full": "maybe"}, "full"),
        ({"language": "klingon"}, "language"),
    ],
)
def test_bad_questions_are_told_where(api: Any, query: dict[str, str], pointer: str | None) -> None:
    answer = api(None).get(LIST, query)
    assert answer.status_code == 400
    if pointer:
        assert pointer in json.dumps(answer.json())
    assert METRES[0] == 1
