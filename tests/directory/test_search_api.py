"""GET /v1/directory and /v1/directory/services: what anybody finds, without a token."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from directory.demo import loader
from directory.importing.parsing import id_of
from directory.vocabulary import term_id
from tests.support.people.callers import agency_id

LIST = "/v1/directory/services"
KEYS = {
    "total_items",
    "total_pages",
    "page_number",
    "size",
    "first_page",
    "last_page",
    "empty",
    "contents",
}


def term(key: str) -> str:
    return str(term_id("needs", key))


def test_the_root_says_what_it_speaks_and_whom_to_ring(api: Any, settings: Any) -> None:
    root = api(None).get("/v1/directory").json()
    assert root["version"] == "3.2.3"
    assert root["openapi_url"].endswith("/docs/hsds.json")
    assert root["safety_notice"] == settings.SAFETY_NOTICE
    assert root["safety_lines"][0]["phone"] == "911"
    assert all(line.keys() == {"name", "phone", "note"} for line in root["safety_lines"])


def test_the_root_is_found_as_the_standard_calls_it(api: Any) -> None:
    answer = api(None).get("/v1/directory/")
    assert (answer.status_code, answer["Location"]) == (301, "/v1/directory")
    assert api(None).http.post("/v1/directory/", {}).status_code == 404
    assert api(None).get("/v1/directory/services/").status_code == 404


def test_a_page_has_the_standards_eight_keys(api: Any) -> None:
    page = api(None).get(LIST, {"per_page": "10"}).json()
    assert page.keys() == KEYS
    assert (page["page_number"], page["size"], page["first_page"], page["last_page"]) == (
        1,
        10,
        True,
        False,
    )
    assert page["total_pages"] == -(-page["total_items"] // 10)


def test_pages_together_hold_every_service_once_by_name(api: Any) -> None:
    seen: list[tuple[str, str]] = []
    page = 1
    while True:
        answer = api(None).get(LIST, {"per_page": "7", "page": str(page)}).json()
        seen += [(item["name"], item["id"]) for item in answer["contents"]]
        if answer["last_page"]:
            break
        page += 1
    assert len(set(seen)) == len(seen) == answer["total_items"] >= 30
    assert seen == sorted(seen)


def test_beyond_the_last_page_it_is_empty_and_still_counts(api: Any) -> None:
    page = api(None).get(LIST, {"page": "99"}).json()
    assert page["empty"] is True
    assert page["contents"] == []
    assert page["total_items"] >= 30


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("protection orders", "Protection orders and family law"),  # stemmed
        ("order of protection", "Protection orders and family law"),
        ("compensate", "Crime victim compensation"),
        ("abogado", "Civil legal advice by telephone"),  # Spanish
        ("lineas de crisis", "Crisis line"),  # accents do not matter
        ("medicl forensc exam", "Medical forensic exam"),  # typos
        ("sheltr youth", "Youth shelter"),
        ("trafiking hotline", "National Human Trafficking Hotline"),
        ("REFUGIO JOVENES", "Youth shelter"),
    ],
)
def test_words_find_what_a_person_means(names: Any, words: str, first: str) -> None:
    assert names(search=words)[0] == first


@pytest.mark.parametrize("words", ["qqqqzzzz", "%", "' OR 1=1 --", "&|!", "\\", "(", "a" * 200])
def test_words_that_mean_nothing_are_no_error(names: Any, words: str) -> None:
    assert len(names(search=words)) <= 100


def test_a_term_stands_for_those_below_it(names: Any) -> None:
    housing = names(taxonomy_term_id=term("housing"))
    assert {"Youth shelter", "Transitional housing", "Housing and rent help"} <= set(housing)
    assert names(taxonomy_term_id=term("rent")) == ["Housing and rent help"]


def test_filters_add_up(names: Any) -> None:
    by_hospital = {"answered_by": str(agency_id("hospital"))}
    assert names(**by_hospital) == ["Emergency department social worker", "Medical forensic exam"]
    assert names(**by_hospital, search="forensic") == ["Medical forensic exam"]
    assert names(**by_hospital, taxonomy_term_id=term("housing")) == []
    assert names(victimization_type="child_abuse", search="interview")[0].startswith("Forensic")
    shelter = str(id_of(loader.SOURCE, "organization", "shelter"))
    assert len(names(organization_id=shelter)) == 4


def test_modified_after_is_inclusive(api: Any, names: Any) -> None:
    times = sorted(
        item["last_modified"]
        for item in api(None).get(LIST, {"per_page": "100"}).json()["contents"]
    )
    assert len(names(modified_after=times[-1])) >= 1
    assert len(names(modified_after=times[0])) == len(times)
    assert names(modified_after="2100-01-01") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"serach": "shelter"}, "unknown_parameter"),
        ({"minimal": "perhaps"}, "invalid"),
        ({"page": "0"}, "invalid"),
        ({"page": "-1"}, "invalid"),
        ({"page": "x"}, "invalid"),
        ({"page": "99999999999999999999"}, "invalid"),
        ({"per_page": "101"}, "invalid"),
        ({"per_page": "0"}, "invalid"),
        ({"taxonomy_term_id": "housing"}, "invalid"),
        ({"organization_id": "1"}, "invalid"),
        ({"answered_by": "ywca"}, "invalid"),
        ({"modified_after": "yesterday"}, "invalid"),
        ({"modified_after": "2026-01-01T00:00:00"}, "invalid"),  # no zone
        ({"search": "a" * 201}, "invalid"),
        ({"search": "a\x00b"}, "not_text"),
    ],
)
def test_what_is_not_documented_is_refused(api: Any, query: dict[str, str], code: str) -> None:
    answer = api(None).get(LIST, query)
    assert answer.status_code == 400
    assert answer.json()["code"] == code


def test_one_service_with_all_that_hangs_on_it(api: Any) -> None:
    found = api(None).get(f"{LIST}/{loader.service_id('campus-advocacy')}").json()
    assert found["answered_by"] == str(agency_id("sarc"))
    assert found["phones"][0]["number"] == "406-555-0130"
    assert found["service_at_locations"][0]["location"]["addresses"][0]["city"] == "Missoula"
    assert found["organization"]["name"] == "Demo Campus Advocacy Center"
    assert {"advocate", "stalking"} <= {a["taxonomy_term"]["code"] for a in found["attributes"]}
    phone_only = api(None).get(f"{LIST}/{loader.service_id('state-compensation')}").json()
    assert phone_only["answered_by"] is None


def test_a_service_that_is_not_there_is_404(api: Any) -> None:
    assert api(None).get(f"{LIST}/{uuid4()}").status_code == 404
    assert api(None).get(f"{LIST}/1").status_code == 404


@pytest.mark.parametrize("size", ["1", "100"])
def test_a_page_is_one_query(api: Any, size: str) -> None:
    for query in ({}, {"search": "shelter"}, {"taxonomy_term_id": term("housing")}):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            api(None).get(LIST, {"per_page": size} | query)
        statements = [one["sql"].split()[0] for one in asked.captured_queries]
        # identity and clock in one packet; the page
        assert statements == ["BEGIN", "SET", "WITH", "COMMIT"], statements
