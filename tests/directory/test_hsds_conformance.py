"""Real data, served: every row of two imported directories fits the standard's own schemas.

The data and the schemas are not ours and not in the repository: HSDS_SAMPLES names their folder.
Each answer is held against the standard's schema as it is, and against the same with our profile's
additions and no other member allowed. A plain answer is held against the standard's schema with no
other member allowed.
"""

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from directory import models as m
from permissions.database.aliases import JOBS
from tests.support.people.hsds_source import forget, import_by_command, validator

SAMPLES = os.environ.get("HSDS_SAMPLES")
BASE = "/v1/directory"
SOURCES = (("ilao-hsds-1.1", "real-legal-aid"), ("ohana-sample/sample-csv", "real-county"))
KINDS = {  # path → the standard's schema of a list item, and of a detail
    "services": ("service_list", "service"),
    "organizations": ("organization_list", "organization"),
    "service_at_locations": ("service_at_location_list", "service_at_location"),
}

pytestmark = pytest.mark.skipif(
    not SAMPLES, reason="HSDS_SAMPLES names no folder of real directory data"
)


@pytest.fixture(scope="module")
def real(django_db_setup: Any) -> Iterator[None]:
    for folder, source in SOURCES:
        import_by_command(Path(str(SAMPLES)) / "data" / folder, source)
    yield
    for _, source in SOURCES:
        forget(source)


@lru_cache
def fits(name: str) -> tuple[Draft202012Validator, Draft202012Validator]:
    """The standard's schema as it is; and ours, closed, which says the same with our additions
    (tests/directory/test_hsds_profile.py)."""
    schema = json.loads((Path(str(SAMPLES)) / "schema" / f"{name}.json").read_text())
    checker = Draft202012Validator.FORMAT_CHECKER
    return (Draft202012Validator(schema, format_checker=checker), validator(name, closed=True))


def check(documents: list[Any], name: str, *, plain: bool = False) -> None:
    for document in documents:
        for schema in fits_plain(name) if plain else fits(name):
            if error := best_match(schema.iter_errors(document)):
                where = "/".join(str(part) for part in error.absolute_path)
                raise AssertionError(f"{name} {document.get('id')}: {where}: {error.message[:300]}")


@lru_cache
def fits_plain(name: str) -> tuple[Draft202012Validator, ...]:
    """The standard's schema as it is, and with every member refused that it does not name."""
    schema = json.loads((Path(str(SAMPLES)) / "schema" / f"{name}.json").read_text())
    checker = Draft202012Validator.FORMAT_CHECKER
    return tuple(
        Draft202012Validator(one, format_checker=checker) for one in (schema, closed(schema))
    )


def closed(schema: Any) -> Any:
    """The schema, whose objects have no member that they do not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict):
        found["additionalProperties"] = False
    return found


def pages(api: Any, path: str, **query: str) -> list[Any]:
    """The contents of all pages."""
    found, page = [], 1
    while True:
        answer = api(None).get(path, {"per_page": "100", "page": str(page)} | query)
        assert answer.status_code == 200, answer.content
        body = answer.json()
        found += body["contents"]
        if body["last_page"]:
            return found
        page += 1


@pytest.mark.parametrize("path", KINDS)
def test_every_row_of_real_data_fits_in_lists_in_full_and_streamed(
    real: None, api: Any, path: str
) -> None:
    item, whole = KINDS[path]
    listed = pages(api, f"{BASE}/{path}")
    assert len(listed) > 30
    check(listed, item)
    full = pages(api, f"{BASE}/{path}", full="true")
    check(full, whole)
    streamed = api(None).get(f"{BASE}/{path}", {"format": "ndjson", "full": "true"})
    lines = [json.loads(line) for line in b"".join(streamed.streaming_content).splitlines()]
    ids = [one["id"] for one in listed]
    assert sorted(one["id"] for one in full) == sorted(ids)
    assert sorted(one["id"] for one in lines) == sorted(ids)
    check(lines, whole)


@pytest.mark.parametrize("path", KINDS)
def test_every_detail_of_real_data_fits_and_is_what_the_full_list_says(
    real: None, api: Any, path: str
) -> None:
    _, whole = KINDS[path]
    for one in pages(api, f"{BASE}/{path}", full="true"):
        detail = api(None).get(f"{BASE}/{path}/{one['id']}")
        assert detail.status_code == 200, (path, one["id"])
        assert detail.json() == one
    if path == "organizations":
        nested = pages(api, f"{BASE}/{path}", full_service="true")
        check(nested, whole)


@pytest.mark.parametrize("path", KINDS)
def test_every_plain_answer_of_real_data_has_only_what_the_standard_has(
    real: None, api: Any, path: str
) -> None:
    item, whole = KINDS[path]
    listed = pages(api, f"{BASE}/{path}", plain="true")
    assert len(listed) > 30
    check(listed, item, plain=True)
    full = pages(api, f"{BASE}/{path}", plain="true", full="true")
    check(full, whole, plain=True)
    asked = {"format": "ndjson", "full": "true", "plain": "true"}
    streamed = api(None).get(f"{BASE}/{path}", asked)
    lines = [json.loads(line) for line in b"".join(streamed.streaming_content).splitlines()]
    assert {one["id"]: one for one in lines} == {one["id"]: one for one in full}
    for one in full:
        assert api(None).get(f"{BASE}/{path}/{one['id']}", {"plain": "true"}).json() == one
    if path == "organizations":
        nested = pages(api, f"{BASE}/{path}", full_service="true", plain="true")
        check(nested, whole, plain=True)


def test_real_data_is_really_there(real: None) -> None:
    for _, source in SOURCES:
        assert m.Service.objects.using(JOBS).filter(source=source).count() >= 20
