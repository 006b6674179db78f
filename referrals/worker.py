"""The background work: the list of its jobs and the loop that runs them (`manage.py worker run`).

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

from directory import reopening
from directory.duplicates import answers, likeness
from directory.editing import earlier_text, mistake_reports, verification
from directory.taxonomy import term_meanings
from permissions.audit import counters
from permissions.enrollment import old_invitations
from permissions.health import failures, heartbeats, service_manager
from permissions.keys import closings, key_folder, second_copy
from permissions.ledger import sealer, self_check, witness
from permissions.recovery import outbox as closing_notes
from referrals.bulk import writing
from referrals.card import kept
from referrals.deadlines import auto_close, exercises_over, purge
from referrals.job_wakeup import CHANNEL
from referrals.notifications import escalation, gaps, message_queue, sealed_messages, triggers
from referrals.notifications.line_tests import cover, weekly
from referrals.numbers import network_figures
from referrals.push import sending as push
from referrals.recovery import copies, lost_acts, watch
from referrals.signing import pending
from referrals.webhooks import delivery, outbox

log = structlog.get_logger()

LONGEST_REST_S = 300.0  # for a job that fails again and again
SHORTEST_REST = 0.1  # share of its pace, for a job whose step takes that long
BEAT_S = 10.0  # between two heartbeats of a job that goes on well
LONG_REST_S = 10.0  # a job that rests as long keeps no connection: PostgreSQL has a hundred


class Job(NamedTuple):
    """One kind of background work.

    `step` does one bounded portion in its own transactions and returns whether there may be more.
    If so, it is called again at once; otherwise `pace_s` seconds after it began
    (`seconds_until_next`) or when a hint wakes it. It runs in its own thread with its own
    connections. It must be safe to kill at any point and to run concurrently in another process. An
    exception is logged by type and place, never with its text: as `job_failing` when a job begins
    to fail, and `job_recovered` follows when a step succeeds again. The step is retried after a
    rest that doubles, while the other jobs go on. Its heartbeats tell the operator the same
    (permissions/health/heartbeats.py). A job that leaves work in progress between its
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
    Job("practice", exercises_over.step, 30),
    Job("clocks", escalation.step, 1),  # mark what is due
    Job("tell", triggers.step, 1),  # write the messages for events
    Job("gaps", gaps.step, 15),  # agencies at which no phone answers
    Job("alert", triggers.alert_step, 5),
    # Each kind has its own job, so that a mail server that hangs delays no call.
    Job("mail", message_queue.mail_step, 1),
    Job("sms", message_queue.sms_step, 1),
    Job("voice", message_queue.voice_step, 1),
    Job("push", push.step, 1),
    # A test of a line, too: it never goes before a message.
    Job("line-tests", weekly.step, 30),
    Job("line-calls", message_queue.line_test_step, 5),
    Job("line-cover", cover.step, 60),  # silent lines, and the minutes covered
    Job("secrets", sealed_messages.step, 2),  # links of invitations, and spoken codes
    Job("invitations", old_invitations.step, 24 * 3600),  # who was invited and never came
    Job("cards", kept.step, 60),  # notices by a card that are over
    Job("signatures", pending.step, 60),  # pages for a signature that are over
    Job("close", auto_close.step, 5),
    Job("reopen", reopening.step, 30),  # services whose pause ends
    Job("earlier-texts", earlier_text.step, 60),  # what edits replaced, once it has ended
    Job("mistakes", mistake_reports.step, 3600),  # what readers reported, once it is old
    Job("entry-checks", verification.ask_step, 3600),  # mails that ask whether entries are right
    Job("entry-answers", verification.apply_step, 30),
    Job("term-drafts", term_meanings.draft_step, 3600),  # terms of sources that have no meaning yet
    Job("term-meanings", term_meanings.store_step, 5),  # what the coordinator said that they mean
    Job("duplicates", likeness.step, 300),  # pairs of changed services that may be the same
    Job("duplicate-answers", answers.step, 5),  # what the coordinator said of them
    Job("webhooks", delivery.sender.step, 1, delivery.sender.finish, delivery.sender.wake),
    Job("webhook-log", outbox.delete_expired, 3600),
    Job("exports", writing.step, 5),  # parts of exports, and what is over of them
    Job("count", counters.step, 60),  # refusals of unknown callers, and limits
    Job("numbers", network_figures.step, 60),  # counts that outlive the purge, and figures
    Job("copies", copies.step, 1),  # of what was done, outside of the database
    Job("lost-acts", lost_acts.step, 24 * 3600),  # what a recovery found, after a month
    Job("seal", sealer.step, 0.5),  # within two seconds with 32 writers (G12)
    Job("witness", witness.step, 1),
    Job("key-folder", key_folder.watch, key_folder.EVERY_S),
    Job("key-copy", second_copy.step, 300),
    Job("closings", closings.step, 3600),
    Job("journal", closing_notes.step, 1),  # what was taken away, outside the database
    Job("journal-age", closing_notes.prune_step, 3600),
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
            log.error("job_failed", **_named(job, error))
            failed.append(job.name)
    return failed


class Worker:
    """Runs its jobs, each in its own thread, until `end`. Every step is finished first."""

    def __init__(self, jobs: Iterable[Job], using: str = "jobs") -> None:
        self._using = using
        self._ended = threading.Event()
        self._watch = watch.Watch(using)
        self._threads = {job.name: _Thread(job, self._ended, self._watch) for job in jobs}

    def run(self) -> None:
        """Run until another thread, or a signal's handler, calls `end`."""
        for thread in self._threads.values():
            thread.start()
        service_manager.tell("READY=1")
        while not self._ended.is_set():
            try:
                self._listen()
            except Exception as error:  # only the hints are lost: the jobs look by themselves
                log.warning("no_hints", **failures.named(error))
                connections[self._using].close()
                self._lives()
                self._ended.wait(5)
        service_manager.tell("STOPPING=1")
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
            self._lives()
            if not select.select([raw], [], [], 0.5)[0]:  # seconds until an end is noticed
                continue
            raw.poll()
            while raw.notifies:
                thread = self._threads.get(raw.notifies.pop().payload)
                if thread is not None:
                    thread.wake()

    def _lives(self) -> None:
        """Tell the service manager, unless a job's thread is gone: then it starts all again."""
        if all(thread.is_alive() for thread in self._threads.values()):
            service_manager.tell("WATCHDOG=1")


class _Thread(threading.Thread):
    """One job: step after step."""

    def __init__(self, job: Job, ended: threading.Event, watch: watch.Watch) -> None:
        super().__init__(name=job.name)
        self.job = job
        self._watch = watch
        self._bell = threading.Event()
        self._ended = ended
        self._failed = 0  # failures in a row
        self._beat_at = 0.0  # when the next heartbeat is worth a write
        self._beats = True  # whether the last one was written

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
                if not self._watch.may_go_on():  # a restored database: nothing is done
                    self._ended.wait(watch.AGAIN_S)
                    continue
                more = self.job.step()
            except Exception as error:
                connections.close_all()
                self._ended.wait(self._after_failure(error))  # no hint shortens it
                continue
            rest_s = 0.0 if more else seconds_until_next(self.job.pace_s, time.monotonic() - began)
            self._after_success(rest_s)
            if rest_s >= LONG_REST_S:
                connections.close_all()
            if rest_s and not self._ended.is_set():
                self._bell.wait(rest_s)
        try:
            self.job.finish()
        except Exception as error:
            log.error("job_failed", **_named(self.job, error))
        connections.close_all()

    def _after_failure(self, error: Exception) -> float:
        """Say that the step failed. Returns the seconds until it is retried."""
        self._failed += 1
        rest_s = seconds_after_failure(self._failed)
        if self._failed == 1:
            log.error("job_failing", **_named(self.job, error))
        else:
            log.warning("job_failed", **_named(self.job, error))
        self._beat(rest_s, error)
        return rest_s

    def _after_success(self, rest_s: float) -> None:
        if self._failed:
            log.warning("job_recovered", job=self.job.name, count=self._failed)
        elif time.monotonic() < self._beat_at:
            return
        self._failed = 0
        self._beat(rest_s)

    def _beat(self, rest_s: float, error: Exception | None = None) -> None:
        """A heartbeat that cannot be written ends no job; it is missed where it is looked for."""
        self._beat_at = time.monotonic() + BEAT_S
        try:
            heartbeats.beat(self.job.name, max(rest_s, BEAT_S), error)
            self._beats = True
        except Exception as failure:
            if self._beats and error is None:  # else the job's own failure was just logged
                log.error("heartbeat_not_written", **_named(self.job, failure))
            self._beats = False
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


def _named(job: Job, error: Exception) -> dict[str, str]:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
    return {"job": job.name, "where": where, **failures.named(error)}
