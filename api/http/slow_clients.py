"""gunicorn's worker with threads, with a limit on the time that a request may take to arrive.

gunicorn waits for ever for the rest of a request's head, in one of its few threads, and so does the
reader of a body that comes byte by byte. nginx keeps such clients off; this holds without it. It
imports nothing of Django: deploy/gunicorn.conf.py names it.
"""

import socket
import time
from typing import Any

from gunicorn.workers import gthread
from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD_S = 3.0  # seconds for the head, from its first byte
BODY_S = 60.0  # seconds for all of the body
PART_S = 20.0  # seconds for each part of the body, and for a part of an answer to be taken
# For so long a thread waits for the first byte of a new connection, before the connection waits
# without one. gunicorn's five seconds let forty silent connections stop all threads for half a
# minute.
gthread.DEFAULT_WORKER_DATA_TIMEOUT = 0.1


class TimedSocket(socket.socket):
    """A connection whose reads end when the request has taken too long to arrive."""

    _until = 0.0  # time.monotonic()
    _in_head = False

    def begin_head(self) -> None:
        """The next request is read from now on."""
        self._until, self._in_head = time.monotonic() + HEAD_S, True

    def begin_body(self) -> None:
        """The head was read."""
        self._until, self._in_head = time.monotonic() + BODY_S, False
        self.settimeout(PART_S)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As a socket's own. A head that is late ends as if the client had left: gunicorn closes
        the connection without a line in the log. A body that is late raises TimeoutError."""
        left = self._until - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError("too long")
            self.settimeout(min(left, PART_S))
            return super().recv(size, flags)
        except TimeoutError:
            if self._in_head:
                return b""
            raise
        finally:
            self.settimeout(PART_S)


class Worker(ThreadWorker):
    """Counts the time of each request that its threads read."""

    def handle(self, conn: TConn) -> Any:
        """Read and answer one request of this connection, in a thread."""
        if not isinstance(conn.sock, TimedSocket):
            conn.sock = TimedSocket(fileno=conn.sock.detach())
        conn.sock.begin_head()
        return super().handle(conn)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head was read."""
        conn.sock.begin_body()
        return super().handle_request(req, conn)
