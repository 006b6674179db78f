"""Waiting for what must come: on a loaded machine too, and without taking a processor from it."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

SOON = 120.0  # seconds that a test waits for what must come
PAUSE_S = 0.02
Found = TypeVar("Found")


def until(so: Callable[[], Found], what: str = "it", seconds: float = SOON) -> Found:
    """Ask again and again until the answer is true, and return it. Raises TimeoutError: a failure
    of time, which tests/support/ground/again.py tries again."""
    ends = time.monotonic() + seconds
    while not (found := so()):
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
        time.sleep(PAUSE_S)
    return found


@contextmanager
def ended(*processes: "subprocess.Popen[Any]") -> Iterator[None]:
    """Whatever happens in the block, none of these runs after it: else it would go on in the tests
    to come."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process that a test has started, and wait for its end; twice is safe."""
    process.terminate()
    try:
        process.wait(SOON)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
