"""A guesser: wrong passwords for one name from many addresses, and how many of them are tried.

A try costs a run of scrypt; what the brake refuses costs none. Runs are counted at the library that
computes them, and it computes them.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import Pages, sign_in
from tests.support.people.passkeys import Passkey, sign_in_by

HOME = "198.51.100.7"


class Runs:
    """How often a password was hashed."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def hash_runs() -> Iterator[Runs]:
    runs, scrypt = Runs(), hashlib.scrypt

    def counted(*args: Any, **kwargs: Any) -> bytes:
        runs.count += 1
        return scrypt(*args, **kwargs)

    with patch.object(hashlib, "scrypt", counted):
        yield runs


def address(number: int) -> str:
    """Each in a network of its own."""
    return f"203.{number // 250}.{number % 250}.7"


def post(username: str, password: str, of: str) -> Any:
    """One guess, as a script sends it: no page is read first."""
    return HttpClient(REMOTE_ADDR=of).post(
        "/accounts/login", {"login": username, "password": password}
    )


def guess(username: str, guesses: int, addresses: int, begin: int = 0) -> tuple[int, Counter[int]]:
    """Guess so often, from so many addresses in turn. Returns how many guesses were tried, and how
    often each status was answered."""
    answers: Counter[int] = Counter()
    with hash_runs() as runs:
        for number in range(begin, begin + guesses):
            name = username.upper() if number % 2 else username
            answer = post(name, f"guess number {number}", address(number % addresses))
            answers[answer.status_code] += 1
    return runs.count, answers


def known_device(own: dict[str, Any]) -> str:
    """The cookie of the computer on which they sign in."""
    pages = Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR=HOME))
    assert sign_in(pages, own).request["PATH_INFO"] == "/desk/"
    return str(pages.http.cookies[settings.DEVICE_COOKIE_NAME].value)


def owner_gets_in(own: dict[str, Any], device: str, passkey: Passkey) -> None:
    """By password and code on their own computer, and by their passkey on any."""
    cache.clear()  # the code is good once more
    pages = Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR=HOME))
    pages.http.cookies[settings.DEVICE_COOKIE_NAME] = device
    assert sign_in(pages, own).request["PATH_INFO"] == "/desk/", "the known computer"
    pages = Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR="192.0.2.9"))
    assert sign_in_by(pages, passkey).request["PATH_INFO"] == "/desk/", "the passkey"


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements on every connection, in order of the connections, without their values."""
    found: list[str] = []
    captured = [CaptureQueriesContext(connections[alias]) for alias in connections]
    for one in captured:
        one.__enter__()
    try:
        yield found
    finally:
        for one in captured:
            one.__exit__(None, None, None)
            found += [re.sub(r"'[^']*'", "?", query["sql"]) for query in one.captured_queries]
