"""A caller over a real connection, whose answers are compared to the byte and timed."""

import gc
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from tests.support.people.desk_pages import at_the_desk
from tests.support.proofs.routes import OWN_TO_EACH_ANSWER

EXPIRES = re.compile(r"(?<=expires=)[^;]+")  # of a session, which each request prolongs
# Another one each time: the token of a form, the cursor of a page.
RANDOM = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"|"next":"([^"]+)"')


class Timed(NamedTuple):
    """One answer but for what differs between any two, and how long it took, in microseconds."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    took: float

    def said_of(self, referral_id: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """The answer with `{id}` for the id that was asked for: a page may lead back to it."""
        headers = [(name, text.replace(referral_id, "{id}")) for name, text in self.headers]
        return self.status, headers, self.body.replace(referral_id.encode(), b"{id}")


class TimedCaller:
    """One connection that stays open, so that each request goes the same way."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._open = HTTPConnection(urlsplit(base_url).netloc, timeout=30)
        self.headers = dict(headers)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> Timed:
        """`more`: headers of this request alone."""
        sent = {**self.headers, **more}
        began = time.perf_counter_ns()
        self._open.request(method, path, body, sent)
        answer = self._open.getresponse()
        content = answer.read()
        took = (time.perf_counter_ns() - began) / 1000
        left_out = {*OWN_TO_EACH_ANSWER, "Connection"}  # a process ends after some thousands
        kept = [
            one
            for one in answer.getheaders()
            if one[0] not in left_out and not self._is_sent_back(*one)
        ]
        headers = sorted((name, EXPIRES.sub("", text)) for name, text in kept)
        return Timed(answer.status, headers, RANDOM.sub(_without_it, content), took)

    def _is_sent_back(self, name: str, text: str) -> bool:
        """Whether a header only repeats a cookie of the caller's: as the session's does, when its
        last use is noted, once in a while whatever is asked."""
        sent = self.headers.get("Cookie", "").split("; ")
        return name == "Set-Cookie" and text.partition(";")[0] in sent

    def close(self) -> None:
        self._open.close()


@contextmanager
def without_collection() -> Iterator[None]:
    """No pause of this process's own falls into a time."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def by_token(base_url: str, caller: Any) -> TimedCaller:
    return TimedCaller(base_url, caller.headers({"Content-Type": "application/json"}))


def signed_in(base_url: str, who: str) -> TimedCaller:
    """A browser whose forms carry their token, so that what they post is looked at."""
    cookies = {name: one.value for name, one in at_the_desk(who).http.cookies.items()}
    found = TimedCaller(base_url, {"Cookie": _joined(cookies)})
    page = found.ask("GET", "/desk/channels")
    assert page.status == 200, page.status
    for name, text in page.headers:
        key, _, value = text.partition(";")[0].partition("=")
        if name == "Set-Cookie" and key == settings.CSRF_COOKIE_NAME:
            cookies[key] = value
    found.headers = {"Cookie": _joined(cookies), "X-CSRFToken": cookies[settings.CSRF_COOKIE_NAME]}
    found.headers["Content-Type"] = "application/x-www-form-urlencoded"
    return found


def _without_it(found: re.Match[bytes]) -> bytes:
    """What is random, by its length."""
    it = found[1] or found[2]
    return found[0].replace(it, b"-" * len(it))


def _joined(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())
