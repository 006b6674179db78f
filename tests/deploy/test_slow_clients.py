"""Clients that read or write slowly hold connections of nginx, and no thread of the server."""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.ground.ports import free_port
from tests.support.ground.repository import DEPLOY, REPOSITORY
from tests.support.ground.waiting import SOON, until
from tests.support.servers.nginx_front import NGINX, nginx_before

pytestmark = [
    pytest.mark.no_database,
    pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine"),
]

THREADS = 8  # of two processes, as deploy/gunicorn.conf.py has them
STREAM = "/v1/directory/services?format=ndjson"
WITHIN_S = 2.0


@pytest.fixture
def front(tmp_path: Path) -> Iterator[requests.Session]:
    """nginx before gunicorn as it is deployed, with an application that answers with 16 MB."""
    bind = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "gunicorn", "-c", str(DEPLOY / "gunicorn.conf.py")]
    command += ["tests.support.servers.large_app:application", "--no-control-socket"]
    env = os.environ | {"CAIRN_BIND": bind}
    process = subprocess.Popen(command, cwd=REPOSITORY, env=env)
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(bind.rpartition(":")[2]))) == 0:
                    break
            assert process.poll() is None
        with nginx_before(f"http://{bind}", tmp_path) as session:
            yield session
    finally:
        process.terminate()
        process.wait(SOON)


def connect(front: requests.Session, number: int) -> ssl.SSLSocket:
    """A connection from an address of its own, with little room for what comes."""
    to = urlsplit(front.base)  # type: ignore[attr-defined]
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.bind((f"127.0.1.{number + 1}", 0))
    plain.connect(("127.0.0.1", to.port))
    return ssl.create_default_context(cafile=str(front.verify)).wrap_socket(
        plain, server_hostname="localhost"
    )


def send(one: ssl.SSLSocket, head: str) -> None:
    one.sendall(f"{head}\r\nHost: localhost\r\n".encode())


def answered_in_s(front: requests.Session, path: str = "/v1/referrals") -> float:
    """The slowest of ten requests of somebody else."""
    slowest = 0.0
    for _ in range(10):
        began = time.monotonic()
        assert front.get(f"{front.base}{path}", timeout=20).text == "here\n"  # type: ignore[attr-defined]
        slowest = max(slowest, time.monotonic() - began)
    return slowest


def test_forty_slow_readers_stop_no_one(front: requests.Session) -> None:
    with ExitStack() as open_:
        heads = []
        for number in range(40):
            one = open_.enter_context(connect(front, number))
            send(one, f"GET {STREAM} HTTP/1.1")
            one.sendall(b"\r\n")
            heads.append(one.recv(64))  # and no more
        begun = [head for head in heads if head.startswith(b"HTTP/1.1 200")]
        refused = [head for head in heads if head.startswith(b"HTTP/1.1 429")]
        assert (len(begun), len(refused)) == (24, 16), "as many lists at once, and no more"
        assert answered_in_s(front) < WITHIN_S
        assert answered_in_s(front, "/v1/directory/profile") < WITHIN_S


def test_slow_readers_at_one_address_leave_the_lists_to_others(front: requests.Session) -> None:
    with ExitStack() as open_:
        heads = []
        for _ in range(6):
            one = open_.enter_context(connect(front, 0))
            send(one, f"GET {STREAM} HTTP/1.1")
            one.sendall(b"\r\n")
            heads.append(one.recv(64))
        assert sum(head.startswith(b"HTTP/1.1 200") for head in heads) == 2
        other = open_.enter_context(connect(front, 1))
        send(other, f"GET {STREAM} HTTP/1.1")
        other.sendall(b"\r\n")
        assert other.recv(64).startswith(b"HTTP/1.1 200")


def test_forty_unfinished_bodies_stop_no_one(front: requests.Session) -> None:
    with ExitStack() as open_:
        for number in range(40):
            one = open_.enter_context(connect(front, number))
            send(one, "POST /v1/referrals HTTP/1.1")
            one.sendall(b"Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n{")
        assert answered_in_s(front) < WITHIN_S


def is_refused(front: requests.Session) -> bool:
    with connect(front, 0) as one:
        send(one, "GET /v1/referrals HTTP/1.1")
        one.sendall(b"\r\n")
        return one.recv(64).startswith(b"HTTP/1.1 429")


def test_one_address_has_forty_requests_in_progress_at_most(front: requests.Session) -> None:
    with ExitStack() as open_:
        for _ in range(50):
            one = open_.enter_context(connect(front, 0))
            send(one, "POST /v1/referrals HTTP/1.1")
            one.sendall(b"Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n{")
        until(lambda: is_refused(front), "nginx, which reads the headers of forty of them,")
        assert answered_in_s(front) < WITHIN_S
