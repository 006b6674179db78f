"""Which database answers a read of the public directory: a standby while it is near enough.

Only callers without a credential read there: who signed in may have just written, or may see the
network's confidential entries, and reads from the primary. Nothing is written here, and nothing of
referrals or the access log is ever read from a standby (ADR 0104).

How near a standby is, is measured by position, not by its clock: the primary's position in its log
is noted once a second, and a standby that has replayed one which was noted at most REPLICA_LAG_S
seconds ago lacks nothing older. So an idle primary makes no standby look late, and one that was cut
off does not look up to date.
"""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connections

from permissions.database.aliases import REPLICA
from permissions.database.db_identity import identified_transaction
from permissions.principal import Principal

SAMPLE_S = 1.0  # between two looks at the primary's position
AWAY_S = 5.0  # a standby that did not answer is not asked again for so long
# The time from a change's own date to its commit, at most: what a statement of an import may take.
MOST_TO_COMMIT = timedelta(seconds=60)
STANDBY, PRIMARY, BEHIND, AWAY = "standby", "primary", "primary_behind", "primary_away"

T = TypeVar("T")
Ask = Callable[[str, datetime], T]  # the alias to ask, and the database's clock → what is read


class Read(NamedTuple):
    """What was read, and which database answered: STANDBY, PRIMARY (no standby is asked), BEHIND or
    AWAY (the primary, in its place)."""

    found: Any
    source: str


class _Positions:
    """Where the primary's log was, and when, over the last seconds. One for all threads."""

    def __init__(self) -> None:
        self._noted: deque[tuple[float, int]] = deque()
        self._looked = 0.0
        self._looking = Lock()

    def has_passed(self, replayed: int) -> bool:
        """Whether `replayed` is at or behind a position that is not older than the lag allowed."""
        self._look()
        oldest = time.monotonic() - settings.REPLICA_LAG_S
        return any(at >= oldest and replayed >= position for at, position in [*self._noted])

    def _look(self) -> None:
        """Note the position, once a second. Without an answer nothing is noted, and what is known
        grows too old."""
        if time.monotonic() < self._looked + SAMPLE_S or not self._looking.acquire(blocking=False):
            return
        try:
            at = time.monotonic()  # before the question: the position is not older than that
            with suppress(DatabaseError), connections["default"].cursor() as cursor:
                cursor.execute("SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint")
                (position,) = cursor.fetchone()
                if self._noted and position < self._noted[-1][1]:
                    self._noted.clear()  # another server leads, with another log
                self._noted.append((at, position))
            while self._noted and self._noted[0][0] < at - settings.REPLICA_LAG_S:
                self._noted.popleft()
            self._looked = time.monotonic()
        finally:
            self._looking.release()


_positions = _Positions()
_away_until = 0.0


def is_configured() -> bool:
    """Whether there is a standby to read from."""
    return REPLICA in connections.databases


def hold_back() -> timedelta:
    """How long the public's feed of changes keeps a change back, so that who then reads the entry
    finds it on every standby. Zero without one."""
    if not is_configured():
        return timedelta()
    return MOST_TO_COMMIT + timedelta(seconds=settings.REPLICA_LAG_S + SAMPLE_S)


def read(principal: Principal | None, ask: Ask[Any]) -> Read:
    """Read with `ask`, in a transaction of the database that answers. It must not write, and it may
    run twice: what a standby does not answer is asked of the primary."""
    global _away_until
    source = PRIMARY
    if principal is None and is_configured():
        source = AWAY
        if time.monotonic() >= _away_until:
            try:
                with identified_transaction(None, REPLICA) as now:
                    if _is_near():
                        return Read(ask(REPLICA, now), STANDBY)
                source = BEHIND
            except (OperationalError, InterfaceError) as error:
                if getattr(error.__cause__, "pgcode", None) == "57014":
                    raise  # it took too long: the primary would need as long
                if getattr(error.__cause__, "pgcode", None) != "40001":  # cancelled by a replay
                    _away_until = time.monotonic() + AWAY_S
                connections[REPLICA].close()
            except InternalError:  # something in it writes: see the source's count
                connections[REPLICA].close()
    with identified_transaction(principal) as now:
        return Read(ask("default", now), source)


def _is_near() -> bool:
    """Whether this standby, on this connection, has all that is older than the lag allowed. One
    that was promoted is no standby."""
    with connections[REPLICA].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery(), (pg_last_wal_replay_lsn() - '0/0')::bigint")
        in_recovery, replayed = cursor.fetchone()
    return bool(in_recovery) and replayed is not None and _positions.has_passed(replayed)
