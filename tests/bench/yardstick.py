"""How fast this machine is: one known piece of work, measured in the same run as all else.

The targets in CPU milliseconds were set on a machine where a "hello" by gunicorn's sync worker took
HELLO_MS (beside another server's figures for the directory, tests/bench/directory.py). On another
machine they mean that many times what a hello takes there.
"""

import statistics
from collections.abc import Callable, Iterable
from contextlib import closing

from tests.bench import serve
from tests.bench.serve import Line

HELLO_MS = 0.196
REQUESTS = 1000

Environ = dict[str, object]


def application(environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
    """WSGI."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


class Yardstick:
    """A hello on a server of its own: `measure` in each round, `slowness` at the end."""

    def __init__(self, served: serve.Served) -> None:
        self._served = served
        self._taken: list[float] = []
        self.measure()
        self._taken.clear()  # that was to warm up

    def measure(self) -> None:
        workers = self._served.workers()
        request = serve.request("GET", "/", {})
        before = serve.cpu_of(workers)
        for _ in range(REQUESTS):
            with closing(Line(self._served.port)) as line:  # a sync worker keeps no connection
                line.ask(request)
        self._taken.append(serve.used(before, serve.cpu_of(workers)) * 1000 / REQUESTS)

    @property
    def hello_ms(self) -> float:
        """CPU milliseconds of the worker, the median of the rounds."""
        return statistics.median(self._taken)
