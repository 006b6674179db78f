"""kill -9 of each worker, again and again, while people go on working: what was committed is done
within a minute of the restart, and nothing is done twice.

What a provider took and no longer could be written down is looked for there first: an SMS by its
words, a call by its number, a mail by its Message-ID in the mailbox of copies.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from permissions.ledger import sealer
from permissions.ledger.sealer import Checkpoint
from referrals.acts import availability
from tests.support.ground.cluster import HOME
from tests.support.ground.forked_workers import ForkedWorkers
from tests.support.ground.waiting import until
from tests.support.people.notifications import DUTY, PEOPLE, keep, number, work
from tests.support.people.seals import faults, seal
from tests.support.people.stories import Story
from tests.support.servers.message_servers import COPIES, CopiesServer, MailServer, PhoneProvider


@pytest.fixture
def workers(
    django_db_setup: str,
    mails: MailServer,
    copies: CopiesServer,
    phones: PhoneProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[ForkedWorkers]:
    monkeypatch.setattr(
        availability, "MOST_WAITING", 1_000_000
    )  # no one looks at what a load sends
    token = tmp_path / "token"
    token.write_text("an invented token\n")
    env = {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": django_db_setup,
        "CAIRN_SMTP": f"smtp+plain://127.0.0.1:{mails.port}",
        "CAIRN_MAIL_FROM": "no-reply@cairn.invalid",
        "CAIRN_MAIL_COPY_TO": COPIES,
        "CAIRN_MAIL_COPIES": f"imap+plain://copies:an%20invented%20password@127.0.0.1:{copies.port}",
        "CAIRN_TWILIO_ACCOUNT": "AC" + "0" * 32,
        "CAIRN_TWILIO_FROM": "+14065550100",
        "CAIRN_TWILIO_TOKEN_FILE": str(token),
        "CAIRN_TWILIO_BASE": phones.base,
        "CAIRN_LOG_LEVEL": "WARNING",
    }
    with ForkedWorkers(env) as forking:
        yield forking


class Load(threading.Thread):
    """People who go on: `act` again and again, until the block ends."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act, self._enough = act, threading.Event()
        self.done = 0
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._enough.wait(0.01):
                self._act()
                self.done += 1
        except BaseException as error:
            self.failed = error
        finally:
            connections.close_all()

    def __enter__(self) -> "Load":
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._enough.set()
        self.join()
        assert self.failed is None, self.failed


def asked(superuser: Any, question: str) -> Any:
    with superuser.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def as_superuser(statement: str, referral: str) -> None:
    """For the thread of the load, on a connection of its own."""
    from api.dev.postgres import Cluster

    connection = Cluster(HOME).connect_superuser(str(connections["default"].settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute(statement, [referral])
    connection.close()


def seconds_until(so: Callable[[], bool]) -> float:
    """Wait for what has to come; how many seconds it took."""
    began = time.monotonic()
    until(so)
    return time.monotonic() - began


def kill_again_and_again(
    workers: ForkedWorkers, victim: str, progress: Callable[[], int], kills: int
) -> None:
    """Each time once it has done something, at a moment of chance."""
    dice = random.Random(victim)
    for _ in range(kills):
        had = progress()
        worker = workers.start(victim)
        until(lambda: progress() > had)  # noqa: B023
        time.sleep(dice.uniform(0, 0.03))
        workers.kill(worker)


def told(kills: int, victim: str, number: int, seconds: float, twice: int) -> None:
    print(
        f"{victim}: killed {kills} times; all of {number} done {seconds:.1f} s after the restart;"
        f" {twice} twice"
    )


CHAIN = ("tell", "mail", "sms", "voice")


class WorkersKilled:
    """The tests, of whatever size."""

    kills: int
    waits: bool  # what a killed worker held stays its own for 45 seconds: wait, or move the clock

    @pytest.mark.parametrize("victim", CHAIN)
    def test_each_notice_leaves_once_on_each_channel(
        self,
        victim: str,
        story: Story,
        api: Any,
        workers: ForkedWorkers,
        mails: MailServer,
        phones: PhoneProvider,
        superuser: Any,
        shift_clock: Callable[[str], None],
    ) -> None:
        for kind, address in (
            ("mail", DUTY["ywca"]),
            ("sms", "4065550161"),
            ("voice", "4065550162"),
        ):
            keep(api, "ywca.admin", kind, address, use="duty")
        progress = {
            "tell": lambda: asked(superuser, "SELECT count(*) FROM message"),
            "mail": lambda: len(mails.of(DUTY["ywca"])),
            "sms": lambda: len(phones.to("+14065550161")),
            "voice": lambda: len(phones.to("+14065550162")),
        }[victim]
        workers.start(*[one for one in CHAIN if one != victim])
        with Load(lambda: Story(api, story.service_id).send()) as load:
            kill_again_and_again(workers, victim, progress, self.kills)
        if not self.waits:
            shift_clock("46 seconds")
        workers.start(victim)
        left = "SELECT count(*) FROM message WHERE state <> 'sent'"
        all_of_it = 3 * load.done
        seconds = seconds_until(
            lambda: (
                asked(superuser, "SELECT count(*) FROM message") == all_of_it
                and asked(superuser, left) == 0
            )
        )
        each = "SELECT count(DISTINCT (referral_id, channel_id)) FROM message"
        assert asked(superuser, each) == all_of_it
        came = {
            "mail": Counter(str(mail["Message-ID"]) for mail in mails.of(DUTY["ywca"])),
            "sms": Counter(form["Body"] for _, form in phones.to("+14065550161")),
            "voice": Counter(form["Twiml"] for _, form in phones.to("+14065550162")),
        }
        twice = {kind: sum(counts.values()) - len(counts) for kind, counts in came.items()}
        assert {kind: len(counts) for kind, counts in came.items()} == dict.fromkeys(
            came, load.done
        )
        assert twice == dict.fromkeys(came, 0)
        told(self.kills, victim, load.done, seconds, sum(twice.values()))

    def test_each_deadline_is_marked_once_and_rung_once(
        self,
        story: Story,
        api: Any,
        workers: ForkedWorkers,
        mails: MailServer,
        phones: PhoneProvider,
        superuser: Any,
    ) -> None:
        keep(api, "police.worker", "sms", PEOPLE["police.worker"])
        marks = "SELECT count(*) FROM referral_event WHERE act = 'escalated'"

        def late() -> None:
            one = Story(api, story.service_id).send()
            as_superuser("UPDATE referral SET ack_by = now() WHERE id = %s", one.id)

        with Load(late) as load:
            kill_again_and_again(workers, "clocks", lambda: asked(superuser, marks), self.kills)
        workers.start("clocks")
        seconds = seconds_until(lambda: asked(superuser, marks) == load.done)
        assert asked(superuser, f"{marks} GROUP BY referral_id ORDER BY 1 DESC LIMIT 1") == 1
        work()
        assert len(phones.to(number("police.worker"))) == load.done
        told(self.kills, "clocks", load.done, seconds, 0)

    def test_each_entry_is_sealed_once(
        self, api: Any, workers: ForkedWorkers, superuser: Any
    ) -> None:
        seal()
        reader = api("ywca.worker")

        def newest() -> Checkpoint:
            found = sealer.newest_checkpoint()
            assert found is not None
            return found

        with Load(lambda: reader.get("/v1/referrals")):
            kill_again_and_again(workers, "seal", lambda: newest().size, self.kills)
        workers.start("seal")
        seconds = seconds_until(lambda: sealer.count_unsealed() == 0)
        entries = asked(superuser, "SELECT count(*) FROM log_leaf")
        places = "SELECT count(*) FROM log_leaf l WHERE l.entry_id = e.id AND l.entry_at = e.at"
        assert asked(superuser, f"SELECT count(*) FROM access_entry e WHERE ({places}) <> 1") == 0
        assert faults() == []
        told(self.kills, "seal", entries, seconds, 0)

    def test_each_draft_goes_and_is_counted_once(
        self, story: Story, api: Any, workers: ForkedWorkers, superuser: Any
    ) -> None:
        purged = "SELECT coalesce(sum(number), 0)::int FROM purged_count"
        entries = "SELECT count(*) FROM access_entry WHERE act = 'referral.purge'"
        before = asked(superuser, entries)

        older = "UPDATE referral_event SET at = at - interval '25 hours' WHERE referral_id = %s"

        def forget() -> None:
            as_superuser(older, Story(api, story.service_id).create().id)

        with Load(forget) as load:
            kill_again_and_again(workers, "purge", lambda: asked(superuser, purged), self.kills)
        workers.start("purge")
        seconds = seconds_until(lambda: asked(superuser, "SELECT count(*) FROM referral") == 0)
        until(lambda: asked(superuser, purged) == load.done)
        assert asked(superuser, entries) - before == load.done
        told(self.kills, "purge", load.done, seconds, 0)
