"""How many requests a caller, and a network of unknown callers, may make of one process."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from api.http import request_limits
from tests.operation.readings import figure
from tests.support.ground.stored_rows import rows

PER_S = 2
BURST = PER_S * request_limits.BURST_S
HERE, NEIGHBOR, ELSEWHERE = "203.0.113.5", "203.0.113.77", "198.51.100.9"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time in seconds, which only a test moves."""
    now = [1000.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(request_limits, "time", Clock)
    request_limits.forget()
    with override_settings(REQUESTS_OF_CALLER=PER_S, REQUESTS_OF_NETWORK=PER_S):
        yield now
    request_limits.forget()


def asks(path: str, address: str = HERE, **headers: str) -> Any:
    return Client(REMOTE_ADDR=address).get(path, headers=headers)


def until_refused(path: str, address: str = HERE, **headers: str) -> tuple[int, Any]:
    """How many were answered, and the refusal."""
    for count in range(BURST * 3):
        answer = asks(path, address, **headers)
        if answer.status_code == 429:
            return count, answer
    raise AssertionError("none was refused")


@pytest.mark.parametrize(
    "path",
    ["/v1/directory/services", "/accounts/login/", "/v1/referrals", "/scim/v2/Users", "/slip"],
)
def test_a_network_of_unknown_callers_is_limited_everywhere(path: str, clock: list[float]) -> None:
    answered, refusal = until_refused(path)
    assert 0 < answered <= BURST
    assert 1 <= int(refusal["Retry-After"]) <= 2 * request_limits.BURST_S
    if path.startswith(("/v1", "/scim")):
        body = refusal.json()
        assert (body["code"], body["status"]) == ("too_many_requests", 429)
    assert asks(path, NEIGHBOR).status_code == 429, "it is the network's count"
    assert asks(path, ELSEWHERE).status_code != 429
    clock[0] += int(refusal["Retry-After"])
    assert asks(path).status_code != 429


def test_a_refusal_costs_no_statement_and_no_row(superuser: Any) -> None:
    until_refused("/v1/directory/services")
    before = rows(superuser, "SELECT count(*) FROM access_entry")
    refused = figure("cairn_refusals_total", code="too_many_requests") or 0
    with CaptureQueriesContext(connections["default"]) as asked:
        assert asks("/v1/directory/services").status_code == 429
    assert len(asked) == 0
    assert rows(superuser, "SELECT count(*) FROM access_entry") == before
    assert figure("cairn_refusals_total", code="too_many_requests") == refused + 1


def test_what_says_whom_to_call_is_always_answered() -> None:
    until_refused("/v1/directory/services")
    for path in ("/safety", "/health/live", "/health/ready", "/static/desk/safety.css"):
        answer = asks(path)
        assert answer.status_code == 200, path
        b"".join(answer) if answer.streaming else answer.content
        answer.close()


def test_a_known_caller_is_counted_alone(api: Any, clock: list[float]) -> None:
    token = f"Bearer {api('police.client').secret}"
    assert asks("/v1/referrals", Authorization=token).status_code == 200
    until_refused("/v1/directory/services")
    answered, refusal = until_refused("/v1/referrals", Authorization=token)
    assert answered == BURST, "strangers at its address took nothing from it"
    assert refusal.json()["code"] == "too_many_requests"
    other = f"Bearer {api('police.client').secret}"
    assert asks("/v1/referrals", ELSEWHERE, Authorization=other).status_code == 200
    clock[0] += request_limits.KNOWN_S + 1
    assert asks("/v1/referrals", Authorization=token).status_code == 200


def test_an_answer_says_the_limit_and_a_known_caller_what_is_left(
    api: Any, clock: list[float]
) -> None:
    token = f"Bearer {api('police.client').secret}"
    first = asks("/v1/referrals", Authorization=token)  # who it is, is known from here on
    assert first["RateLimit-Policy"] == f'"network";q={BURST};w={request_limits.BURST_S}'
    for number in range(1, BURST + 1):
        answer = asks("/v1/referrals", Authorization=token)
        assert answer["RateLimit-Policy"] == f'"caller";q={BURST};w={request_limits.BURST_S}'
        assert answer["RateLimit"] == f'"caller";r={BURST - number};t={-(-number // PER_S)}'
    refused = asks("/v1/referrals", Authorization=token)
    assert (refused.status_code, refused["Retry-After"]) == (429, "1")
    assert refused["RateLimit"] == f'"caller";r=0;t={request_limits.BURST_S}'
    clock[0] += request_limits.BURST_S
    full = asks("/v1/referrals", Authorization=token)
    assert full["RateLimit"] == f'"caller";r={BURST - 1};t=1'


def test_no_one_learns_how_much_their_network_asks() -> None:
    """A neighbor would see that someone else is at Cairn, and when."""
    policies = set()
    for number in range(BURST + 2):
        answer = asks("/v1/directory/services")
        assert answer.status_code == (200 if number < BURST else 429)
        assert "RateLimit" not in answer
        policies.add(answer["RateLimit-Policy"])
    assert policies == {f'"network";q={BURST};w={request_limits.BURST_S}'}


def test_what_a_cache_may_hold_and_pages_state_no_limit() -> None:
    for path in ("/v1/directory/profile", "/desk/", "/safety"):
        answer = asks(path)
        assert answer.status_code in (200, 302), path
        assert not {"RateLimit", "RateLimit-Policy"} & set(answer.headers), path


def test_another_token_of_the_same_system_has_the_same_count(api: Any) -> None:
    first, second = (f"Bearer {api('police.client').secret}" for _ in range(2))
    assert asks("/v1/referrals", Authorization=first).status_code == 200
    assert asks("/v1/referrals", Authorization=second).status_code == 200
    until_refused("/v1/referrals", Authorization=first)
    assert asks("/v1/referrals", Authorization=second).status_code == 429


def test_a_credential_that_is_none_counts_as_ten() -> None:
    count, _ = until_refused("/v1/referrals", Authorization=f"Bearer {'x' * 30}")
    assert count <= BURST // request_limits.REFUSED_COSTS + 1
    assert asks("/v1/directory/services").status_code == 429


def test_a_made_up_cookie_makes_no_caller_known() -> None:
    for number in range(BURST):
        answer = Client(REMOTE_ADDR=HERE)
        answer.cookies[settings.SESSION_COOKIE_NAME] = f"made-up-{number}"
        if answer.get("/v1/directory/services").status_code == 429:
            return
    assert asks("/v1/directory/services").status_code == 429


def test_threads_together_take_no_more_than_there_is() -> None:
    buckets, got = request_limits.Buckets(), []

    def take() -> None:
        for _ in range(BURST):
            got.append(buckets.take("one", PER_S) == 0)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(got) == BURST


def test_what_is_kept_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "MOST", 10)
    buckets = request_limits.Buckets()
    for number in range(50):
        buckets.take(number, PER_S)
    assert len(buckets._levels) == 10


def test_no_limit_where_none_is_set() -> None:
    with override_settings(REQUESTS_OF_CALLER=0, REQUESTS_OF_NETWORK=0):
        for _ in range(BURST * 2):
            assert asks("/v1/directory/profile").status_code == 200
        assert "RateLimit-Policy" not in asks("/v1/directory/services")
