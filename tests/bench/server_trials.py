"""What a server does with processes that are ended, with slow clients and with large heads."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.one_server import Server, answers, ask, wait_for

SLOW_CLIENTS = 40


# -- Ends ------------------------------------------------------------------------------------------


@dataclass
class Load:
    """Eight callers, each one request after the other, a new connection each, of 30 ms."""

    port: int
    done: int = 0
    lost: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._call) for _ in range(8)]
        for one in self._threads:
            one.start()
        return self

    def _call(self) -> None:
        while not self.over.is_set():
            if ask(self.port, "/waits/30", 20) == 200:
                self.done += 1
            else:
                self.lost += 1
                time.sleep(0.01)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for one in self._threads:
            one.join()


def killed(server: Server, how: int) -> str:
    """One process of the server is ended under load, and comes again."""
    before = server.workers()
    with Load(server.port) as load:
        wait_for(lambda: load.done > 100, 30)
        os.kill(before[0], how)
        took = wait_for(
            lambda: before[0] not in server.workers() and len(server.workers()) >= len(before), 60
        )
        reached = load.done
        wait_for(lambda: load.done > reached + 300, 60)
    return f"{load.lost} lost, another one after {took:.1f} s"


def ended(server: Server, log: Path) -> str:
    """TERM for the whole, while four requests of two seconds are in progress."""
    found: list[int | None] = []
    callers = [
        threading.Thread(target=lambda: found.append(ask(server.port, "/waits/2000", 20)))
        for _ in range(4)
    ]
    for one in callers:
        one.start()
    time.sleep(0.5)
    took = server.stop()
    for one in callers:
        one.join()
    server.start(log)
    return f"{found.count(200)} of 4 answered, ended after {took:.1f} s"


# -- Slow clients ----------------------------------------------------------------------------------


@contextmanager
def slow(server: Server, kind: str) -> Iterator[list[socket.socket]]:
    """`SLOW_CLIENTS` connections that do not go on."""
    head = {
        "head": b"GET /waits/0 HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
        "body": b"POST /reads HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\nx",
        "reader": b"GET /much HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    }[kind]
    lines = []
    for _ in range(SLOW_CLIENTS):
        line = socket.socket()
        if kind == "reader":
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", server.port))
        line.sendall(head)
        lines.append(line)
    time.sleep(1)
    try:
        yield lines
    finally:
        for line in lines:
            line.close()


def next_to_slow(server: Server, kind: str) -> str:
    """Whether others are answered meanwhile, in ten seconds, and when the slow ones are left."""
    with slow(server, kind) as lines:
        began = time.monotonic()
        status = ask(server.port, "/waits/0", 10)
        took = time.monotonic() - began
        left = None
        while time.monotonic() - began < 45 and left is None:
            if kind != "reader" and _was_closed(lines[0]):
                left = time.monotonic() - began
            elif kind == "reader":
                break
            time.sleep(0.2)
        memory = server.memory_mib()
    wait_for(lambda: answers(server.port), 60)
    said = f"{took * 1000:.0f} ms" if status == 200 else "not within 10 s"
    until = f", left after {left:.0f} s" if left else ", not left" if kind != "reader" else ""
    return f"others: {said}{until}, {memory:.0f} MiB"


def _was_closed(line: socket.socket) -> bool:
    line.settimeout(0.01)
    try:
        return line.recv(4096, socket.MSG_PEEK) != b"never"  # an end, or an answer and an end
    except TimeoutError:
        return False
    except OSError:
        return True


def limits(server: Server) -> str:
    """The least of these heads that is refused: how many, how long."""
    many = next(
        (n for n in (50, 101, 300, 2000) if ask(server.port, "/waits/0", 5, "X: y\r\n" * n) != 200),
        None,
    )
    long = next(
        (
            n
            for n in (4_000, 9_000, 70_000, 500_000)
            if ask(server.port, "/waits/0", 5, f"X: {'y' * n}\r\n") != 200
        ),
        None,
    )
    return f"refused from {many} heads, from {long} bytes in one"
