"""The web server that the smoke test asks: the one that runs on this machine, or the same
application served by this process alone, for a restored copy or where none runs yet."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

import requests
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

TIMEOUT_S = 35


class Web:
    """Asks as one who came through nginx: by the name of the server, over https."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._http = requests.Session()
        self._http.trust_env = False  # no proxy between this process and its own machine
        ours = urlsplit(settings.BASE_URL)
        self._headers = {"Host": ours.netloc, "X-Forwarded-Proto": ours.scheme}
        if settings.PROXIES:
            self._headers["X-Forwarded-For"] = ", ".join(["127.0.0.1"] * settings.PROXIES)

    def ask(self, method: str, path: str, body: Any = None, secret: str = "") -> requests.Response:
        """Send one request, with the credential of this `secret`. Raises
        requests.RequestException."""
        allowed = {"Authorization": f"Bearer {secret}"} if secret else {}
        return self._http.request(
            method,
            self.address + path,
            json=body,
            headers=self._headers | allowed,
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Write nothing: Cairn writes its own line."""


@contextmanager
def of_this_process() -> Iterator[str]:
    """Serve Cairn on a free port of this machine until the end; gives its address."""
    with make_server("127.0.0.1", 0, WSGIHandler(), handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
