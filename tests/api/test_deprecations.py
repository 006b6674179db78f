"""What will end says so with each answer and in the contract (openapi/CHANGES.md)."""

from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from drf_spectacular.generators import SchemaGenerator

from api.http.deprecation import HEADERS, LEAST, Deprecated
from openapi import breaking_changes
from tests.support.ground.repository import REPOSITORY
from tests.support.servers import ending_endpoint

PATH = "/v1/codes/ending"


@pytest.fixture
def ending(settings: Any) -> None:
    settings.ROOT_URLCONF = ending_endpoint.__name__


@pytest.fixture(scope="module")
def operations() -> Any:
    """What the contract would say of the address."""
    whole = SchemaGenerator(urlconf=ending_endpoint.__name__).get_schema(request=None, public=True)
    return whole["paths"][PATH] | {"whole": whole}


def test_each_answer_says_since_when_and_until_when(ending: None, api: Any) -> None:
    worker = api("police.worker")
    stranger = api(None)
    for answer, status in (
        (worker.get(PATH), 200),
        (worker.http.head(PATH, headers=worker.headers({})), 200),
        (worker.get(PATH, {"no_such": "x"}), 400),
        (stranger.get(PATH), 401),
    ):
        assert answer.status_code == status, answer.content
        since = datetime.fromtimestamp(int(answer["Deprecation"].removeprefix("@")), UTC)
        assert since == datetime(2026, 12, 1, tzinfo=UTC)
        assert parsedate_to_datetime(answer["Sunset"]) == datetime(2027, 6, 1, tzinfo=UTC)
        address, rel = answer["Link"].split("; ")
        assert rel == 'rel="deprecation"'
    page = stranger.get(urlsplit(address.strip("<>")).path)
    assert page.status_code == 200
    assert page.content == (REPOSITORY / "openapi" / "CHANGES.md").read_bytes()


def test_what_goes_on_says_nothing(ending: None, api: Any) -> None:
    worker = api("police.worker")
    for answer in (worker.post(PATH), worker.get("/v1/codes"), worker.put(PATH, {})):
        assert answer.status_code in (200, 405)
        assert not {*HEADERS} & {*answer.headers}


def test_the_contract_says_it_of_this_operation_alone(operations: Any) -> None:
    reads, writes = operations["get"], operations["post"]
    assert reads["deprecated"] is True
    assert reads["description"].startswith("Read one code.")
    assert "2026-12-01" in reads["description"]
    assert "2027-06-01" in reads["description"]
    assert "Use `GET /v1/codes`." in reads["description"]
    assert "deprecated" not in writes
    for operation, whether in ((reads, True), (writes, False)):
        for status, answer in operation["responses"].items():
            named = answer.get("headers", {})
            assert ({*HEADERS} <= {*named}) == whether, status
    for name in HEADERS:
        assert name in operations["whole"]["components"]["headers"]
    assert breaking_changes.endings(operations["whole"]) == [f"GET {PATH}: ends 2027-06-01"]


@pytest.mark.no_database
def test_the_end_comes_no_sooner_than_is_promised() -> None:
    today = date(2026, 12, 1)
    assert Deprecated(today, today + LEAST, "Use another.")
    with pytest.raises(ValueError, match="180 days"):
        Deprecated(today, today + LEAST - timedelta(days=1), "Use another.")
    said = (REPOSITORY / "openapi" / "CHANGES.md").read_text()
    assert f"at least {LEAST.days} days later" in said
