"""nginx.conf in front of the real process: what nginx answers itself is of the documented shape.

It skips, in words, where there is no nginx on the machine.
"""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.support.ground.live_server import Server
from tests.support.ground.repository import DEPLOY
from tests.support.ground.waiting import until
from tests.support.servers.nginx_front import NGINX, nginx_before

pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine")

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def front(server: Server, tmp_path: Path) -> Iterator[requests.Session]:
    with nginx_before(server.base_url, tmp_path) as session:
        yield session


def is_problem(answer: requests.Response, status: int, code: str) -> None:
    assert answer.status_code == status
    assert "X-Request-Id" not in answer.headers, "of nginx, not of ours"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/v1/referrals", JSON), ("/v1/directory/services", JSON), ("/oauth/token", FORM)],
)
def test_what_is_too_large_for_nginx_is_a_problem_document(front, path, headers):
    answer = front.post(front.base + path, b"a" * 300_000, headers=headers, timeout=30)
    is_problem(answer, 413, "too_large")


def refused(front: requests.Session, method: str, path: str) -> requests.Response:
    """An answer to more requests at once than nginx lets through a second, else the last one."""

    def ask(_: int) -> requests.Response:
        return front.request(method, front.base + path, timeout=30)

    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            answers = list(pool.map(ask, range(16)))
            if found := [one for one in answers if one.status_code == 429]:
                return found[0]
    return answers[-1]


@pytest.mark.parametrize("path", ["/v1/directory/profile", "/oauth/token"])
def test_too_many_requests_are_a_problem_document_that_says_how_long(front, path):
    method = "POST" if "token" in path else "GET"
    answer = refused(front, method, path)
    is_problem(answer, 429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0


def test_too_many_requests_for_a_page_say_whom_to_ring(front):
    answer = refused(front, "GET", "/directory/guide")
    assert answer.status_code == 429
    assert "1-800-799-7233" in answer.text
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"


def test_what_cairn_answers_itself_goes_through_as_it_is(front):
    refused = front.post(f"{front.base}/v1/referrals", json={}, timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert refused.headers["X-Request-Id"]


def test_the_log_names_no_secret_of_an_address(front, tmp_path):
    secrets = "/calendar/a-secret-of-a-calendar.ics", "/join/a-secret-of-a-link", "/line/a-secret"
    for path in (*secrets, "/check/a-secret", "/safety"):
        front.get(front.base + path, timeout=30)
    log = tmp_path / "access.log"
    until(lambda: "GET /safety 200" in log.read_text())
    said = log.read_text()
    assert "GET /calendar/- 404" in said
    assert "GET /join/- 404" in said
    assert "GET /line/- 200" in said
    assert "GET /check/- 404" in said
    assert "a-secret" not in said


def test_it_starts_where_its_output_is_a_socket_as_under_systemd(server, tmp_path):
    """A socket cannot be opened by the name /dev/stdout."""
    ours, theirs = socket.socketpair()
    with ours, theirs, nginx_before(server.base_url, tmp_path, output=theirs.fileno()) as front:
        assert front.get(f"{front.base}/safety", timeout=30).status_code == 200
        until(lambda: "GET /safety 200" in (tmp_path / "access.log").read_text())
    assert "/dev/" not in re.sub("#.*", "", (DEPLOY / "nginx.conf").read_text())
