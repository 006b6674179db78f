"""The background work tells the operator: a line when a job begins to fail and one when it goes on,
heartbeats of each job, `manage.py worker status` with its exit code, and the health check.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections

from api.health import readiness
from permissions.errors import Unavailable
from permissions.health import heartbeats
from permissions.health.heartbeats import Heartbeat
from permissions.keys import key_folder
from referrals.notifications import sent_messages
from referrals.worker import JOBS, Job, Worker
from tests.operation.readings import all_jobs_beat, figure, lines, ready, said_by_checks, seen
from tests.support.ground.cluster import HOME
from tests.support.ground.waiting import SOON, until
from tests.support.people.notifications import DUTY, keep, work
from tests.support.people.stories import Story
from tests.support.servers.message_servers import MailServer

FAR = 3600.0


@pytest.fixture(autouse=True)
def _no_heartbeats(superuser: Any) -> Iterator[None]:
    superuser.cursor().execute("DELETE FROM job_heartbeat")
    readiness.forget()
    yield
    readiness.forget()


def shares_the_folder() -> bool:
    """What api/health/key_watch.py does in a web process: see another host's mark in the folder."""
    with contextlib.suppress(Unavailable):
        key_folder.step()
        return True
    return False


def beats(job: str) -> list[Heartbeat]:
    return [one for one in heartbeats.heartbeats() if one.job == job]


@contextmanager
def running(*jobs: Job) -> Iterator[None]:
    worker = Worker(jobs)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.end()
        thread.join(SOON)
    assert not thread.is_alive()


class Breaks:
    """A step that fails so many times, and then succeeds."""

    def __init__(self, times: int, error: Callable[[], Exception]) -> None:
        self.left, self._error = times, error
        self.done = threading.Event()

    def __call__(self) -> bool:
        if self.left:
            self.left -= 1
            raise self._error()
        self.done.set()
        return False


def test_a_job_that_begins_to_fail_is_one_line_and_one_when_it_goes_on() -> None:
    step = Breaks(2, lambda: ValueError("a word that no log may hold"))
    with said_by_checks() as logs, running(Job("bad", step, FAR)):
        until(lambda: any(one.error == "ValueError" for one in beats("bad")))
        (one,) = beats("bad")
        assert (one.done_s, one.late, one.host) == (None, False, heartbeats.host_name())
        assert one.failing_s is not None
        assert step.done.wait(SOON)
        until(lambda: beats("bad")[0].error is None)
        assert beats("bad")[0].done_s is not None
    (first,), (second,) = lines(logs, "job_failing"), lines(logs, "job_failed")
    assert (first["log_level"], first["job"], first["error"]) == ("error", "bad", "ValueError")
    assert second["log_level"] == "warning"
    (again,) = lines(logs, "job_recovered")
    assert (again["log_level"], again["job"], again["count"]) == ("warning", "bad", 2)
    assert "a word" not in str(logs)


def test_a_line_about_the_databases_refusal_has_its_code() -> None:
    def asks() -> bool:
        with connections["jobs"].cursor() as cursor:
            cursor.execute("SELECT FROM credential")
        return False

    with said_by_checks() as logs, running(Job("asks", asks, FAR)):
        until(lambda: bool(lines(logs, "job_failing")))
    assert lines(logs, "job_failing")[0]["sqlstate"] == "42501"


def test_a_heartbeat_that_cannot_be_written_ends_no_job(superuser: Any) -> None:
    step = Breaks(0, ValueError)
    function = "FUNCTION sec.beat(text, text, double precision, text)"
    with superuser.cursor() as cursor:
        cursor.execute(f"REVOKE EXECUTE ON {function} FROM jobs")
        try:
            with said_by_checks() as logs, running(Job("well", step, FAR)):
                assert step.done.wait(SOON)
                until(lambda: bool(lines(logs, "heartbeat_not_written")))
            assert lines(logs, "job_failing") == []
        finally:
            cursor.execute(f"GRANT EXECUTE ON {function} TO jobs")


def status() -> tuple[bool, str]:
    """Whether `worker status` ends well, and what it says."""
    out = io.StringIO()
    try:
        call_command("worker", "status", stdout=out)
    except CommandError as error:
        return False, out.getvalue() + str(error)
    return True, out.getvalue()


def test_status_says_how_each_job_is_and_ends_with_it(settings: Any) -> None:
    settings.HOST_NAME = "worker-1"
    well, said = status()
    assert not well
    assert f"{len(JOBS)} of {len(JOBS)} jobs are not done" in said
    all_jobs_beat()
    well, said = status()
    assert well, said
    assert [line.split()[0] for line in said.splitlines()] == [job.name for job in JOBS]
    assert said.count("worker-1 (well)") == len(JOBS)
    heartbeats.beat("mail", 60, OperationalError("never shown"))
    well, said = status()
    assert not well
    assert "FAILING for 0 s (OperationalError), done 0 s ago" in said
    assert "1 of" in said
    assert "never shown" not in said


def test_another_machine_does_the_work_of_one_that_is_gone(settings: Any) -> None:
    settings.HOST_NAME = "gone"
    heartbeats.beat("mail", -heartbeats.LATE_AFTER_S - 1, OSError())
    settings.HOST_NAME = "here"
    all_jobs_beat()
    well, said = status()
    assert well, said
    assert "gone (not heard of), here (well)" in said


def test_a_machine_that_is_new_forgets_those_of_a_week_ago(settings: Any, superuser: Any) -> None:
    settings.HOST_NAME = "gone"
    heartbeats.beat("mail", 60)
    superuser.cursor().execute("UPDATE job_heartbeat SET due_at = due_at - interval '8 days'")
    heartbeats.beat("mail", 60)  # it comes back in time: nothing is forgotten
    assert [one.host for one in beats("mail")] == ["gone"]
    superuser.cursor().execute("UPDATE job_heartbeat SET due_at = due_at - interval '8 days'")
    settings.HOST_NAME = "new"
    heartbeats.beat("mail", 60)
    assert [one.host for one in beats("mail")] == ["new"]


@pytest.mark.whole
def test_a_worker_that_is_killed_is_missed_and_the_next_one_seen(superuser: Any) -> None:
    env = os.environ | {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": str(connections["jobs"].settings_dict["NAME"]),
        "CAIRN_HOST_NAME": "worker-1",
        "CAIRN_LOG_LEVEL": "CRITICAL",
    }

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "manage.py", "worker", "run"], env=env)

    first = start()
    try:
        until(lambda: status()[0])
        assert ready()[2]["worker"] == "ok"
        until(shares_the_folder)  # this process has another host's name
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait(SOON)
    # What two minutes later is: no one has written since.
    superuser.cursor().execute("UPDATE job_heartbeat SET due_at = due_at - interval '1 year'")
    well, said = status()
    assert not well
    assert f"{len(JOBS)} of {len(JOBS)} jobs are not done" in said
    assert "worker-1 (not heard of)" in said
    assert seen("worker")[:2] == (200, "degraded")
    assert figure("cairn_job_ok") == 0
    second = start()
    try:
        until(lambda: status()[0])
        assert ready()[2]["worker"] == "ok"
    finally:
        second.terminate()
        assert second.wait(SOON) == 0


def test_mail_that_is_refused_degrades_and_mail_that_arrives_ends_it(
    story: Story, api: Any, mails: MailServer
) -> None:
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    all_jobs_beat()
    assert ready()[2]["messages"] == "ok"
    call_command("messages", "status", stdout=io.StringIO())
    mails.refuse[DUTY["ywca"]] = 550
    story.send()
    with said_by_checks() as logs:
        work()
        assert seen("messages")[:2] == (200, "degraded")
    assert [one["check"] for one in lines(logs, "check_failed")] == ["messages"]
    assert figure("cairn_messages_stuck", kind="mail") == 1
    assert figure("cairn_messages", kind="mail", state="dead") == 1
    with pytest.raises(CommandError, match="mail does not get through"):
        call_command("messages", "status", stdout=io.StringIO())
    mails.refuse.clear()
    sent_messages.retry_dead()
    work()
    with said_by_checks() as logs:
        assert ready()[2]["messages"] == "ok"
    assert [one["check"] for one in lines(logs, "check_recovered")] == ["messages"]
    call_command("messages", "status", stdout=io.StringIO())


def test_mail_that_waits_for_too_long_is_seen_before_it_is_given_up(
    story: Story, api: Any, mails: MailServer, shift_clock: Any
) -> None:
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    mails.refuse[DUTY["ywca"]] = 451
    story.send()
    work()
    assert ready()[2]["messages"] == "ok", "it is tried again"
    shift_clock("301 seconds")
    assert seen("messages")[0] == 200
    assert (figure("cairn_message_oldest_waiting_seconds", kind="mail") or 0) > 300
    assert (figure("cairn_message_overdue_seconds", kind="mail") or 0) > 200
