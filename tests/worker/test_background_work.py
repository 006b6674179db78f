"""`manage.py worker run`: jobs are done, a failing one stops no other, an end waits for a step."""

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
from django.db import connections
from structlog.testing import capture_logs

from api.logging_config import ALLOWED
from referrals import job_wakeup
from referrals import worker as job_worker
from referrals.notifications import message_queue, triggers
from referrals.webhooks import delivery
from referrals.worker import Job, Worker
from tests.support.ground.cluster import HOME
from tests.support.ground.waiting import SOON, ended, until
from tests.support.people.notifications import DUTY, keep
from tests.support.people.stories import Story
from tests.support.servers.message_servers import MailServer
from tests.support.servers.webhook_receiver import receivers

FAR = 3600.0  # seconds: no job looks by itself again while a test runs


@contextmanager
def running(*jobs: Job) -> Iterator[Worker]:
    worker = Worker(jobs)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.end()
        thread.join(SOON)
    assert not thread.is_alive()


class Counted:
    """A step that counts its calls; `enough` is set at the given one."""

    def __init__(self, enough_at: int, more: Callable[[int], bool] = lambda _: False) -> None:
        self.calls = 0
        self.enough = threading.Event()
        self._at, self._more = enough_at, more

    def __call__(self) -> bool:
        self.calls += 1
        if self.calls == self._at:
            self.enough.set()
        return self._more(self.calls)


def listening(superuser: Any) -> int:
    """Workers that are up."""
    return counted(superuser, "pg_stat_activity WHERE query = 'LISTEN cairn_work'")


def sessions(superuser: Any) -> int:
    """On the database of this test, everybody's."""
    return counted(superuser, "pg_stat_activity WHERE datname = current_database()")


def drafts(superuser: Any) -> int:
    return counted(superuser, "referral")


def counted(superuser: Any, rows: str) -> int:
    with superuser.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {rows}")
        number: int = cursor.fetchone()[0]
        return number


def test_a_step_that_has_more_is_called_again_at_once_and_then_rests() -> None:
    step = Counted(5, more=lambda calls: calls < 5)
    with running(Job("one", step, FAR)):
        assert step.enough.wait(SOON)
    assert step.calls == 5


def test_a_hint_wakes_the_job_it_names_and_no_other() -> None:
    named, other = Counted(2), Counted(2)
    with running(Job("named", named, FAR), Job("other", other, FAR)):
        while not named.enough.wait(0.1):  # until the worker listens
            job_wakeup.wake_job("named")
    assert other.calls == 1


def test_the_commit_of_an_act_wakes_who_tells_and_who_sends(
    story: Story, api: Any, mails: MailServer, superuser: Any
) -> None:
    """No job looks by itself here: what arrives was woken for, by the event and by the message."""
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    jobs = [Job("tell", triggers.step, FAR), Job("mail", message_queue.mail_step, FAR)]
    with running(*jobs):
        until(lambda: listening(superuser) == 1)
        until(lambda: drafts(superuser) == 0)  # a moment, in which each has looked once
        for number in range(1, 4):
            Story(api, story.service_id).send()
            until(lambda: len(mails.received) == number)  # noqa: B023
        mails.refuse[DUTY["ywca"]] = 550
        story.send()
        until(lambda: dead(api) != [])
        mails.refuse.clear()
        assert api("ywca.admin").post(f"/v1/messages/{dead(api)[0]}/retry").status_code == 200
        until(lambda: len(mails.received) == 4)


def dead(api: Any) -> list[str]:
    items = api("ywca.admin").get("/v1/messages", {"state": "dead"}).json()["items"]
    return [one["id"] for one in items]


def test_the_commit_of_an_act_wakes_who_sends_webhooks(
    story: Story, api: Any, settings: Any, superuser: Any
) -> None:
    with receivers(settings) as (one,):
        assert api("ywca.admin").post("/v1/webhooks", {"url": one.url}).status_code == 201
        sender = delivery.WebhookSender()
        with running(Job("webhooks", sender.step, FAR, sender.finish, sender.wake)):
            until(lambda: listening(superuser) == 1)
            story.send()
            one.wait_for(1)


def test_what_is_new_is_sent_while_another_receiver_hangs(
    story: Story, api: Any, settings: Any, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that does not answer delays no other, not even until the next look."""
    monkeypatch.setattr(delivery, "WAIT_S", FAR)
    monkeypatch.setattr(delivery, "MESSAGE_S", FAR)
    with receivers(settings, None, b"") as (hangs, well):
        for one in (hangs, well):
            assert api("ywca.admin").post("/v1/webhooks", {"url": one.url}).status_code == 201
        sender = delivery.WebhookSender()
        with running(Job("webhooks", sender.step, FAR, sender.finish, sender.wake)):
            until(lambda: listening(superuser) == 1)
            story.send()
            hangs.wait_for(1)
            well.wait_for(1)
            until(lambda: sender.under_way("well") == 1)  # the one that hangs
            for number in (2, 3):
                Story(api, story.service_id).send()
                well.wait_for(number)
            assert len(hangs.ids()) == 1
            hangs.end()


def test_a_job_that_fails_stops_no_other_and_is_told_without_its_words() -> None:
    again = threading.Event()
    calls = []

    def fails() -> bool:
        calls.append(1)
        if len(calls) == 2:
            again.set()
        raise ValueError("a word that no log may hold")

    well = Counted(3, more=lambda calls: calls < 3)
    with capture_logs() as logs, running(Job("bad", fails, FAR), Job("well", well, FAR)):
        assert again.wait(SOON)
        assert well.enough.wait(SOON)
    told = [line for line in logs if line["event"] == "job_failed"]
    assert {"job": "bad", "error": "ValueError"}.items() <= told[0].items()
    assert set(told[0]) - {"log_level"} <= ALLOWED
    assert "a word" not in str(logs)


def test_a_job_begins_at_its_pace_however_long_it_takes_and_rests_a_little_always() -> None:
    assert job_worker.seconds_until_next(1.0, 0.0) == 1.0
    assert job_worker.seconds_until_next(1.0, 0.25) == 0.75
    for slower in (0.9, 1.0, 30.0):
        assert job_worker.seconds_until_next(1.0, slower) == pytest.approx(0.1)


def test_a_job_that_fails_rests_longer_each_time_up_to_a_limit() -> None:
    for failed, longest in ((1, 1), (2, 2), (5, 16), (40, job_worker.LONGEST_REST_S)):
        assert 0.75 * longest <= job_worker.seconds_after_failure(failed) <= longest


def test_an_end_waits_for_the_step_under_way() -> None:
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def slow() -> bool:
        began.set()
        assert go_on.wait(SOON)
        done.set()
        return True

    worker = Worker([Job("slow", slow, FAR)])
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert began.wait(SOON)
        worker.end()
        assert thread.is_alive()
    finally:
        worker.end()
        go_on.set()
        thread.join(SOON)
    assert done.is_set()
    assert not thread.is_alive()


def test_work_once_does_what_is_due(story: Story, shift_clock: Any, superuser: Any) -> None:
    story.create()
    call_command("worker", "run", "--once", "--only", "purge")
    assert drafts(superuser) == 1
    shift_clock("25 hours")
    call_command("worker", "run", "--once")
    assert drafts(superuser) == 0


def test_work_once_names_what_failed_and_does_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> bool:
        raise OSError

    well = Counted(1)
    monkeypatch.setattr(job_worker, "JOBS", (Job("bad", fails, 1), Job("well", well, 1)))
    with pytest.raises(CommandError, match=r"^These jobs failed: bad\. The log says why\.$"):
        call_command("worker", "run", "--once")
    assert well.calls == 1


def test_a_job_that_is_not_there_is_refused() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'nothing'"):
        call_command("worker", "run", "--only", "nothing")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_does_all_jobs_next_to_another_and_ends_when_told(
    story: Story, shift_clock: Any, superuser: Any, number: int
) -> None:
    story.create()
    shift_clock("25 hours")
    env = os.environ | {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": str(connections["jobs"].settings_dict["NAME"]),
    }
    command = [sys.executable, "manage.py", "worker", "run"]
    frequent = sum(one.pace_s < job_worker.LONG_REST_S for one in job_worker.JOBS)
    at_most = 2 * (frequent + 3)  # one listens; seal and witness have two each
    before = sessions(superuser)
    both = [subprocess.Popen(command, env=env) for _ in range(2)]
    with ended(*both):
        until(lambda: listening(superuser) == 2 and drafts(superuser) == 0)
        until(lambda: sessions(superuser) - before <= at_most)
        for process in both:
            process.send_signal(number)
        assert [process.wait(SOON) for process in both] == [0, 0]
