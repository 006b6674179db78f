"""The webhooks that the demo received itself: the last ones, in a file, and what a receiver would
find of each signature."""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections

from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from referrals.webhooks import outbox, signatures

FILE = "demo-webhooks.jsonl"
MOST = 50
LONGEST, LONGEST_PATH = 4000, 100  # characters of a body, and of an address, that are kept
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
VALID, INVALID, UNKNOWN = "valid", "invalid", "unknown"


class Received(NamedTuple):
    """One message as it came. Of one to an address that no agency registered nothing is kept but
    the time: anyone could write there."""

    at: str
    path: str
    verdict: str  # valid, invalid, unknown
    agency: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


def take(path: str, headers: Mapping[str, str], content: bytes) -> str:
    """Check a message as docs/guides/sandbox.md tells a receiver to, and keep it. Returns the
    verdict."""
    verdict, agency = _verdict(path, headers, content)
    one = Received(database_now(JOBS).isoformat(timespec="seconds"), path[:LONGEST_PATH], verdict)
    if agency:
        kept = tuple((name, headers[name][:LONGEST]) for name in HEADERS if name in headers)
        one = one._replace(agency=agency, headers=kept, body=_printed(content)[:LONGEST])
    with _opened(fcntl.LOCK_EX) as file:
        lines = [*_lines(file)[-(MOST - 1) :], json.dumps(one)]
        file.truncate(0)
        file.write("".join(f"{line}\n" for line in lines))
    return verdict


def newest() -> list[Received]:
    """Return what was received, newest first."""
    with _opened(fcntl.LOCK_SH) as file:
        lines = _lines(file)
    found = []
    for line in reversed(lines):
        try:
            found.append(Received(*json.loads(line)))
        except (ValueError, TypeError):  # torn by a kill
            continue
    return found


def forget() -> None:
    """Forget all of it. Twice is safe."""
    with _opened(fcntl.LOCK_EX) as file:
        file.truncate(0)


def _verdict(path: str, headers: Mapping[str, str], content: bytes) -> tuple[str, str]:
    """Return the verdict, and which agency's webhook it is: the one whose secret signed it."""
    agency, now_s = "", time.time()
    for endpoint_id, name in _endpoints(path):
        secrets = outbox.secrets_of(endpoint_id)
        if any(signatures.verify(secret, headers, content, now_s) for secret in secrets):
            return VALID, name
        agency = agency or name
    return (INVALID if agency else UNKNOWN), agency


def _endpoints(path: str) -> list[tuple[Any, str]]:
    here = urlsplit(settings.BASE_URL)
    urls = [
        f"{here.scheme}://{host}{f':{here.port}' if here.port else ''}{path}"
        for host in ("127.0.0.1", "localhost")
    ]
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT e.id, a.name FROM webhook_endpoint e"
            " JOIN permissions_agency a ON a.id = e.agency_id"
            " WHERE e.url = ANY (%s) AND e.removed_at IS NULL ORDER BY e.created_at, e.id",
            [urls],
        )
        return list(cursor.fetchall())


def _printed(content: bytes) -> str:
    text = content.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


@contextmanager
def _opened(lock: int) -> Iterator[IO[str]]:
    def private(path: str, flags: int) -> int:
        return os.open(path, flags, 0o600)

    with open(settings.HOME / FILE, "a+", opener=private) as file:
        fcntl.flock(file, lock)
        yield file


def _lines(file: IO[str]) -> list[str]:
    file.seek(0)
    return file.read().splitlines()
