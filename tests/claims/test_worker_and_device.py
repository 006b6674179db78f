"""The real worker: an emergency reaches a person's own device soon after `send` and climbs on
silence; a worker that is killed repeats no call and loses none, also while calls are paused."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from permissions.keys import vapid_key
from tests.support.ground.cluster import HOME
from tests.support.ground.waiting import until
from tests.support.people.awake import (
    THANKS,
    asked,
    claims,
    keys,
    own_calls,
    own_lines,
    push,
    said,
    subscribe,
    voices,
)
from tests.support.people.notifications import keep, number, prove, work
from tests.support.people.rota import set_rotation
from tests.support.people.stories import Story
from tests.support.servers.message_servers import PhoneProvider
from tests.support.servers.push_service import Browser, PushService, push_service

FIRST, SECOND = "ywca.worker2", "ywca.worker"
GONE_S = 60
MOST_S = 10  # from `send` to the device: promised

Worker = Callable[[], Any]


@pytest.fixture
def service(settings: Any) -> Iterator[PushService]:
    with push_service(vapid_key.public_text()) as found:
        settings.PUSH_LOOPBACK = frozenset({found.base.removeprefix("http://")})
        yield found


@pytest.fixture
def worker(
    django_db_setup: str, service: PushService, phones: PhoneProvider, tmp_path: Path
) -> Worker:
    """`manage.py worker run` with all its jobs, in a process of its own."""
    token = tmp_path / "given"
    token.write_text("an invented token\n")
    env = os.environ | {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": django_db_setup,
        "CAIRN_TWILIO_ACCOUNT": "AC" + "0" * 32,
        "CAIRN_TWILIO_FROM": "+14065550100",
        "CAIRN_TWILIO_TOKEN_FILE": str(token),
        "CAIRN_TWILIO_BASE": phones.base,
        "CAIRN_PUSH_LOOPBACK": service.base.removeprefix("http://"),
        "CAIRN_LOG_LEVEL": "WARNING",
    }
    jobs = [f"--only={one}" for one in ("clocks", "tell", "sms", "voice", "push")]

    @contextmanager
    def running() -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen([sys.executable, "manage.py", "worker", "run", *jobs], env=env)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(GONE_S)

    return running


@pytest.fixture
def ready(api: Any, service: PushService, phones: PhoneProvider) -> Browser:
    """The first person has a device and is called, the second is called and texted."""
    browser = service.browser()
    subscribe(FIRST, browser, proven=False)
    prove(own_lines(FIRST)[0]["id"])
    keep(api, FIRST, "sms", "406-555-0182")
    keep(api, SECOND, "sms", "406-555-0181")
    voices(api, FIRST, SECOND)
    set_rotation(api, (FIRST, SECOND, "ywca.lead"))
    work()  # the codes
    push()
    phones.received.clear()
    service.received.clear()
    return browser


def kill(process: Any) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(GONE_S)


def told(browser: Browser, service: PushService) -> list[dict[str, Any]]:
    return [one for one in service.messages(browser) if "awake" in one]


def texts(phones: PhoneProvider, who: str) -> int:
    return sum(kind == "sms" for kind, _ in phones.to(number(who)))


def test_it_reaches_all_own_lines_within_ten_seconds_and_climbs_on_silence(
    story: Story,
    ready: Browser,
    service: PushService,
    phones: PhoneProvider,
    worker: Worker,
    superuser: Any,
    shift_clock: Any,
) -> None:
    assert ask_for_a_test(story) == 202
    story.create(urgency="emergency")
    recorded = (
        "SELECT count(DISTINCT kind) FROM message WHERE template = 'notice'"
        f" AND done_at IS NOT NULL AND referral_id = '{story.id}'"
    )
    with worker():
        until(lambda: texts(phones, FIRST) == 1)  # the test: it is at work
        story.send()
        until(lambda: texts(phones, FIRST) == 2)
        until(lambda: bool(told(ready, service)) and bool(own_calls(phones, FIRST)))
        assert own_calls(phones, SECOND) == []
        until(lambda: count(superuser, recorded) == 3)  # before the clock is moved
        shift_clock("5 minutes 5 seconds")
        until(lambda: bool(own_calls(phones, SECOND)) and texts(phones, SECOND) > 0)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT m.kind, extract(epoch FROM min(m.done_at) - min(r.sent_at)) FROM message m"
            " JOIN referral r ON r.id = m.referral_id WHERE m.template = 'notice'"
            " AND r.id = %s GROUP BY m.kind",
            [story.id],
        )
        took = dict(cursor.fetchall())
    assert set(took) == {"push", "sms", "voice"}
    print({kind: round(float(seconds), 2) for kind, seconds in took.items()})
    assert max(took.values()) <= MOST_S


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_worker_killed_in_a_call_neither_repeats_nor_loses_it_and_its_digits_stay_right(
    story: Story,
    ready: Browser,
    phones: PhoneProvider,
    worker: Worker,
    superuser: Any,
    shift_clock: Any,
    where: str,
) -> None:
    phones.pause = where
    story.create(urgency="emergency").send()
    with worker() as first:
        assert phones.paused.wait(GONE_S)
        kill(first)
        phones.go_on.set()
    shift_clock("46 seconds")
    left = "SELECT count(*) FROM message WHERE template = 'notice' AND state <> 'sent'"
    with worker():
        until(lambda: count(superuser, left) == 0)
    (twiml,) = own_calls(phones, FIRST)
    digits, link = asked(twiml)
    assert THANKS in said(keys(link, digits))
    assert claims(superuser, story) == [("call", 300)]


@pytest.mark.parametrize(("where", "taken"), [("before", 1), ("after", 2)])
def test_a_worker_killed_in_a_push_loses_none_and_the_device_shows_one(
    story: Story,
    ready: Browser,
    service: PushService,
    worker: Worker,
    superuser: Any,
    shift_clock: Any,
    where: str,
    taken: int,
) -> None:
    service.pause = where
    story.create(urgency="emergency").send()
    with worker() as first:
        assert service.paused.wait(GONE_S)
        kill(first)
        service.go_on.set()
    shift_clock("46 seconds")
    with worker():
        until(lambda: len(told(ready, service)) == taken)
    assert len({one["tag"] for one in told(ready, service)}) == 1
    assert len({headers["topic"] for _, headers, _ in service.received}) == 1


@pytest.mark.whole
def test_a_worker_killed_while_calls_are_paused_makes_them_once_when_the_pause_ends(
    story: Story,
    ready: Browser,
    phones: PhoneProvider,
    worker: Worker,
    superuser: Any,
    shift_clock: Any,
) -> None:
    story.create(urgency="emergency").send()
    with worker():
        until(lambda: bool(own_calls(phones, FIRST)))
    shift_clock("2 minutes")
    digits, link = asked(own_calls(phones, FIRST)[0])
    assert THANKS in said(keys(link, digits))
    shift_clock("5 minutes 5 seconds")
    put_back = (
        "SELECT count(*) FROM message WHERE template = 'unanswered' AND kind = 'voice'"
        " AND state = 'waiting' AND due_at > sec.clock() AND tries = 0 AND lease IS NULL"
    )
    with worker() as first:
        until(lambda: texts(phones, SECOND) > 0 and count(superuser, put_back) == 1)
        kill(first)
    assert own_calls(phones, SECOND) == []
    shift_clock("7 minutes 5 seconds")
    with worker():
        until(lambda: bool(own_calls(phones, SECOND)))
        until(lambda: count(superuser, put_back.replace("due_at >", "due_at <")) == 0)
    assert len(own_calls(phones, SECOND)) == 1


def ask_for_a_test(story: Story) -> int:
    """Ask for a test of the first person's number."""
    sms = next(one["id"] for one in own_lines(FIRST) if one["kind"] == "sms")
    status: int = story.api(FIRST).post(f"/v1/channels/{sms}/ring").status_code
    return status


def count(superuser: Any, question: str) -> int:
    with superuser.cursor() as cursor:
        cursor.execute(question)
        found: int = cursor.fetchone()[0]
    return found
