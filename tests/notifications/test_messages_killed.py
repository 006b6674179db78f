"""kill -9 of the worker at any point: each event is sent at least once, and nothing is lost. What a
provider took before the kill is sent again under the same handle, unless copies are kept.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.ground.cluster import HOME
from tests.support.ground.waiting import SOON, until
from tests.support.people.notifications import DUTY, keep
from tests.support.people.stories import Story
from tests.support.servers.message_servers import COPIES, CopiesServer, MailServer


@pytest.fixture
def mailbox(api: Any, mails: MailServer) -> MailServer:
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    return mails


@pytest.fixture
def worker(django_db_setup: str, mailbox: MailServer) -> Callable[[], Any]:
    """A process of its own: `manage.py worker run`, with the mail server as its provider."""

    @contextmanager
    def running(**more: str) -> Iterator[subprocess.Popen[bytes]]:
        env = (
            os.environ
            | {
                "CAIRN_HOME": str(HOME),
                "CAIRN_DATABASE": django_db_setup,
                "CAIRN_SMTP": f"smtp+plain://127.0.0.1:{mailbox.port}",
                "CAIRN_MAIL_FROM": "no-reply@cairn.invalid",
                "CAIRN_LOG_LEVEL": "WARNING",
            }
            | more
        )
        command = [sys.executable, "manage.py", "worker", "run", "--only", "tell", "--only", "mail"]
        process = subprocess.Popen(command, env=env)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(SOON)

    return running


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(SOON)


def handles(mailbox: MailServer) -> list[str]:
    return [str(mail["Message-ID"]) for mail in mailbox.of(DUTY["ywca"])]


@pytest.mark.parametrize(("where", "taken"), [("before", 1), ("after", 2)])
def test_killed_while_it_sends(
    story: Story,
    worker: Callable[[], Any],
    mailbox: MailServer,
    shift_clock: Any,
    where: str,
    taken: int,
) -> None:
    mailbox.pause = where
    story.send()
    with worker() as first:
        assert mailbox.paused.wait(SOON)
        kill(first)
        mailbox.go_on.set()
    shift_clock("61 seconds")  # the lease of the dead one has run out
    with worker():
        until(lambda: len(handles(mailbox)) == taken)
        until(lambda: _states(story) == [("sent", 2)])
    assert len(set(handles(mailbox))) == 1  # a mailbox can tell that they are the same


@pytest.mark.parametrize("where", ["before", "after"])
def test_killed_while_it_sends_where_copies_are_kept_it_comes_once(
    story: Story,
    worker: Callable[..., Any],
    mailbox: MailServer,
    copies: CopiesServer,
    shift_clock: Any,
    where: str,
) -> None:
    asked = {
        "CAIRN_MAIL_COPY_TO": COPIES,
        "CAIRN_MAIL_COPIES": f"imap+plain://copies:an%20invented%20password@127.0.0.1:{copies.port}",
    }
    mailbox.pause = where
    story.send()
    with worker(**asked) as first:
        assert mailbox.paused.wait(SOON)
        kill(first)
        mailbox.go_on.set()
    shift_clock("61 seconds")
    with worker(**asked):
        until(lambda: _states(story) == [("sent", 2)])
    assert len(handles(mailbox)) == 1
    assert copies.asked == handles(mailbox)


def _states(story: Story) -> list[tuple[str, int]]:
    items = story.api("ywca.admin").get("/v1/messages").json()["items"]
    return [(one["state"], one["tries"]) for one in items]


def test_killed_while_it_makes_messages_of_an_event(
    story: Story, worker: Callable[[], Any], mailbox: MailServer, superuser: Any
) -> None:
    """It is in the middle of its transaction, and waits for a row that another session holds."""
    story.send()
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT FROM referral WHERE id = %s FOR UPDATE", [story.id])
            with worker() as first:
                until(lambda: _waits_for_a_lock(cursor))
                kill(first)
    finally:
        superuser.rollback()
        superuser.autocommit = True
    assert handles(mailbox) == []
    with worker():
        until(lambda: _states(story) == [("sent", 1)])
    assert len(handles(mailbox)) == 1


def _waits_for_a_lock(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
    found: bool = cursor.fetchone()[0]
    return found


@pytest.mark.whole
def test_killed_again_and_again_under_load_every_event_is_told(
    story: Story,
    api: Any,
    worker: Callable[[], Any],
    mailbox: MailServer,
    shift_clock: Any,
) -> None:
    sent = [Story(api, story.service_id).send() for _ in range(12)]
    for round_ in range(1, 5):
        with worker() as one:
            enough = 2 * round_
            until(lambda: len(mailbox.received) >= enough)  # noqa: B023
            kill(one)
        shift_clock(f"{61 * round_} seconds")
    with worker():
        until(lambda: len(set(handles(mailbox))) == len(sent))
        until(lambda: {state for state, _ in _states(story)} == {"sent"})
    assert len(_states(story)) == len(sent)  # one message per event, from whichever worker
    # Twice came at most what was on its way when one was killed, under the same handle.
    assert len(handles(mailbox)) <= len(sent) + 4
