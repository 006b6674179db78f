"""A process that serves keeps its size over 20,000 requests of all kinds, and starts soon.

The process is the product's, with one worker that is not replaced after 10,000 requests
(deploy/gunicorn.conf.py). In a warm-up plans, texts and caches are made; after it, memory may grow
by less than a kilobyte a request.
"""

import itertools
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from api.dev import processes
from tests.bench.one_server import processes as running
from tests.support.ground.cluster import HOME
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import stop
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.routes import NOWHERE

REQUESTS = int(os.environ.get("CAIRN_SERVED_REQUESTS", "20000"))
WARM = 4_000
AT_ONCE = 4
GROWS_MIB = 12.0  # over the rest: 0.8 KiB a request
STARTS = 3
STARTED_WITHIN_S = 10.0  # of this machine, which others use; ADR 0123 has what was measured
WORDS = ("shelter", "advocacy", "legal aid", "sheltr", "zq1901", "counseling", "food", "housing")

Ask = Callable[[requests.Session], int]


class Process:
    """A gunicorn with one worker, and how long it took until it was ready."""

    def __init__(self, database: str) -> None:
        self.base_url = f"http://127.0.0.1:{free_port()}"
        command = [*processes.gunicorn(self.base_url), "--workers", "1", "--max-requests", "0"]
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.support.ground.settings",
            "CAIRN_HOME": str(HOME),
            "CAIRN_DATABASE": database,
            "CAIRN_BASE_URL": self.base_url,
            "CAIRN_LOG_LEVEL": "ERROR",
        }
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=env)
        processes.wait_until_ready(self.base_url, self.process)
        self.started_s = time.monotonic() - began

    @property
    def worker(self) -> int:
        (found,) = (pid for pid, parent in running() if parent == self.process.pid)
        return found

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.fixture
def process(django_db_setup: str, network: dict[str, Any]) -> Iterator[Process]:
    found = Process(django_db_setup)
    yield found
    stop(found.process)


def kinds(process: Process, api: Any, story: Story) -> list[tuple[Ask, int]]:
    """Requests of all kinds, with the status that each has."""
    base, numbers = process.base_url, itertools.count()
    advocate = {"Authorization": f"Bearer {api('ywca.worker').secret}"}
    officer = {"Authorization": f"Bearer {api('police.worker').secret}"}
    auditor = {"Authorization": f"Bearer {api('ywca.auditor').secret}"}
    session = at_the_desk("ywca.worker").http.cookies
    cookies = {name: morsel.value for name, morsel in session.items()}
    referral = f"{base}/v1/referrals/{story.id}"

    def get(path: str, headers: dict[str, str] | None = None, **more: Any) -> Ask:
        return lambda line: line.get(f"{base}{path}", headers=headers, **more).status_code

    def opens(line: requests.Session) -> int:
        body = {"purpose": "intake"}
        return line.post(f"{referral}/open_packet", json=body, headers=advocate).status_code

    def searches(line: requests.Session) -> int:
        number = next(numbers)
        query = {"search": f"{WORDS[number % len(WORDS)]} {number}", "per_page": 1 + number % 50}
        return line.get(f"{base}/v1/directory/services", params=query).status_code

    def unknown(line: requests.Session) -> int:
        stranger = {"Authorization": f"Bearer no-token-{next(numbers):040}"}
        return line.get(f"{base}/v1/referrals", headers=stranger).status_code

    def begins(line: requests.Session) -> int:
        body = {"urgency": "urgent", "needs": ["shelter"], "callback": "406-555-0111"}
        body |= {"service_id": story.service_id}
        key = {"Idempotency-Key": f"memory-{next(numbers)}"}
        return line.post(f"{base}/v1/referrals", json=body, headers=officer | key).status_code

    return [
        (get("/v1/referrals?box=in", advocate), 200),
        (get("/v1/referrals?needs_answer=true", advocate), 200),
        (get(f"/v1/referrals/{story.id}", advocate), 200),
        (get(f"/v1/referrals/{story.id}/history", officer), 200),
        (get(f"/v1/referrals/{NOWHERE}", advocate), 404),
        (get("/v1/events", advocate), 200),
        (get("/v1/access-log", auditor), 200),
        (get("/desk/", cookies=cookies), 200),
        (get(f"/desk/referrals/{story.id}", cookies=cookies), 200),
        (get("/health/ready"), 200),
        (opens, 200),
        (searches, 200),
        (unknown, 401),
        (begins, 201),
    ]


def ask_all(asked: list[tuple[Ask, int]], times: int) -> dict[int, int]:
    """Ask so many in turn, several at once. Returns how often a kind had another status than its
    own, by its place."""
    turns, wrong, lock = itertools.count(), dict.fromkeys(range(len(asked)), 0), threading.Lock()

    def asks() -> None:
        with requests.Session() as line:
            while (turn := next(turns)) < times:
                ask, status = asked[turn % len(asked)]
                if ask(line) != status:
                    with lock:
                        wrong[turn % len(asked)] += 1

    threads = [threading.Thread(target=asks) for _ in range(AT_ONCE)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return {place: number for place, number in wrong.items() if number}


def test_a_process_keeps_its_size(process: Process, api: Any, story: Story) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    asked = kinds(process, api, story)
    worker = process.worker
    assert ask_all(asked, WARM) == {}
    warm = process.resident_mib()
    began = time.monotonic()
    assert ask_all(asked, REQUESTS - WARM) == {}
    took = time.monotonic() - began
    assert process.worker == worker
    end = process.resident_mib()
    print(f"{warm:.1f} MiB after {WARM:,} requests, {end:.1f} after {REQUESTS:,} ({took:.0f} s)")
    assert end - warm <= GROWS_MIB


def test_a_process_starts_soon(django_db_setup: str, network: dict[str, Any]) -> None:
    """Ready, by its own word: with the database, the keys and the log. The first start compiles."""
    took = []
    for _ in range(STARTS):
        found = Process(django_db_setup)
        stop(found.process)
        took.append(found.started_s)
    print("ready after " + ", ".join(f"{one:.1f} s" for one in took))
    assert min(took) <= STARTED_WITHIN_S
