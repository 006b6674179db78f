"""Senders of webhooks that are killed half-way, and receivers that die and return."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from django.db import connections

from referrals.webhooks import outbox
from tests.support.ground.cluster import HOME
from tests.support.ground.waiting import SOON
from tests.support.people.event_writers import Writers, in_order
from tests.support.people.stories import Story
from tests.support.servers.webhook_receiver import Receiver, ok, receivers

A_LEASE_S = outbox.LEASE_S + 5  # and to spare


def make(api: Any, url: str, who: str = "ywca.admin") -> str:
    answer = api(who).post("/v1/webhooks", {"url": url})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


class Sending:
    """`manage.py worker run --only webhooks`, a process that is killed and started again; none is
    left after the block."""

    def __init__(self, *receivers: Receiver) -> None:
        self.env = os.environ | {
            "CAIRN_HOME": str(HOME),
            "CAIRN_DATABASE": str(connections["jobs"].settings_dict["NAME"]),
            "CAIRN_WEBHOOK_LOOPBACK": " ".join(one.authority for one in receivers),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Sending":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.kill()

    def start(self) -> None:
        command = [sys.executable, "manage.py", "worker", "run", "--only", "webhooks"]
        self.process = subprocess.Popen(command, env=self.env)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(SOON) == 0


def each_event_arrives_in_order(
    kills: int,
    events: int,
    story: Story,
    api: Any,
    settings: Any,
    superuser: Any,
    shift_clock: Callable[[str], None],
) -> None:
    """Kill the sender again and again, while a second receiver dies and returns. At each kill the
    clock moves by more than a lease, so that the test does not wait for it; at the last kill by
    little more than a lease, so that what arrives after it arrives within a minute."""
    with receivers(settings, b"", b"") as (steady, dying), Sending(steady, dying) as sender:
        make(api, steady.url, "ywca.admin")
        make(api, dying.url, "police.admin")
        story.accept()
        name = str(connections["default"].settings_dict["NAME"])
        with Writers(name, story.id, events):
            for kill in range(kills):
                had = len(steady.first_ids())
                dying.answer = ok("503 Down") if kill % 2 else ok()
                sender.start()
                steady.wait_for(had + 1)
                sender.kill()
                on_s = A_LEASE_S if kill == kills - 1 else 600
                shift_clock(f"{kill * 600 + on_s} seconds")
        dying.answer = ok()
        hook = api("police.admin").get("/v1/webhooks").json()["items"][0]
        resume(api, hook["id"])
        began = time.monotonic()
        sender.start()
        expected = {"to": steady, "from": dying}
        for side, receiver in expected.items():  # from the first that it was given to the last
            all_of_it = in_order(superuser, side)
            receiver.wait_for(len(all_of_it) - all_of_it.index(receiver.first_ids()[0]))
        took = time.monotonic() - began
        print(
            f"{kills} kills, {events} events: all there {took:.1f} s after the last start, with the"
            f" clock {A_LEASE_S} s on"
        )
        sender.end()
        for side, receiver in expected.items():
            assert receiver.first_ids() == in_order(superuser, side)[-len(receiver.first_ids()) :]
            assert len(receiver.first_ids()) >= events


def resume(api: Any, endpoint_id: str) -> None:
    path = f"/v1/webhooks/{endpoint_id}"
    etag = api("police.admin").get(path)["ETag"]
    answer = api("police.admin").patch(path, {"paused": False}, If_Match=etag)
    assert answer.status_code == 200
