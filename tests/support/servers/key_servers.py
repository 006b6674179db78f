"""A partner's server that has its key set: a real HTTP server on this machine."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class KeyServer:
    """Answers each request by `answer`, byte for byte, and hangs up; None: it never answers."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self.asked = 0
        self._ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.url = f"http://{self.authority}/jwks.json"
        threading.Thread(target=self._accept, daemon=True).start()

    def end(self) -> None:
        """Stop, and let go of those who wait."""
        self._ended.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one: socket.socket) -> None:
        with one, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                if not (got := one.recv(4096)):
                    return
                request += got
            if self.answer is None:
                self._ended.wait()
            else:
                one.sendall(self.answer)
                one.shutdown(socket.SHUT_WR)
                while one.recv(4096):  # until the reader has gone: nothing is cut off
                    pass


def of(body: bytes) -> bytes:
    """An answer that is whole."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@contextmanager
def key_server(settings: Any) -> Iterator[KeyServer]:
    """One that keys may be fetched from; `settings` is pytest-django's."""
    made = KeyServer()
    settings.WEBHOOK_LOOPBACK = frozenset({made.authority})
    try:
        yield made
    finally:
        made.end()
