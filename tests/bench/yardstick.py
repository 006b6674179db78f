"""How fast this machine is: one known piece of work, measured in each round as all else is.

The targets in CPU milliseconds (tests/bench/directory.py) were set on a machine where a hello by
gunicorn's sync worker took HELLO_MS: on another one they mean as many hellos.
"""

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
    """A hello on a server of its own, and what it took: CPU milliseconds, one figure a round."""

    def __init__(self, served: serve.Served) -> None:
        self._served = served
        self.taken: list[float] = []
        self.measure()
        self.taken.clear()  # that was to warm up

    def measure(self) -> None:
        """REQUESTS hellos, one after the other."""
        workers = self._served.workers()
        request = serve.request("GET", "/", {})
        before = serve.cpu_of(workers)
        for _ in range(REQUESTS):
            with closing(Line(self._served.port)) as line:  # a sync worker keeps no connection
                line.ask(request)
        self.taken.append(serve.used(before, serve.cpu_of(workers)) * 1000 / REQUESTS)
