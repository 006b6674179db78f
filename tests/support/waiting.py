"""Waiting for what must come."""

import threading
from collections.abc import Callable

SOON = 30.0  # seconds that a test waits for what must come


def until(so: Callable[[], bool]) -> None:
    """Wait for what must come."""
    pause = threading.Event()
    for _ in range(int(SOON * 10)):
        if so():
            return
        pause.wait(0.1)
    raise AssertionError("it did not come")
