"""What can go wrong. No error repeats anything that was sent, so each of them may be logged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class CairnError(Exception):
    """Any error of this package. `key`: the Idempotency-Key of the request, if it had one; with the
    same key and body it can be sent again without being done twice."""

    key: str | None = None


class Unreachable(CairnError):
    """No answer came, after all tries. What was asked may have been done."""


class TokenRefused(CairnError):
    """The server gave no token. `error`: its code (RFC 6749 section 5.2)."""

    def __init__(self, error: str, description: str = "") -> None:
        self.error = error
        hint = _HINTS.get(error, "See the description of /oauth/token in the contract.")
        super().__init__(" ".join(filter(None, [f"No token: {error}.", description, hint])))


_HINTS = {
    "invalid_client": "The server does not accept this system's signature or claims. Compare the"
    " client ID, the key, the server's address and the clock. The administrator of your agency"
    " reads the reason on the page Partner systems.",
    "invalid_scope": "The system asks for a scope that your agency did not give it.",
}


@dataclass(frozen=True)
class Fault:
    """One fault of a request: its place in the body (RFC 6901), or its query parameter."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Problem(CairnError):
    """The server refused (RFC 9457). Decide by `code`, which is stable; `detail` is for people."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.status = status
        self.code = str(body.get("code") or f"http_{status}")
        self.detail = str(body.get("detail") or "The server gave no reason.")
        self.pointer: str | None = body.get("pointer")
        self.current_state: str | None = body.get("current_state")
        self.errors = [_fault(one) for one in body.get("errors") or ()]
        self.safety_lines: list[dict[str, str]] = list(body.get("safety_lines") or ())
        self.request_id = headers.get("X-Request-Id")  # by which the server's people find it
        self.retry_after = headers.get("Retry-After")
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        faults = [f"{one.pointer or one.parameter}: {one.detail}" for one in self.errors]
        return " ".join([f"{self.status} {self.code}: {self.detail}", *faults])


def _fault(said: Mapping[str, Any]) -> Fault:
    pointer, parameter = said.get("pointer"), said.get("parameter")
    return Fault(str(said.get("code")), str(said.get("detail")), pointer, parameter)
