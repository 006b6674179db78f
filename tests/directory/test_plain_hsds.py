"""Plain HSDS (`plain=true`): nothing that our profile adds, and nothing that only the network may
see, since plain HSDS has no marker for it (ADR 0130)."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from directory.demo import loader
from directory.hsds.plain import ADDED, plain
from directory.hsds.published_schemas import SCHEMAS, schema
from directory.hsds.schema import OURS as COLUMNS
from directory.hsds.schema import TABLES
from tests.directory.own_services import a_service
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_services import service as service  # a fixture
from tests.directory.own_services import ywca as ywca  # a fixture
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import (
    LIST,
    ORGANIZATIONS,
    OURS,
    PLACES,
    TAXONOMIES,
    TERMS,
    lines,
)

HIDDEN = loader.service_id("shelter-confidential")
PLAIN = {"plain": "true"}
KINDS = {
    LIST: "service",
    PLACES: "service_at_location",
    ORGANIZATIONS: "organization",
    TAXONOMIES: "taxonomy",
    TERMS: "taxonomy_term",
}
FORMS: tuple[dict[str, str], ...] = (
    {},
    {"full": "true"},
    {"full_service": "true"},
    {"minimal": "true"},
    {"latitude": "46.87", "longitude": "-113.99"},
    {"search": "shelter"},
)
MEMBERS = frozenset().union(*ADDED.values())


@lru_cache
def standard(name: str) -> Draft202012Validator:
    """The schema of a document without our additions, and no other member allowed."""
    return Draft202012Validator(without(schema(name, closed=True)), format_checker=FormatChecker())


def without(node: Any) -> Any:
    if isinstance(node, list):
        return [without(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: without(value) for key, value in node.items()}
    if isinstance(found.get("properties"), dict):
        found["properties"] = {
            name: one for name, one in found["properties"].items() if name not in MEMBERS
        }
    return found


def names_in(value: Any) -> Iterator[str]:
    """The names of all members at any depth."""
    for one in value if isinstance(value, list) else value.values():
        if isinstance(one, list | dict):
            yield from names_in(one)
    if isinstance(value, dict):
        yield from value


@pytest.mark.no_database
def test_no_member_of_the_standard_has_a_name_of_ours() -> None:
    """So that the tests here may look for names at any depth."""
    for table, kind in TABLES.items():
        if table != "holiday_schedule":
            assert not MEMBERS & (kind.columns.keys() - COLUMNS.get(table, {}).keys()), table


@pytest.mark.no_database
def test_what_is_nested_is_plain_too_and_all_else_stays() -> None:
    place = {"id": "3", "confidential": False, "holiday_schedules": [], "phones": [{"id": "4"}]}
    document = {
        "id": "1",
        "name": "Talking",
        "intake": "taking",
        "organization": {"id": "2", "external_ids": [], "locations": [place]},
        "service_at_locations": [{"id": "5", "location": place, "distance": 3}],
        "attributes": [{"id": "6", "label": "intake"}],
    }
    bare = {"id": "3", "phones": [{"id": "4"}]}
    assert plain("service", document) == {
        "id": "1",
        "name": "Talking",
        "organization": {"id": "2", "locations": [bare]},
        "service_at_locations": [{"id": "5", "location": bare}],
        "attributes": [{"id": "6", "label": "intake"}],
    }


@pytest.mark.parametrize("who", [None, "ywca.worker", "outsider.client"])
@pytest.mark.parametrize("path", KINDS)
def test_every_plain_answer_is_the_standards_and_the_same_for_all(
    api: Any, path: str, who: str | None
) -> None:
    caller, kind = api(who), KINDS[path]
    tried = 0
    for form in FORMS:
        asked = {**form, **PLAIN, "per_page": "100"}
        answer = caller.get(path, asked)
        if answer.status_code == 400:  # not a parameter of this list
            assert api(None).get(path, form).status_code == 400
            continue
        page = answer.json()
        assert page == api(None).get(path, asked).json()
        assert page == caller.post(path, {**form, "plain": True, "per_page": 100}).json()
        assert "total_items_capped" not in page
        short = f"{kind}_list" in SCHEMAS and not {"full", "full_service"} & form.keys()
        for one in page["contents"]:
            if "minimal" not in form:
                standard(f"{kind}_list" if short else kind).validate(one)
            assert not MEMBERS & set(names_in(one))
            tried += 1
        streamed = lines(caller.get(path, {**form, **PLAIN, "format": "ndjson"}))
        known = {one["id"]: one for one in page["contents"]}
        assert all(known.get(one["id"], one) == one for one in streamed)
        assert not any(MEMBERS & set(names_in(one)) for one in streamed)
    assert tried >= 3


@pytest.mark.parametrize("path", KINDS)
def test_every_plain_detail_is_the_standards_and_what_the_detail_says(api: Any, path: str) -> None:
    for one in api(None).get(path, {"per_page": "30"}).json()["contents"]:
        whole = api(None).get(f"{path}/{one['id']}")
        bare = api(None).get(f"{path}/{one['id']}", PLAIN)
        assert bare.json() == plain(KINDS[path], whole.json())
        standard(KINDS[path]).validate(bare.json())
        same = KINDS[path].startswith("taxonomy")
        assert (bare["ETag"] == whole["ETag"]) == same
        known = api(None).get(f"{path}/{one['id']}", PLAIN, If_None_Match=bare["ETag"])
        assert known.status_code == 304


@pytest.mark.parametrize("who", [None, "ywca.lead", "outsider.client"])
def test_what_is_confidential_is_in_no_plain_answer(api: Any, who: str | None) -> None:
    """Its marker would be missing, and the person who reads on would take it for public."""
    caller = api(who)
    assert caller.get(f"{LIST}/{HIDDEN}").status_code == (200 if who else 404)
    hidden, random = (caller.get(f"{LIST}/{one}", PLAIN) for one in (HIDDEN, uuid4()))
    assert hidden.status_code == random.status_code == 404
    for path in (LIST, PLACES, ORGANIZATIONS):
        for form in ({}, {"full": "true"}, {"format": "ndjson", "full": "true"}):
            answer = caller.get(path, {**form, **PLAIN, "per_page": "100"})
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert str(HIDDEN) not in body.decode(), (path, form)
    whole = caller.get(f"{ORGANIZATIONS}/{OURS}", {"full_service": "true"} | PLAIN)
    assert str(HIDDEN) not in whole.content.decode()


def test_a_token_that_is_no_longer_good_is_refused(api: Any) -> None:
    caller = api(None)
    caller.secret = "never-was-one"
    for path in (LIST, PLACES, ORGANIZATIONS, f"{ORGANIZATIONS}/{OURS}"):
        assert caller.get(path, PLAIN).status_code == 401


@pytest.mark.parametrize("query", [{"plain": "maybe"}, {"plain": "true", "facets": "true"}])
def test_what_cannot_be_plain_is_refused(api: Any, query: dict[str, str]) -> None:
    for answer in (api(None).get(LIST, query), api(None).post(LIST, query)):
        assert answer.status_code == 400
        assert answer.json()["pointer"] == "plain"


def test_a_plain_etag_replaces_nothing_and_a_change_takes_no_parameter(
    ywca: Caller, service: str
) -> None:
    """Or an editor's copy without our members would end them."""
    whole, bare = ywca.get(service).json(), ywca.get(service, PLAIN)
    assert whole["holiday_schedules"]
    standard("service").validate(bare.json())
    stale = ywca.put(service, a_service(alert="Full."), If_Match=bare["ETag"])
    assert stale.status_code == 412, stale.content
    for path in (f"{service}?plain=true", f"{ORGANIZATIONS}/{OURS}?full_service=true"):
        refused = ywca.patch(path, {"description": "Full."}, If_Match="*")
        assert (refused.status_code, refused.json()["code"]) == (400, "unknown_parameter")
    assert ywca.get(service).json() == whole
