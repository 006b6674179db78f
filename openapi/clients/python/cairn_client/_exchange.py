"""One request and what it may take: a token, tries, waits. It does no input or output itself: it
yields steps, which both clients take, so that they do the same."""

import random
import re
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

import httpx2

from cairn_client.errors import CairnError, Problem, TokenRefused, Unreachable
from cairn_client.keys import PrivateKey

LOCAL = ("127.0.0.1", "localhost", "::1")
# A token is renewed so many seconds before it ends.
EARLY_S = 20
# Writes that make or send something each time (`x-repeat: keyed` in the contract), by their paths.
_KEYED = re.compile(
    r"/v1/(?:referrals|call-records|exports|webhooks|access-log/opt-ins"
    r"|channels/[^/]+/(?:code|ring)|webhooks/[^/]+/(?:ping|replay|rotate)"
    r"|referrals/[^/]+/(?:add_note|call_me|handoff_failed|put_notice_release|put_release"
    r"|put_return_release|record_attempt|record_disclosure|record_report|record_rights"
    r"|same_person_as|set_external_ref))"
)
# Each request counts (`x-repeat: counted`): what may have arrived is not sent again.
_COUNTED = "/v1/agreement-tally"
# These were never sent.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def takes_key(method: str, path: str) -> bool:
    """Whether this request takes an Idempotency-Key, without which a repeat does it twice."""
    return method == "POST" and _KEYED.fullmatch(path) is not None


class Document(dict[str, Any]):
    """The JSON of an answer. `etag`: for `if_match`. `replayed`: the key was used before, and
    nothing new was made. `pause_s`: when to ask again, if the server said so."""

    etag: str | None = None
    replayed = False
    request_id: str | None = None
    pause_s: float | None = None


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any = None
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None  # of idempotency


class Send(NamedTuple):
    """Send it; what is sent back is the response, or the error that came instead."""

    method: str
    url: str
    options: dict[str, Any]


class Wait(NamedTuple):
    seconds: float


class NeedToken(NamedTuple):
    """Get a token by `Exchange.token`, one at a time. `refused`: one that is no longer good."""

    refused: str | None


T = TypeVar("T")
Steps = Generator[Send | Wait | NeedToken, Any, T]


class Exchange:
    """One server, one system of an agency, and the token that it has just now."""

    def __init__(
        self,
        base_url: str,
        client_id: str | None,
        key: PrivateKey | None,
        *,
        scopes: Iterable[str],
        tries: int,
        longest_wait_s: float,
    ) -> None:
        url = httpx2.URL(base_url)
        if url.scheme != "https" and not (url.scheme == "http" and url.host in LOCAL):
            raise ValueError("The server's address begins with https://.")
        if (client_id is None) != (key is None):
            raise ValueError("A client ID and a key belong together.")
        self.base_url = base_url.rstrip("/")
        self.client_id, self.key = client_id, key
        self.scopes = " ".join(scopes)
        self.tries, self.longest_wait_s = tries, longest_wait_s
        self._token, self._good_until = "", 0.0

    def token(self, refused: str | None) -> Steps[str]:
        """Return a good token: the one at hand, or a new one."""
        if self._token and self._token != refused and time.monotonic() < self._good_until:
            return self._token
        url = f"{self.base_url}/oauth/token"
        asked_at = time.monotonic()
        answer = yield from self._tried(lambda: Send("POST", url, {"data": self._form(url)}))
        said = _json_of(answer)
        if answer.status_code in (400, 401) and "error" in said:
            raise TokenRefused(str(said["error"]), str(said.get("error_description", "")))
        if answer.status_code != 200:
            raise Problem(answer.status_code, said, answer.headers)
        self._token = str(said["access_token"])
        self._good_until = asked_at + float(said["expires_in"]) - EARLY_S
        return self._token

    def _form(self, url: str) -> dict[str, str]:
        assert self.key is not None
        assert self.client_id is not None
        form = self.key.form(self.client_id, url)
        return form | ({"scope": self.scopes} if self.scopes else {})

    def answer(self, request: Request) -> Steps[Document]:
        """Return the answer to a request. Raises CairnError."""
        refused: str | None = None
        try:
            while True:
                token = (yield NeedToken(refused)) if self.key else None
                got = yield from self._tried(
                    partial(self._sent, request, token), again=request.path != _COUNTED
                )
                if got.status_code != 401 or token is None or refused is not None:
                    return _document(got)
                refused = token  # it ended early: nothing was done
        except CairnError as error:
            error.key = request.key
            raise

    def _sent(self, request: Request, token: str | None) -> Send:
        headers = {"Accept": "application/json", **request.headers}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if request.key:
            headers["Idempotency-Key"] = request.key
        options = {"headers": headers, "params": request.params or None}
        if request.body is not None:
            options["json"] = request.body
        return Send(request.method, self.base_url + request.path, options)

    def _tried(self, make: Callable[[], Send], *, again: bool = True) -> Steps[httpx2.Response]:
        """Send until an answer is final. Raises Unreachable. `again`: whether what may have arrived
        may be sent once more."""
        for attempt in range(1, self.tries + 1):
            got: httpx2.Response | httpx2.TransportError = yield make()
            pause = _pause_s(got, attempt, again)
            if pause is None or pause > self.longest_wait_s or attempt == self.tries:
                break
            yield Wait(pause)
        if isinstance(got, httpx2.TransportError):
            raise Unreachable(f"No answer came ({type(got).__name__}).") from got
        return got


def _pause_s(
    got: httpx2.Response | httpx2.TransportError, attempt: int, again: bool
) -> float | None:
    """Return the seconds until another try; None if there is to be none."""
    backoff = float(random.uniform(0.5, 1) * 2 ** (attempt - 1) / 2)
    if isinstance(got, httpx2.TransportError):
        return backoff if again or isinstance(got, _NOT_SENT) else None
    if got.status_code == 429 or (got.status_code == 503 and again):
        return retry_after_s(got.headers, backoff)
    if got.status_code == 409 and _json_of(got).get("code") == "in_flight":
        return retry_after_s(got.headers, backoff)
    return backoff if got.status_code in (502, 504) and again else None


def retry_after_s(headers: Mapping[str, str], otherwise: float) -> float:
    """Return the seconds of a Retry-After: a number or a date (RFC 9110 section 10.2.3)."""
    said = headers.get("Retry-After", "")
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return otherwise


def _json_of(answer: httpx2.Response) -> dict[str, Any]:
    """Return the object of an answer, or an empty one: a proxy's page has none."""
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _document(answer: httpx2.Response) -> Document:
    if not answer.is_success:
        raise Problem(answer.status_code, _json_of(answer), answer.headers)
    made = Document(answer.json() if answer.content else {})
    made.etag = answer.headers.get("ETag")
    made.replayed = answer.headers.get("Idempotency-Replayed") == "true"
    made.request_id = answer.headers.get("X-Request-Id")
    if "Retry-After" in answer.headers:
        made.pause_s = retry_after_s(answer.headers, 0)
    return made
