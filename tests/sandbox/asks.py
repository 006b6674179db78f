"""How a partner's program asks the sandbox."""

from typing import Any

from tests.support.ground.http_client import HttpClient

JSON = "application/json"


def ask(path: str, body: Any = None) -> Any:
    """Post JSON to /demo/`path`."""
    return HttpClient().post(f"/demo/{path}", {} if body is None else body, content_type=JSON)


def ahead() -> str:
    return str(HttpClient().get("/demo/clock").json()["ahead"])
