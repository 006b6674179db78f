"""Django's test client. All clients share one handler, so that its middleware is loaded once."""

from functools import cache
from typing import Any
from weakref import WeakSet

from django.test import Client
from django.test.client import ClientHandler


@cache
def _handler(enforce_csrf_checks: bool) -> ClientHandler:
    handler = ClientHandler(enforce_csrf_checks)
    handler.load_middleware()  # it looks at each static file: 50 ms, more than a request takes
    return handler


def load_again() -> None:
    """Clients made from here on have the middleware that the settings name now."""
    _handler.cache_clear()


class HttpClient(Client):
    """A fault is answered as in production (500), not raised in the test."""

    def __init__(self, *, enforce_csrf_checks: bool = False, **defaults: Any) -> None:
        super().__init__(raise_request_exception=False, **defaults)
        self.handler = _handler(enforce_csrf_checks)

    def request(self, **request: Any) -> Any:
        answer = super().request(**request)
        if answer.streaming:
            _streams.add(answer)
        return answer


def close_streams() -> None:
    """What a test did not read to its end gives its place back, as when a connection ends."""
    for one in list(_streams):
        one.close()
    _streams.clear()


_streams: WeakSet[Any] = WeakSet()
