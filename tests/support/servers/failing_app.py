"""The application as gunicorn serves it, with extra addresses that fail as none of ours should.

It is for a server of one test: only a real fault shows what the server writes about faults.
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
