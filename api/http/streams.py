"""Answers that are sent while they are read: whole lists and files.

A stream keeps a thread of the server until its reader has taken it. So a process sends at most as
many at once as half of its threads, and none for longer than MOST_S. nginx takes a public list off
our hands (deploy/nginx.conf); this holds where a reader gets past that.
"""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from threading import BoundedSemaphore

from permissions.errors import TooOften

MOST_S = 300.0
THREADS = int(os.environ.get("CAIRN_THREADS") or 4)  # as deploy/gunicorn.conf.py
_free = BoundedSemaphore(max(1, THREADS // 2))


class Busy(TooOften):
    code = "busy"
    detail = "As many whole lists as possible are being sent now. Try again in a minute, or page."


class Stream:
    """The lines of an answer. Django calls `close` at its end, however it ends.

    Raises Busy when it is made and TimeoutError when it lasts too long: the connection is then cut
    before the last chunk, so that the reader sees that something is missing.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        if not _free.acquire(blocking=False):
            raise Busy(wait=timedelta(minutes=1))
        self._lines, self._open = lines, True
        self._ends = time.monotonic() + MOST_S

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if time.monotonic() > self._ends:
            raise TimeoutError
        try:
            return next(self._lines)
        except BaseException:  # its end, too
            self.close()
            raise

    def close(self) -> None:
        """Let another begin. Twice is safe."""
        if self._open:
            self._open = False
            _free.release()

    def __del__(self) -> None:
        """One that no one read or closed must not keep its place."""
        if getattr(self, "_open", False):
            self.close()
