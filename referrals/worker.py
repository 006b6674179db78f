"""The background work: the list of its jobs and the loop that runs them (`manage.py work`).

What a job does is in its own module; this module only says when. Any number of these processes may
run, each with all jobs or some. Nothing is remembered here: all state is in the database.
"""

import random
import select
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import structlog
from django.db import close_old_connections, connections

from permissions.ledger import sealer, self_check, witness
from referrals.deadlines import auto_close, purge
from referrals.job_wakeup import CHANNEL
from referrals.notifications import escalation, message_queue, triggers
from referrals.webhooks import delivery, outbox

log = structlog.get_logger()

LONGEST_REST_S = 300.0  # for a job that fails again and again
SHORTEST_REST = 0.1  # share of its pace, for a job whose step takes that long


class Job(NamedTuple):
    """One kind of background work.

    `step` does one bounded portion in its own transactions and returns whether there may be more.
    If so, it is called again at once; otherwise `pace_s` seconds after it began
    (`seconds_until_next`) or when a hint wakes it. It runs in its own thread with its own
    connections. It must be safe to kill at any point and to run concurrently in another process. An
    exception is logged by type and place, never with its text. The step is then retried after a
    rest that doubles, while the other jobs go on. A job that leaves work in progress between its
    steps may wait for it in a step: `wake`, called from another thread, ends that wait as it ends a
    rest. `finish` is called once, after the last step.
    """

    name: str
    step: Callable[[], bool]
    pace_s: float
    finish: Callable[[], None] = lambda: None
    wake: Callable[[], None] = lambda: None


JOBS = (
    Job("purge", purge.step, 3600),
    Job("clocks", escalation.step, 1),  # mark what is due
    Job("tell", triggers.step, 1),  # write the messages for events
    Job("alert", triggers.alert_step, 5),
    # Each kind has its own job, so that a mail server that hangs delays no call.
    Job("mail", message_queue.mail_step, 1),
    Job("sms", message_queue.sms_step, 1),
    Job("voice", message_queue.voice_step, 1),
    Job("close", auto_close.step, 5),
    Job("webhooks", delivery.sender.step, 1, delivery.sender.finish, delivery.sender.wake),
    Job("webhook-log", outbox.delete_expired, 3600),
    Job("seal", sealer.step, 0.5),  # within two seconds with 32 writers: make bench (G12)
    Job("witness", witness.step, 1),
    Job("verify", self_check.step, 3600),  # a day's seals once a day, a part of the older each hour
)


def jobs_named(names: Iterable[str]) -> list[Job]:
    """Return the jobs with these names; all jobs if no name is given."""
    wanted = set(names)
    return [job for job in JOBS if not wanted or job.name in wanted]


def run_until_idle(jobs: Iterable[Job]) -> list[str]:
    """Run each job here until it has no more. Returns the names of those that failed."""
    failed = []
    for job in jobs:
        try:
            while job.step():
                pass
        except Exception as error:
            _log_failure(job, error)
            failed.append(job.name)
    return failed


class Worker:
    """Runs its jobs, each in its own thread, until `end`. Every step is finished first."""

    def __init__(self, jobs: Iterable[Job], using: str = "jobs") -> None:
        self._using = using
        self._ended = threading.Event()
        self._threads = {job.name: _Thread(job, self._ended) for job in jobs}

    def run(self) -> None:
        """Run until another thread, or a signal's handler, calls `end`."""
        for thread in self._threads.values():
            thread.start()
        while not self._ended.is_set():
            try:
                self._listen()
            except Exception as error:  # only the hints are lost: the jobs look by themselves
                log.warning("no_hints", error=type(error).__name__)
                connections[self._using].close()
                self._ended.wait(5)
        for thread in self._threads.values():
            thread.wake()
        for thread in self._threads.values():
            thread.join()
        connections.close_all()

    def end(self) -> None:
        """Let each job finish its step, and no more. Twice is safe."""
        self._ended.set()

    def _listen(self) -> None:
        connections[self._using].close()
        connections[self._using].ensure_connection()
        raw = connections[self._using].connection
        with raw.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        while not self._ended.is_set():
            if not select.select([raw], [], [], 0.5)[0]:  # seconds until an end is noticed
                continue
            raw.poll()
            while raw.notifies:
                thread = self._threads.get(raw.notifies.pop().payload)
                if thread is not None:
                    thread.wake()


class _Thread(threading.Thread):
    """One job: step after step."""

    def __init__(self, job: Job, ended: threading.Event) -> None:
        super().__init__(name=job.name)
        self.job = job
        self._bell = threading.Event()
        self._ended = ended
        self._failed = 0  # failures in a row

    def wake(self) -> None:
        """Wake for a hint or for the end."""
        self._bell.set()
        self.job.wake()

    def run(self) -> None:
        """Run step and rest in turn until the end."""
        while not self._ended.is_set():
            self._bell.clear()
            began = time.monotonic()
            try:
                close_old_connections()
                more = self.job.step()
                rest_s = (
                    0.0 if more else seconds_until_next(self.job.pace_s, time.monotonic() - began)
                )
                self._failed = 0
            except Exception as error:
                _log_failure(self.job, error)
                connections.close_all()
                self._failed += 1
                self._ended.wait(seconds_after_failure(self._failed))  # no hint shortens it
                continue
            if rest_s and not self._ended.is_set():
                self._bell.wait(rest_s)
        try:
            self.job.finish()
        except Exception as error:
            _log_failure(self.job, error)
        connections.close_all()


def seconds_until_next(pace_s: float, took_s: float) -> float:
    """Return the seconds of rest after a step that took `took_s` and has no more. The next step
    starts at the job's pace; a slower job still gets some rest."""
    return max(pace_s - took_s, pace_s * SHORTEST_REST)


def seconds_after_failure(failed: int) -> float:
    """Return the seconds until a job that failed this often is retried: 1, 2, 4 … with some jitter,
    so that many workers do not retry at once."""
    longest = min(2.0 ** min(failed - 1, 20), LONGEST_REST_S)
    return longest * random.uniform(0.75, 1)


def _log_failure(job: Job, error: Exception) -> None:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    log.error("job_failed", job=job.name, error=type(error).__name__, where=where)
