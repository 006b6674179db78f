"""Clients that reach the server past nginx, by raw sockets: who is slow, or sends a head that is
too large, holds no thread."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.support.ground.ports import free_port
from tests.support.ground.repository import DEPLOY, REPOSITORY
from tests.support.ground.waiting import SOON, until

pytestmark = pytest.mark.static

HEAD_S, BODY_S, PART_S = 0.5, 1.0, 0.5
THREADS = 8
GOOD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

Address = tuple[str, int]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """gunicorn as it is deployed, with shorter times, and an application that reads the body."""
    config = tmp_path_factory.mktemp("server") / "gunicorn.conf.py"
    names = ", ".join(f"slow_clients.{name}" for name in ("HEAD_S", "BODY_S", "PART_S"))
    times = f"{names} = {HEAD_S, BODY_S, PART_S}"
    config.write_text(
        f"from api.http import slow_clients\n{times}\n{(DEPLOY / 'gunicorn.conf.py').read_text()}"
    )
    address = "127.0.0.1", free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "-c", str(config), "--no-control-socket"),
            "tests.support.servers.large_app:application",
        ],
        cwd=REPOSITORY,
        env=os.environ | {"CAIRN_BIND": f"{address[0]}:{address[1]}"},
    )

    def answers() -> bool:
        assert process.poll() is None
        with socket.socket() as probe:
            return probe.connect_ex(address) == 0

    try:
        until(answers)
        yield address
    finally:
        process.terminate()
        process.wait(SOON)


def sent(server: Address, what: bytes) -> socket.socket:
    one = socket.create_connection(server, timeout=20)
    one.sendall(what)
    return one


def answer(one: socket.socket) -> bytes:
    """The first line of what comes; nothing: the connection ended."""
    try:
        return one.recv(4096).partition(b"\r\n")[0]
    except ConnectionError:
        return b""


def status(server: Address, head: bytes) -> int:
    with sent(server, head) as one:
        found = re.match(rb"HTTP/1.1 ([0-9]{3}) ", answer(one))
    return int(found[1]) if found else 0


def answered_in_s(server: Address) -> float:
    began = time.monotonic()
    assert status(server, GOOD) == 200
    return time.monotonic() - began


@pytest.mark.parametrize(
    "what",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-One: ",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n12345",
    ],
)
def test_clients_that_stop_half_way_are_cut_off_and_stop_no_one(
    server: Address, what: bytes
) -> None:
    slow = [sent(server, what) for _ in range(THREADS * 3)]
    try:
        answered_in_s(server)  # it is, though three times as many clients as threads have begun
        if what:
            for one in slow:
                assert not re.match(rb"HTTP/1.1 2", answer(one))
    finally:
        for one in slow:
            one.close()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-One: ", False),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n", True),
    ],
)
def test_a_client_that_sends_a_byte_now_and_then_is_cut_off(
    server: Address, head: bytes, body: bool
) -> None:
    with sent(server, head) as one:
        ended = False
        for _ in range(200):  # ten seconds; the limits are a half and one
            one.settimeout(0.05)
            try:
                one.sendall(b"x")
                got = one.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                got = b""
            assert not got.startswith(b"HTTP/1.1 2")
            ended = True
            break
    assert ended, "a body" if body else "a head"


def test_a_head_is_limited_in_its_line_its_fields_and_each_of_them(server: Address) -> None:
    fields = b"".join(b"X-%d: y\r\n" % number for number in range(100))
    for head, expected in (
        (GOOD, {200}),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 414}),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n", {400, 431}),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 9000 + b"\r\n\r\n", {400, 431}),
    ):
        assert status(server, head) in expected
    assert status(server, GOOD) == 200
