"""Heartbeats of the background work: when each job last did a step, on which machine, and since
when it fails. Written as `jobs`, read by whichever process asks."""

import hashlib
import socket
from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db import connections

from permissions.database.aliases import JOBS

LATE_AFTER_S = 120.0  # seconds that a beat may be overdue: a step, a pause of the machine


class Heartbeat(NamedTuple):
    """One job on one machine. `done_s`: seconds since a step succeeded, None if none ever did;
    `late`: its next beat is overdue; `failing_s`: seconds since it began to fail, None if its last
    step succeeded; `error`: the type of the last error."""

    job: str
    host: str
    done_s: float | None
    late: bool
    failing_s: float | None
    error: str | None


class JobHealth(NamedTuple):
    """One job, on whichever machine does it. `state`: `ok`; `failing`: a machine that does it
    fails; `late`: no machine has been heard of in time; `never`: none ever was."""

    job: str
    state: str
    done_s: float | None
    failing_s: float | None
    error: str | None


def host_name() -> str:
    """The name of this machine in heartbeats: CAIRN_HOST_NAME, else a code made of the machine's
    own name, which may tell where it stands."""
    if settings.HOST_NAME:
        return str(settings.HOST_NAME)
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def beat(job: str, next_in_s: float, error: BaseException | None = None) -> None:
    """Record that a step of the job ended, well or with this error, and that the next one ends
    within `next_in_s` seconds or LATE_AFTER_S more. Twice is safe. Raises django.db.Error."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT sec.beat(%s, %s, %s, %s)",
            [job, host_name(), next_in_s + LATE_AFTER_S, type(error).__name__ if error else None],
        )


def heartbeats(using: str = "default") -> list[Heartbeat]:
    """All heartbeats of the last week, by job. Raises django.db.Error."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT job, host, done_s, late, failing_s, error FROM sec.job_heartbeats()")
        return [Heartbeat._make(row) for row in cursor.fetchall()]


def job_healths(jobs: Iterable[str], found: Iterable[Heartbeat]) -> list[JobHealth]:
    """How each of these jobs is getting on, in their order."""
    rows = list(found)
    return [_health(job, [one for one in rows if one.job == job]) for job in jobs]


def _health(job: str, rows: list[Heartbeat]) -> JobHealth:
    done_s = min((one.done_s for one in rows if one.done_s is not None), default=None)
    # A machine that is gone leaves its last word behind, which says nothing of now.
    alive = [one for one in rows if not one.late]
    failing = [one for one in alive if one.failing_s is not None]
    if not alive:
        return JobHealth(job, "late" if rows else "never", done_s, None, None)
    if failing:
        longest = max(failing, key=lambda one: one.failing_s or 0)
        return JobHealth(job, "failing", done_s, longest.failing_s, longest.error)
    return JobHealth(job, "ok", done_s, None, None)
