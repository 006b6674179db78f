"""A place that was public and is confidential now, and who asks about it."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.people.callers import Caller, agency_id
from tests.support.people.confidential_scene import (
    NETWORK,
    PUBLIC,
    WAYS,
    Scene,
    caller_of,
)

SERVICES, PLACES = "/v1/directory/services", "/v1/directory/service_at_locations"
ORGANIZATIONS, CHANGES = "/v1/directory/organizations", "/v1/directory/changes"
OUTSIDER = agency_id("outsider")
LISTS = (SERVICES, PLACES, ORGANIZATIONS)


@pytest.fixture(scope="module", params=WAYS)
def scene(request: pytest.FixtureRequest, network: Any) -> Iterator[Scene]:
    """Hidden in one of the ways; it stays so while the tests of this file look at it."""
    found = Scene(request.param)
    try:
        yield found.set().hide()
    finally:
        found.clear()


@pytest.fixture(params=PUBLIC)
def outside(request: pytest.FixtureRequest, api: Any) -> Caller:
    return caller_of(api, request.param)


@pytest.fixture
def nobody(api: Any) -> Caller:
    return caller_of(api, "nobody")


@pytest.fixture(params=NETWORK)
def inside(request: pytest.FixtureRequest, api: Any) -> Caller:
    return caller_of(api, request.param)


def totals(caller: Caller, path: str, **query: str) -> tuple[int, int]:
    answer = caller.get(path, query | {"per_page": "1"})
    assert answer.status_code == 200, answer.content
    return answer.json()["total_items"], answer.json()["total_pages"]


def ids(caller: Caller, path: str, **query: str) -> list[str]:
    """All the ids of a list, in its order."""
    found: list[str] = []
    for page in itertools.count(1):
        answer = caller.get(path, query | {"per_page": "100", "page": str(page)})
        assert answer.status_code == 200, answer.content
        found += [item["id"] for item in answer.json()["contents"]]
        if answer.json()["last_page"]:
            return found
    raise AssertionError
