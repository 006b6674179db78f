"""The far end of a webhook: a real HTTP server on this machine that keeps what it was sent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple


class Had(NamedTuple):
    """One message as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Receiver:
    """Answers each message as `answer` says: bytes to write; None: nothing, ever; a float: a byte
    at a time, so many seconds apart."""

    def __init__(self, answer: "bytes | float | None" = b"") -> None:
        self.answer = answer or (ok() if answer == b"" else answer)
        self.had: list[Had] = []
        self.connections = 0
        self.changed = threading.Condition()
        self._ended = threading.Event()
        self._open: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}/hook"

    def took(self, message: Had) -> None:
        """A message came; before it is answered."""

    def ids(self) -> list[str]:
        with self.changed:
            return [one.id for one in self.had]

    def first_ids(self) -> list[str]:
        """Without repetitions, in the order in which each came first."""
        return list(dict.fromkeys(self.ids()))

    def wait_for(self, count: int, within_s: float = 60) -> None:
        """Until so many different messages have come."""
        with self.changed:
            came = self.changed.wait_for(
                lambda: len({one.id for one in self.had}) >= count, within_s
            )
        assert came, (len(set(self.ids())), "of", count)

    def end(self) -> None:
        """Stop, and release every waiting client, also those that connect meanwhile."""
        self._ended.set()
        for one in (self._listening, *list(self._open)):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # closing alone wakes no thread that waits in it
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            with self.changed:
                self.connections += 1
                self.changed.notify_all()
            self._open.add(one)
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        try:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rest = b""
            while not self._ended.is_set():
                got = _read(one, rest)
                if got is None:
                    return
                message, rest = got
                self.took(message)
                with self.changed:
                    self.had.append(message)
                    answer = self.answer
                    self.changed.notify_all()
                self._answer(one, answer)
        except OSError:
            return
        finally:
            one.close()
            self._open.discard(one)

    def _answer(self, one: socket.socket, answer: "bytes | float | None") -> None:
        if answer is None:
            self._ended.wait()
        elif isinstance(answer, float):
            for byte in ok() * 1000:
                if self._ended.wait(answer):
                    return
                one.sendall(bytes([byte]))
        else:
            one.sendall(answer)


def ok(status: str = "200 OK", *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Length: 2", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\nok"


def _read(one: socket.socket, rest: bytes) -> "tuple[Had, bytes] | None":
    while b"\r\n\r\n" not in rest:
        if not (got := one.recv(65536)):
            return None
        rest += got
    head, rest = rest.split(b"\r\n\r\n", 1)
    pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    headers = {name.lower(): value for name, value in pairs}
    length = int(headers["content-length"])
    while len(rest) < length:
        if not (got := one.recv(65536)):
            return None
        rest += got
    return Had(headers, rest[:length]), rest[length:]


@contextmanager
def receivers(settings: Any, *answers: "bytes | float | None") -> Iterator[list[Receiver]]:
    """Receivers that webhooks may go to; `settings` is pytest-django's."""
    made = [Receiver(answer) for answer in answers or (b"",)]
    settings.WEBHOOK_LOOPBACK = frozenset(one.authority for one in made)
    try:
        yield made
    finally:
        for one in made:
            one.end()
