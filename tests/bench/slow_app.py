"""The application as it is served, and `/waits/<milliseconds>`, `/much` and `/reads`, which no
release has: to see what a server does with what is in progress and with slow clients."""

import time
from collections.abc import Iterable
from typing import Any

from api.wsgi import application as ours

MUCH = b"x" * 1024


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if connection := environ.get("gunicorn.socket"):
        from api.http.middleware import SOCKET_S  # once Django is set up

        connection.settimeout(SOCKET_S)  # as for every address of ours
    if path.startswith("/waits/"):
        time.sleep(int(path.removeprefix("/waits/")) / 1000)
    elif path == "/much":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (MUCH * 64 for _ in range(512))  # 32 MiB: more than the kernel keeps
    elif path != "/reads":
        return ours(environ, start_response)
    else:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"done\n"]
