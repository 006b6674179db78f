"""Deliveries of webhooks (G11): how many a second to receivers on this machine, and whether one
that hangs, one that trickles and one that fails cost the others anything."""

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from api.dev.postgres import Cluster
from permissions.database import db_identity
from permissions.database.uuid7 import uuid7
from permissions.keys import wrapping
from referrals.webhooks import outbox, signatures
from tests.bench import fill
from tests.support.people.callers import Caller, agency_id, member_id
from tests.support.people.stories import Story, service_of
from tests.support.servers.webhook_receiver import Had, Receiver, ok

DATABASE = "bench_webhooks"
RECEIVERS = 20
EVENTS = 500  # each goes to every receiver
PACED = 150  # events, one after the other, for the time that each takes
PAUSE_S = 0.05
ROUNDS = 5
BAD = (None, 1.0, ok("500 Oops"))
AMONG: dict[str, list[Any]] = {
    "twenty that answer": [b""] * RECEIVERS,
    "seventeen next to three bad ones": [*BAD, *[b""] * 17],
}


class Timed(Receiver):
    """Keeps when each message came, and nothing else of it but its own time."""

    def __init__(self, answer: Any = b"") -> None:
        self.lags: list[float] = []
        super().__init__(answer)

    def took(self, message: Had) -> None:
        said = message.body.split(b'"timestamp":"')[1][:27].decode()
        self.lags.append(time.time() - datetime.fromisoformat(said).timestamp())


def run(cluster: Cluster) -> None:
    """Make a database, and print what was measured on it."""
    fill.begin(cluster, DATABASE)
    callers = {}
    for who in ("police.worker", "ywca.worker"):
        member = fill.Membership.objects.using("signin").get(id=member_id(who))
        callers[who] = Caller(who, fill.credentials.open_for_member(member))
    referral = Story(callers.__getitem__, service_of("ywca")).accept().id
    with under_load(cluster, [b""] * RECEIVERS) as made:
        began = time.monotonic()
        write(cluster, referral, EVENTS)
        written = time.monotonic()
        for one in made:
            one.wait_for(EVENTS, 600)
        took = time.monotonic() - began
    total = EVENTS * RECEIVERS
    print(f"\nWebhooks: {total:,} deliveries to {RECEIVERS} receivers of this machine")
    print(f"  {total / took:,.0f} a second, by one process (written in {written - began:.1f} s)")
    lags: dict[str, list[list[float]]] = {name: [] for name in AMONG}
    for _ in range(ROUNDS):  # in turn, so that other work on this machine slows both alike
        for name, answers in AMONG.items():
            lags[name].append(paced(cluster, referral, answers))
    for name, rounds in lags.items():
        found = list(chain.from_iterable(rounds))
        middle, highest = statistics.median(found) * 1000, p99(found) * 1000
        print(f"  {name}: median {middle:.0f} ms, p99 {highest:.0f} ms after the event")
    good, with_bad = ([p99(found) for found in rounds] for rounds in lags.values())
    ratios = sorted(b / a for a, b in zip(good, with_bad, strict=True))
    print(f"  p99 next to three bad ones / among good ones: {statistics.median(ratios):.2f}"
          f" ({ratios[0]:.2f}-{ratios[-1]:.2f}), {ROUNDS} rounds; target 1.10")  # fmt: skip


def paced(cluster: Cluster, referral: str, answers: list[Any]) -> list[float]:
    """Seconds from each event to each of the last seventeen, event after event."""
    with under_load(cluster, answers) as made:
        well = made[-17:]
        for _ in range(PACED):
            write(cluster, referral, 1)
            time.sleep(PAUSE_S)
        for one in well:
            one.wait_for(PACED, 600)
        return [lag for one in well for lag in one.lags]


def p99(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.99)]


@contextmanager
def under_load(
    cluster: Cluster, answers: list[Any], database: str = DATABASE
) -> Iterator[list[Timed]]:
    """Receivers, an endpoint each, and the sender in a process of its own."""
    made = [Timed(answer) for answer in answers]
    for one in made:
        _endpoint(cluster, one.url, database)
    env = os.environ | {
        "CAIRN_DATABASE": database,
        "CAIRN_WEBHOOK_LOOPBACK": " ".join(one.authority for one in made),
    }
    command = [sys.executable, "manage.py", "worker", "run", "--only", "webhooks"]
    process = subprocess.Popen(command, env=env)
    try:
        _wait_until_it_listens(cluster, database)
        yield made
    finally:
        for one in made:
            one.end()
        process.terminate()
        process.wait(60)
        superuser = cluster.connect_superuser(database)
        superuser.cursor().execute("TRUNCATE webhook_endpoint CASCADE")
        superuser.close()


def _endpoint(cluster: Cluster, url: str, database: str) -> None:
    """More of them than an agency may have."""
    endpoint, secret = uuid7(), uuid7()
    with db_identity.identified_transaction(None):
        wrapped = wrapping.wrap(
            wrapping.WEBHOOK_KEY_OWNER,
            signatures.new_secret().encode(),
            outbox.secret_context(secret),
        )
    superuser = cluster.connect_superuser(database)
    cursor = superuser.cursor()
    cursor.execute(
        "INSERT INTO webhook_endpoint (id, agency_id, url, created_at, at_xact, at_event, next_at)"
        " VALUES (%s, %s, %s, now(), sec.xact_bound() - 1, %s, now())",
        [str(endpoint), str(agency_id("ywca")), url, str(UUID(int=2**128 - 1))],
    )
    cursor.execute(
        "INSERT INTO webhook_secret (id, endpoint_id, kek_version, key_bundle, created_at)"
        " VALUES (%s, %s, %s, %s, now())",
        [str(secret), str(endpoint), wrapped.kek_version, wrapped.blob],
    )
    superuser.close()


def _wait_until_it_listens(cluster: Cluster, database: str) -> None:
    superuser = cluster.connect_superuser(database)
    cursor = superuser.cursor()
    pause = threading.Event()
    for _ in range(600):
        cursor.execute(
            "SELECT FROM pg_stat_activity WHERE query = 'LISTEN cairn_work' AND datname = %s",
            [database],
        )
        if cursor.rowcount:
            break
        pause.wait(0.1)
    superuser.close()


def write(cluster: Cluster, referral_id: str, count: int) -> None:
    """So many events, in one transaction."""
    superuser = cluster.connect_superuser(DATABASE)
    superuser.cursor().execute(
        "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,"
        " from_sees, to_sees, told) SELECT gen_random_uuid(), r.id, r.from_agency_id,"
        " r.to_agency_id, clock_timestamp(), 'set_callback', true, true, true"
        " FROM referral r, generate_series(1, %s) WHERE r.id = %s",
        [count, referral_id],
    )
    superuser.close()
