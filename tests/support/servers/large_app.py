"""An application that answers with much, as a large directory would, and that waits for bodies."""

from collections.abc import Iterable
from typing import Any

LINE = b"x" * 1023 + b"\n"
LINES = 16_000  # more than nginx and the kernel keep of an answer in memory


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] == "POST":
        environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if "format=ndjson" in environ["QUERY_STRING"]:
        return (LINE * 100 for _ in range(LINES // 100))
    return [b"here\n"]
