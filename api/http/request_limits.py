"""How many requests a caller, and a network of unknown callers, may make of one process.

nginx limits by address, and only some paths. This holds behind it and without it, for all of the
API and the desk. It is counted in memory, so it costs no statement and no row, and writes no one's
address: what one process answers is a share of what the server does. A caller who was identified
within the last minutes is counted alone, so that no stranger behind the same address keeps them
out. A request that is refused for its credential counts as ten.

An answer of the API says the limit, and a known caller how much of it is left, in the headers
`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). How much of a network
is left is said to no one: it would tell a neighbor that someone else is using Cairn (R3, ADR 0112).

docs/guides/limits.md lists the numbers.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from permissions.audit.writer import address_prefix
from permissions.errors import TooOften
from permissions.principal import Principal

BURST_S = 10  # a caller who was quiet may do the requests of so many seconds at once
REFUSED_COSTS = 10  # a request with a credential that is none counts as so many
KNOWN_S = 600.0  # for how long a credential that was good is counted as its caller
MOST = 20_000  # callers and networks that are kept; the longest unused are forgotten


class TooMany(TooOften):
    """More requests than a caller or a network may make. It is counted in a figure, not in the
    log: an entry for each would be what the limit keeps off."""

    code = "too_many_requests"
    detail = "Too many requests. Nothing was done: wait as Retry-After says, then repeat."


class Buckets:
    """Token buckets by key. Threads may share one."""

    def __init__(self) -> None:
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable, per_s: float, cost: float = 1) -> float:
        """Take `cost` of what flows in at `per_s` a second, up to BURST_S seconds of it. Returns 0,
        or the seconds until there is enough; then nothing was taken."""
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.pop(key, (per_s * BURST_S, now))
            level = min(per_s * BURST_S, level + (now - at) * per_s)
            wait_s = max(0.0, (cost - level) / per_s)
            self._levels[key] = (level if wait_s else level - cost, now)
            if len(self._levels) > MOST:
                self._levels.popitem(last=False)
        return wait_s

    def spend(self, key: Hashable, per_s: float, cost: float) -> None:
        """Take `cost`, even where there is less: the level may fall below zero, by as much as it
        may rise above."""
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.pop(key, (per_s * BURST_S, now))
            level = min(per_s * BURST_S, level + (now - at) * per_s) - cost
            self._levels[key] = (max(level, -per_s * BURST_S), now)

    def left(self, key: Hashable, per_s: float) -> float:
        """Return how much there is, which may be below zero. Nothing is taken."""
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.get(key, (per_s * BURST_S, now))
        return min(per_s * BURST_S, level + (now - at) * per_s)


_buckets = Buckets()
_known: OrderedDict[bytes, tuple[str, float]] = OrderedDict()  # a credential's hash → its caller
_learning = threading.Lock()


def forget() -> None:
    """Begin as a process that has answered nothing."""
    global _buckets
    _buckets = Buckets()
    _known.clear()


@dataclass(frozen=True, slots=True)
class Turn:
    """A request's place in a bucket of `per_s` a second; 0: there is no limit. `policy`: `caller`
    or `network`."""

    policy: str
    key: Hashable
    per_s: float

    def take(self) -> None:
        """Count the request. Raises TooMany."""
        if self.per_s and (wait_s := _buckets.take(self.key, self.per_s)):
            raise TooMany(wait=timedelta(seconds=wait_s))

    def announce(self, answer: HttpResponse) -> None:
        """Say in the answer's headers what the limit is, and a known caller what is left of it."""
        if not self.per_s:
            return
        most = self.per_s * BURST_S
        answer["RateLimit-Policy"] = f'"{self.policy}";q={int(most)};w={BURST_S}'
        if self.policy == CALLER:
            left = _buckets.left(self.key, self.per_s)
            full_s = math.ceil((most - left) / self.per_s)
            answer["RateLimit"] = f'"{self.policy}";r={max(0, int(left))};t={full_s}'


CALLER = "caller"


def turn_of(request: HttpRequest) -> Turn:
    """Return the turn of the request's caller, or of its network."""
    caller, network = _caller_of(request), _network_of(request)
    if caller is not None:
        # From this network: with a token that was stolen, no one keeps its system out.
        return Turn(CALLER, (CALLER, caller, network), settings.REQUESTS_OF_CALLER)
    return Turn("network", network, settings.REQUESTS_OF_NETWORK)


def learn(request: HttpRequest, principal: Principal | None, status: int) -> None:
    """Remember whose the request's credential is, or count more for one that is none."""
    if principal is not None:
        if (credential := _credential_of(request)) is None:
            return
        who = str(principal.client_id or principal.person_id or principal.member_id)
        with _learning:
            _known.pop(credential, None)
            _known[credential] = who, time.monotonic() + KNOWN_S
            if len(_known) > MOST:
                _known.popitem(last=False)
    elif status == 401 and settings.REQUESTS_OF_NETWORK:
        _buckets.spend(_network_of(request), settings.REQUESTS_OF_NETWORK, REFUSED_COSTS - 1)
        if (credential := _credential_of(request)) is not None:
            _known.pop(credential, None)


def _caller_of(request: HttpRequest) -> str | None:
    credential = _credential_of(request)
    found = _known.get(credential) if credential is not None else None
    if found is None or found[1] < time.monotonic():
        return None
    return found[0]


def _network_of(request: HttpRequest) -> tuple[str, str | None]:
    return "network", address_prefix(request.META["REMOTE_ADDR"])


def _credential_of(request: HttpRequest) -> bytes | None:
    """A hash of what the request bears: its token, or the cookie of its session."""
    given = request.META.get("HTTP_AUTHORIZATION") or request.COOKIES.get(
        settings.SESSION_COOKIE_NAME
    )
    return sha256(given.encode("utf-8", "surrogateescape")).digest() if given else None
