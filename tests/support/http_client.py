"""Django's test client, all of them behind one handler: its middleware is loaded once, not anew."""

from functools import cache
from typing import Any

from django.test import Client
from django.test.client import ClientHandler


@cache
def _handler(enforce_csrf_checks: bool) -> ClientHandler:
    handler = ClientHandler(enforce_csrf_checks)
    handler.load_middleware()  # it looks at each static file: 50 ms, more than a request takes
    return handler


class HttpClient(Client):
    """A fault is answered as in production (500), not raised in the test."""

    def __init__(self, *, enforce_csrf_checks: bool = False, **defaults: Any) -> None:
        super().__init__(raise_request_exception=False, **defaults)
        self.handler = _handler(enforce_csrf_checks)
