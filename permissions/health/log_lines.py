"""Where log lines go, so that no line that cannot be written stops what it is about.

A full disk raises an error at each write, and a reader that hangs (journald, a container's log)
lets a write wait for ever. Within a server, lines are handed to a thread of their own that writes
them; while that waits, some are kept, and the others are dropped and counted
(`cairn_log_lines_dropped_total`, and a line when one can be written again).
"""

import atexit
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import TextIO

MOST = 2000  # lines that wait for the thread
ENDS_WITHIN_S = 2.0  # for how long the end of a process waits until they are written


class LogLines:
    """Writes to `stream`, as a file; nothing that it does raises or, once `begin` was called,
    waits. `told` gets the number of lines that were dropped, and returns the line that says so."""

    def __init__(self, stream: TextIO, told: Callable[[int], str], most: int = MOST) -> None:
        self.of, self._told = stream, told
        self._waiting: queue.Queue[str | None] = queue.Queue(most)
        self._thread: threading.Thread | None = None
        self._lost = 0  # since the last line that was written
        self.dropped = 0  # in all
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Write in a thread from now on. Twice is safe."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log-lines", daemon=True)
                self._thread.start()
                atexit.register(self.end)

    def end(self) -> None:
        """Let the lines that wait be written, for ENDS_WITHIN_S at most."""
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                self._waiting.put(None, timeout=ENDS_WITHIN_S)
            except queue.Full:
                return
            thread.join(ENDS_WITHIN_S)

    def write(self, text: str) -> int:
        """Write the text, or drop it. Returns its length."""
        if self._thread is None:
            self._write(text)
        else:
            try:
                self._waiting.put_nowait(text)
            except queue.Full:
                self._drop()
        return len(text)

    def flush(self) -> None:
        """Each line is written at once."""

    def fileno(self) -> int:
        """Of the stream."""
        return self.of.fileno()

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            self._write(text)

    def _write(self, text: str) -> None:
        lost = self._lost
        try:
            if lost:
                text = f"{self._told(lost)}\n{text}"
            if self._thread is None:
                self.of.write(text)
                self.of.flush()
            else:  # past the stream's own buffer: what failed would be tried again with the next
                left = text.encode(errors="replace")
                while left:
                    left = left[os.write(self.of.fileno(), left) :]
        except (OSError, ValueError):  # ValueError: the stream is closed
            self._drop()
        else:
            with self._lock:
                self._lost -= lost

    def _drop(self) -> None:
        with self._lock:
            self._lost += 1
            self.dropped += 1


_of_process: LogLines | None = None


def open_process(told: Callable[[int], str]) -> LogLines:
    """Let the lines of this process go to its standard error, as it is now. `told` as in LogLines.
    Twice is safe: it goes on counting."""
    global _of_process
    before = _of_process
    if before is None or before.of is not sys.stderr:
        _of_process = LogLines(sys.stderr, told)
        _of_process.dropped = before.dropped if before else 0
    return of_process()


def of_process() -> LogLines:
    """Where the lines of this process go; its standard error, where no one has said otherwise."""
    return _of_process or open_process(str)


def never_wait() -> None:
    """Let no line of this process be waited for, as a server must not. Twice is safe."""
    of_process().begin()
