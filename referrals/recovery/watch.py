"""Whether the background work may go on, asked before each step: not in a database that was
restored, or after a failover, until it is recovered. After a synchronous failover this process
recovers it itself; after anything else it says that a person has to.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

import structlog
from django.conf import settings

from permissions.errors import NotRecovered
from permissions.recovery import timeline

log = structlog.get_logger()

AGAIN_S = 1.0  # until the database is asked again
TRY_AGAIN_S = 5.0  # between two tries to recover
MOST_S = 120.0  # for one try; killed, it is run again


class Watch:
    """One for a process, shared by its threads. Making this object asks nothing."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._lock = threading.Lock()
        self._refused = False
        self._waits_for_person = False
        self._try_at = 0.0

    def may_go_on(self) -> bool:
        """Ask the database, by this thread's connection. Raises django.db.Error: it does not
        answer."""
        try:
            timeline.require(self._using)
        except NotRecovered:
            self._refuse()
            return False
        if self._refused:
            with self._lock:
                if self._refused:
                    self._refused = self._waits_for_person = False
                    log.warning("database_recovered")
        return True

    def _refuse(self) -> None:
        """Say so once, and let one thread at a time try."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if not self._refused:
                self._refused = True
                self._try_at = 0.0
                log.error("database_not_recovered", error=timeline.read(self._using).cause)
            if self._waits_for_person or time.monotonic() < self._try_at:
                return
            self._recover()
            self._try_at = time.monotonic() + TRY_AGAIN_S
        finally:
            self._lock.release()

    def _recover(self) -> None:
        """In a process of its own, whose sessions alone go on meanwhile."""
        found = timeline.read(self._using)
        if settings.FAILOVER != "synchronous" or not found.is_failover:
            self._waits_for_person = True
            log.error("recovery_waits", error=found.cause)
            return
        manage = Path(settings.BASE_DIR) / "manage.py"
        command = [sys.executable, str(manage), "database", "recover", "--by-itself"]
        try:
            done = subprocess.run(command, timeout=MOST_S, check=False, capture_output=True)
        except subprocess.TimeoutExpired:
            log.error("recovery_failed", error="timeout")
            return
        if done.returncode == NEEDS_PERSON:
            self._waits_for_person = True
            log.error("recovery_waits", error="something_missing")
        elif done.returncode:
            log.error("recovery_failed", error=f"exit {done.returncode}")


NEEDS_PERSON = 3  # the exit status of `manage.py database recover --by-itself`
