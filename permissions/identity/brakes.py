"""Limits on what a caller may do again and again, counted in the database for all processes.

The counter's key is a hash of what and who under the server's secret. The database, and a backup of
it, hold a number without a name, and not for longer than the period. docs/guides/limits.md lists
every limit.
"""

import hmac
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connections

from permissions.errors import TooOften
from permissions.keys.derived_keys import derived_key


class Limit(NamedTuple):
    """At most `most` times within `period`, which begins with the first time."""

    what: str
    most: int
    period: timedelta


def require_turn(limit: Limit, *who: object, using: str = "default") -> None:
    """Count once more for `who`, in the caller's transaction. Raises TooOften."""
    wait = _wait(limit, who, using)
    if wait is not None:
        raise TooOften(wait=wait)


def has_turn(limit: Limit, *who: object, using: str = "default") -> bool:
    """Count once more for `who`, in the caller's transaction; return whether it is within the
    limit."""
    return _wait(limit, who, using) is None


def give_back(limit: Limit, *who: object, using: str = "default") -> None:
    """Take one time back, of what counts only where it fails."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT sec.give_turn_back(%s)", [_counter(limit, who)])


def _wait(limit: Limit, who: tuple[object, ...], using: str) -> timedelta | None:
    counted: list[Any] = [_counter(limit, who), limit.most, limit.period]
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT sec.wait_for_turn(%s, %s, %s)", counted)
        row = cursor.fetchone()
    wait: timedelta | None = row[0] if row else None
    return wait


def _counter(limit: Limit, who: tuple[object, ...]) -> bytes:
    told = "\0".join(["limit", limit.what, *map(str, who)])
    return hmac.digest(derived_key("limits"), told.encode(), "sha256")
