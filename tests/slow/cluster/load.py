"""`python -m tests.slow.cluster.load`: people and systems who work on, and write down what they
were promised, on a disk of their own, before they do the next thing.

An act is tried until it is answered, with the same Idempotency-Key, as docs and contract say. A
line of the journal is one answer: what was said to be done. What is refused for good is a line as
well, and that story ends there.
"""

import argparse
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from api.dev.parties import Browser, Differs, PartnerSystem, Party
from api.dev.walkthrough import PACKET, RELEASED

TOKEN_S = 200  # seconds; a token is valid for 300
PATIENCE_S = 240  # for one answer
PACE_S = 0.05
NOTICE = {"urgency": "urgent", "needs": ["shelter", "advocacy"], "callback": "406-555-0111"}


class Journal:
    """Lines of JSON, each on disk before `write` returns."""

    def __init__(self, file: Path) -> None:
        self._file = open(file, "a")  # noqa: SIM115 (for the life of the process)
        self._lock = threading.Lock()

    def write(self, **line: Any) -> None:
        with self._lock:
            self._file.write(json.dumps({"at": time.monotonic(), **line}) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def patiently(ask: Callable[[], requests.Response], may_go_on: Callable[[], bool]) -> Any:
    """The answer to `ask`, tried again while there is none or only "not now"."""
    until, pause = time.monotonic() + PATIENCE_S, 0.1
    while True:
        try:
            answer = ask()
            if answer.status_code < 500 and answer.status_code not in (401, 429):
                return answer
        except (requests.RequestException, Differs, ValueError):
            answer = None
        if time.monotonic() > until or not may_go_on():
            raise TimeoutError(f"no answer: {answer.status_code if answer is not None else 'none'}")
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


class Officer:
    """The police's system: a token that is fetched again in time."""

    def __init__(self, demo: dict[str, Any]) -> None:
        self.demo, self.fetched = demo, 0.0
        self.client = next(one for one in demo["clients"] if one["agency"] == "police")
        self.member = next(one for one in demo["members"] if one["username"] == "police.worker")
        self.party: PartnerSystem | None = None

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response:
        if self.party is None or time.monotonic() > self.fetched + TOKEN_S:
            self.party = PartnerSystem(
                *("police", self.demo["base_url"], self.client),
                *(self.demo["token_url"], self.member["id"]),
            )
            self.fetched = time.monotonic()
        answer, _ms = self.party.ask(method, path, body, **headers)
        if answer.status_code == 401:
            self.party = None
        return answer


class Advocate:
    """A person at the desk's own session, who signed in once."""

    def __init__(self, session: Browser) -> None:
        self.session = session
        self.party = Party("advocate", session.base_url)
        self.party.http.cookies.update(session.http.cookies)

    def ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response:
        answer, _ms = self.party.ask(method, path, body, **(self.session.headers() | headers))
        return answer


class Refused(Exception):
    """An answer that ends the story."""


class Worker(threading.Thread):
    """One story after the other, until `stopping`."""

    def __init__(
        self,
        journal: Journal,
        officer: Officer,
        advocate: Advocate,
        service: str,
        stopping: threading.Event,
    ) -> None:
        super().__init__()
        self.journal, self.officer, self.advocate = journal, officer, advocate
        self.service, self.stopping = service, stopping
        self.told = 0

    def run(self) -> None:
        while not self.stopping.wait(PACE_S):
            self.told += 1
            try:
                self._story(revokes=self.told % 2 == 0)
            except (Refused, TimeoutError) as error:
                self.journal.write(refused=str(error))

    def _story(self, *, revokes: bool) -> None:
        key = str(uuid4())
        self.journal.write(trying=key)
        body = NOTICE | {"service_id": self.service}
        made = self._did(self.officer, "create", "/v1/referrals", body, key, None, 201)
        referral = str(made["id"])
        there = f"/v1/referrals/{referral}"

        def act(who: Any, name: str, said: Any = None, expected: int = 200) -> Any:
            path = f"{there}/{name}"
            return self._did(who, name, path, said or {}, f"{key}-{name}", referral, expected)

        act(self.officer, "send", {"agreement": "agrees"})
        act(self.advocate, "acknowledge")
        act(self.officer, "put_release", _release())
        act(self.officer, "put_packet", {"packet": PACKET})
        act(self.advocate, "accept")
        opened = act(self.advocate, "open_packet", {"purpose": "intake"})
        if opened["packet"]["name"] != PACKET["name"]:
            raise Refused("open_packet: another packet")
        if revokes:
            act(self.officer, "revoke_release", {"via": "oral"})

    def _did(
        self,
        who: Any,
        name: str,
        path: str,
        body: Any,
        key: str,
        referral: str | None,
        expected: int,
    ) -> Any:
        headers = {"Idempotency-Key": key} if expected == 201 else {}
        began = time.monotonic()
        answer = patiently(lambda: who.ask("POST", path, body, headers), lambda: True)
        if answer.status_code != expected:
            text = answer.text[:300]
            raise Refused(f"{name} {referral}: {answer.status_code} {text}")
        said = answer.json()
        self.journal.write(
            act=name, referral=referral or said["id"], key=key, took=time.monotonic() - began
        )
        return said


def _release() -> dict[str, Any]:
    """What an officer records of an adult's word; said a while ago, whatever a clock is off."""
    said = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    return {
        "basis": "stated_agreement",
        "purpose": "receive_service",
        "fields": RELEASED,
        "form": "oral_witnessed",
        "signed_at": said,
        "expires_at": (datetime.now(UTC) + timedelta(days=6)).isoformat(),
        "attestations": [
            *("risks_explained", "alternatives_offered", "not_a_condition_of_service"),
            *("platform_explained", "right_to_revoke_told", "may_be_redisclosed_told"),
            "told_no_effect_on_case",
        ],
        "consenters": [{"who": "self", "signed_at": said, "not_the_abuser": True}],
        "adult": True,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, required=True, help="demo.json of the network")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=3)
    given = parser.parse_args()
    demo = json.loads(given.demo.read_text())
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    journal = Journal(given.journal)
    member = next(one for one in demo["members"] if one["username"] == "ywca.worker")
    session = Browser("advocate", demo["base_url"], member)
    mine = next(one["id"] for one in demo["agencies"] if one["key"] == "ywca")
    found = requests.get(
        f"{demo['base_url']}/v1/directory/services", {"answered_by": mine}, timeout=30
    ).json()["contents"]
    workers = [
        Worker(journal, Officer(demo), Advocate(session), found[0]["id"], stopping)
        for _ in range(given.threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
