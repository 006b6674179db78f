"""Names of webhooks are looked up within a time limit, few at once, and so often an hour."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from referrals.webhooks import name_lookups
from tests.support.people.callers import Caller
from tests.support.servers.resolvers import PUBLIC, answers

MEMBERS = 4  # threads of a web process: deploy/gunicorn.conf.py
IN_TIME_S = 10


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The system's resolver asks a name server on this machine that takes every question and
    answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        ended = threading.Event()

        def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.sendto(host.encode(), server.getsockname())
                asking.settimeout(0.05)
                while not ended.is_set():
                    try:
                        asking.recv(512)
                    except TimeoutError:
                        continue
            raise socket.gaierror

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        yield server
        ended.set()
        resolvers_end()


def resolvers_end() -> None:
    """Until each look-up has given its place back."""
    for thread in threading.enumerate():
        if thread.name == "look-up":
            thread.join(IN_TIME_S)


class WebProcess:
    """The threads of one web process, with requests in them."""

    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(MEMBERS)

    def __enter__(self) -> "WebProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.threads.shutdown(wait=False)

    def ask(self, caller: Caller, method: str, path: str, *body: Any) -> Future[Any]:
        def answered() -> Any:
            try:
                return getattr(caller, method)(path, *body)
            finally:
                connections.close_all()

        return self.threads.submit(answered)


def test_names_that_no_server_answers_stop_no_other_request(
    api: Any, silent_resolver: socket.socket
) -> None:
    attacker, officer = api("ywca.admin"), api("police.worker")
    with WebProcess() as web:
        began = time.monotonic()
        named = [
            web.ask(attacker, "post", "/v1/webhooks", {"url": f"https://a{n}.example.org/"})
            for n in range(MEMBERS)
        ]
        inbox = web.ask(officer, "get", "/v1/referrals")
        assert inbox.result(IN_TIME_S).status_code == 200
        assert sum(not one.done() for one in named) >= 2, "it did not wait for them"
        found = [one.result(IN_TIME_S) for one in named]
    assert time.monotonic() - began < IN_TIME_S
    assert sorted(one.status_code for one in found) == [400, 400, 503, 503]
    busy = next(one for one in found if one.status_code == 503)
    assert (busy.json()["code"], busy["Retry-After"]) == ("lookups_busy", "30")
    late = next(one for one in found if one.status_code == 400)
    assert late.json()["code"] == "webhook_target"


def test_an_agency_names_twenty_addresses_an_hour(
    api: Any, monkeypatch: pytest.MonkeyPatch, shift_clock: Any
) -> None:
    """Whether they are refused or not, by a member or a system, also at a change; the
    other agency has its own twenty."""
    looked_up = []

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(host)
        return answers("10.0.0.1")(host, 443)

    monkeypatch.setattr(socket, "getaddrinfo", answers(PUBLIC[0]))
    made = api("ywca.admin").post("/v1/webhooks", {"url": "https://first.example.org/"})
    assert made.status_code == 201
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for number in range(19):
        body = {"url": f"https://a{number}.example.org/"}
        assert api("ywca.admin").post("/v1/webhooks", body).status_code == 400
    body = {"url": "https://another.example.org/"}
    over = [
        api("ywca.admin").post("/v1/webhooks", body),
        api("ywca.client").post("/v1/webhooks", body),
        api("ywca.admin").patch(f"/v1/webhooks/{made.json()['id']}", body, If_Match=made["ETag"]),
    ]
    for answer in over:
        assert (answer.status_code, answer.json()["code"]) == (429, "lookups_spent")
        assert 0 < int(answer["Retry-After"]) <= 3600
    assert len(looked_up) == 19
    assert api("police.admin").post("/v1/webhooks", body).status_code == 400
    shift_clock("61 minutes")
    assert api("ywca.admin").post("/v1/webhooks", body).status_code == 400
    assert len(looked_up) == 21


@pytest.mark.no_database
def test_a_place_is_free_again_when_the_resolver_gave_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when its caller gave up: otherwise threads would pile up behind it."""
    ended = threading.Event()
    monkeypatch.setattr(name_lookups, "LIMIT_S", 0.05)

    def resolve(*_: Any, **__: Any) -> list[Any]:
        ended.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    lookups = name_lookups.Lookups(1)
    with pytest.raises(TimeoutError):
        lookups.addresses("receiver.example.org", 443)
    with pytest.raises(name_lookups.LookupsBusy):
        lookups.addresses("receiver.example.org", 443)
    ended.set()
    resolvers_end()
    monkeypatch.setattr(socket, "getaddrinfo", answers(*PUBLIC))
    assert lookups.addresses("receiver.example.org", 443) == list(PUBLIC)
