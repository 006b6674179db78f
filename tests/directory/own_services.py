"""An agency's own entries of the directory, as the tests of editing change them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from directory import models as m
from directory.demo import loader
from permissions.database.uuid7 import uuid7
from tests.support.ground.database import forget_edits
from tests.support.ground.stale_projections import stale
from tests.support.people.callers import Caller
from tests.support.people.directory_entries import OURS

SERVICES, ORGANIZATIONS = "/v1/directory/services", "/v1/directory/organizations"
HIDDEN = loader.service_id("shelter-confidential")  # ours


@pytest.fixture(autouse=True)
def nothing_left(network: Any) -> Iterator[None]:
    """Behind each test: whatever shows what was changed shows it as it is."""
    yield
    try:
        assert stale() == {}
    finally:  # or the next would fail with this one
        forget_edits()


@pytest.fixture
def ywca(api: Any) -> Caller:
    return api("ywca.editor")


@pytest.fixture
def service(ywca: Caller) -> str:
    """The address of a new service of ours, with something in each list. It is reached by phone
    only, so that no second person has to review it."""
    path = f"{SERVICES}/{uuid7()}"
    made = ywca.put(path, a_service())
    assert made.status_code == 201, made.content
    return path


def a_service(**more: Any) -> dict[str, Any]:
    return {
        "organization_id": str(OURS),
        "name": "Night line",
        "description": "Invented for a test.",
        "status": "active",
        "url": "https://example.org/night",
        "minimum_age": 18,
        "victimization_types": ["domestic"],
        "phones": [{"number": "406-555-0171", "languages": [{"code": "es", "name": "Spanish"}]}],
        "schedules": [{"freq": "WEEKLY", "byday": "MO,TU", "opens_at": "18:00:00"}],
        "contacts": [{"name": "Nora Invented", "phones": [{"number": "406-555-0172"}]}],
        "capacities": [{"available": 2, "unit": {"name": "beds of a test"}}],
        "holiday_schedules": [
            {"start_date": "2026-12-25", "end_date": "2026-12-25", "closed": True}
        ],
    } | more


def tag(caller: Caller, path: str) -> str:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.content
    return str(answer["ETag"])


def history_of(path: str) -> list[m.Edit]:
    rows = m.Edit.objects.using("jobs").filter(row_id=UUID(path.rsplit("/", 1)[1]))
    return list(rows.order_by("at", "id"))


def changes_of(path: str) -> list[str]:
    entry = path.rsplit("/", 1)[1]
    rows = m.Change.objects.using("jobs").filter(entity_id=entry, network=True)
    return [row.action for row in rows.order_by("seq")]


def refusal(answer: Any) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body["code"], body.get("pointer")
