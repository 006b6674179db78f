"""The application as gunicorn serves it, and beside it what fails as no address of ours should.

For a server of a test's own: what it writes of a fault is seen only where there is one.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from api.wsgi import application as ours


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    match environ["PATH_INFO"]:
        case "/breaks-off":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return _breaking_off(environ["QUERY_STRING"])
        case "/fails":
            raise ValueError(environ["QUERY_STRING"])
        case _:
            return ours(environ, start_response)


def _breaking_off(said: str) -> Iterator[bytes]:
    yield b"the first part\n"
    raise ValueError(said)
