"""What this process needs in order to answer truthfully, each as a check that raises what is wrong,
and the figures of the seals and of the clock. Every check is asked of the thing itself: a write, a
key that is unwrapped, an entry of the log.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import Error, connection, connections, transaction

from permissions.database import schema
from permissions.errors import Unavailable
from permissions.keys import binding_key, closings, key_folder

MOST_MS = 2000  # for each statement: an answer that comes later is none
# The size of the entry that is tried: a large one only where an entry has just failed, for it needs
# room of its own, and what is taken back is left to the next vacuum.
SMALL, LARGE = 1, 180
CLOCKS_APART_S = 5.0  # seconds between this machine's clock and the database's
SEAL_LATE_S = 60.0  # the sealer takes a second or two
JOURNAL_LATE_S = 30.0  # as the job that writes it

_log_failed = threading.Event()


class Figures(NamedTuple):
    """`seal_lag_s`: seconds that the oldest entry has waited for its seal, None if none waits;
    `restored`: nothing is sealed until `manage.py database recover`; `faults`: what the worker
    found in the log; `clock_apart_s`: seconds that the database's clock is ahead of this machine's;
    `clock_shifted`: the clock of the rules was moved."""

    seal_lag_s: float | None
    restored: bool
    faults: int
    clock_apart_s: float
    clock_shifted: bool

    @property
    def seals_well(self) -> bool:
        """Whether entries are sealed in time, and the log is as it was sealed."""
        return not self.restored and not self.faults and (self.seal_lag_s or 0) <= SEAL_LATE_S

    @property
    def clock_well(self) -> bool:
        """Whether deadlines are judged by the right time."""
        return not self.clock_shifted and abs(self.clock_apart_s) <= CLOCKS_APART_S


def answers() -> None:
    """The database answers as `app`. Raises django.db.Error."""
    with _asked("SELECT 1"):
        pass


def writes() -> None:
    """It takes a write, and its disk a file. Raises django.db.Error."""
    with _asked("SELECT sec.test_write()"):
        pass


def schema_fits() -> None:
    """Its schema is the one that this code works on; `manage.py schema` says what differs. Raises
    Unavailable, django.db.Error."""
    with _asked("SELECT 1") as cursor:
        if schema.trouble(cursor):
            raise Unavailable("schema_mismatch", "This server's database has to be upgraded.")


def keys_open() -> None:
    """The folder of keys, and Vault where it is used, unwrap a key now: no copy in this process's
    memory is asked. And the folder is the one that the other servers use. Raises Unavailable."""
    try:
        with time_limited():
            key_folder.check()
    except Error:  # the database has a check of its own
        key_folder.refuse_if_not_shared()
    binding_key.read_again()


def log_takes_entries() -> None:
    """This role may write an entry of the access log, and there is room for it. Raises Unavailable,
    django.db.Error."""
    size = LARGE if _log_failed.is_set() else SMALL
    with _asked("SELECT has_any_column_privilege('access_entry', 'INSERT')") as cursor:
        ((may,),) = cursor.fetchall()
        if not may:
            raise Unavailable("log")
        cursor.execute("SELECT sec.test_log_write(%s)", [size])
    _log_failed.clear()


def suspect_log() -> None:
    """Take note that an entry could not be written: the next check tries one that needs room."""
    _log_failed.set()


def log_is_suspect() -> bool:
    """Whether an entry failed since the last check that went well."""
    return _log_failed.is_set()


def journal_takes_lines() -> None:
    """The journal of closings can be written. Raises Unavailable."""
    closings.check_writable()


def journal_lag_s(using: str = "default") -> float:
    """For how many seconds the oldest closing has waited for the journal; 0: none waits. Raises
    django.db.Error."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT sec.journal_lag_s()")
        ((seconds,),) = cursor.fetchall()
    return float(seconds or 0)


def figures(using: str = "default") -> Figures:
    """The seals' and the clock's figures. Raises django.db.Error."""
    began = time.time()
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT seal_lag_s, restored, faults, server_time, clock_shifted"
            " FROM sec.operation_figures()"
        )
        ((lag_s, restored, faults, server_time, shifted),) = cursor.fetchall()
    middle = (began + time.time()) / 2
    return Figures(lag_s, restored, faults, server_time - middle, shifted)


@contextmanager
def time_limited(using: str = "default") -> Iterator[None]:
    """A transaction whose statements end after MOST_MS."""
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{MOST_MS}ms"])
        yield


@contextmanager
def _asked(question: str) -> Iterator[Any]:
    with time_limited(), connection.cursor() as cursor:
        cursor.execute(question)
        yield cursor
