"""deploy/pgbouncer/pgbouncer.ini started for real, with Cairn's web process behind it.

Fifty agencies ask at once over few connections to PostgreSQL, and many of them hang up half-way. A
connection that kept anything of its last caller would show someone else's referral.
"""

import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import pytest
import requests

from api.dev import processes
from permissions.identity import credentials
from permissions.models import Agency, Membership, Person
from tests.support.ground.cluster import HOME, own_cluster
from tests.support.ground.ports import free_port
from tests.support.ground.repository import DEPLOY
from tests.support.ground.seed import SEED
from tests.support.ground.waiting import SOON
from tests.support.people.stories import NOTICE, service_of

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
AGENCIES, EACH, SERVER_CONNECTIONS = 50, 6, 3
SERVING = ("app", "signin", "editor", "auditor")

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer on this machine")


class Pooler(NamedTuple):
    """Where it listens, and in which database."""

    port: int
    database: str

    def url(self, role: str) -> str:
        password = own_cluster().passwords()[role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{self.database}"


@pytest.fixture(scope="module")
def pooler(django_db_setup: str) -> Iterator[Pooler]:
    """As the file has it, but for where things are, and with fewer connections than it allows."""
    cluster, port = own_cluster(), free_port()
    dsn = cluster.dsn("app", django_db_setup)
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    text = (DEPLOY / "pgbouncer" / "pgbouncer.ini").read_text()
    for here, there in (
        (
            "cairn = host=127.0.0.1 port=5432 dbname=cairn",
            f"{django_db_setup} = host={dsn['host']} port={dsn['port']} dbname={django_db_setup}",
        ),
        ("listen_port = 6432", f"listen_port = {port}"),
        ("/etc/cairn/pgbouncer/userlist.txt", f"{folder}/userlist.txt"),
        ("/var/log/postgresql/", f"{folder}/"),
        ("/run/postgresql/", f"{folder}/"),
        ("default_pool_size = 15", f"default_pool_size = {SERVER_CONNECTIONS}"),
        ("reserve_pool_size = 3", "reserve_pool_size = 0"),
        ("query_wait_timeout = 5", "query_wait_timeout = 60"),  # of a slow machine
    ):
        assert here in text, here
        text = text.replace(here, there)
    (folder / "pgbouncer.ini").write_text(text)
    users = "".join(f'"{role}" "{cluster.passwords()[role]}"\n' for role in SERVING)
    (folder / "userlist.txt").write_text(users)
    command = [str(PGBOUNCER), "-q", str(folder / "pgbouncer.ini")]
    if os.geteuid() == 0:  # it refuses root, as PostgreSQL does: the same user for both
        owner = os.stat(dsn["host"])
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
        command = [
            *("setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"),
            *command,
        ]
    process = subprocess.Popen(command)
    try:
        while process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        yield Pooler(port, django_db_setup)
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(SOON)
        shutil.rmtree(folder)


@pytest.fixture
def behind(pooler: Pooler, network: Any) -> Iterator[str]:
    """Cairn's web processes, whose four roles go through it; gives their address."""
    base_url = f"http://127.0.0.1:{free_port()}"
    urls = {f"DATABASE_URL_{role.upper()}": pooler.url(role) for role in SERVING[1:]}
    given = {
        "CAIRN_HOME": str(HOME),
        "CAIRN_BASE_URL": base_url,
        "CAIRN_LOG_LEVEL": "ERROR",
        "CAIRN_PREPARE": "0",
        "CAIRN_THREADS": "8",
        "DATABASE_URL": pooler.url("app"),
    }
    process = subprocess.Popen(processes.gunicorn(base_url), env=os.environ | urls | given)
    try:
        processes.wait_until_ready(base_url, process)
        yield base_url
    finally:
        process.terminate()
        process.wait(40)


@pytest.mark.parametrize("role", ["jobs", "sealer", "owner"])
def test_who_holds_locks_of_a_session_may_not_go_through_it(pooler: Pooler, role: str) -> None:
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(pooler.url(role), connect_timeout=10)


def test_its_list_of_users_is_that_of_the_web_process() -> None:
    text = (DEPLOY / "pgbouncer" / "pgbouncer.ini").read_text()
    said = re.search(r"^; Only (\w+), (\w+), (\w+) and (\w+) may go through it", text, re.MULTILINE)
    assert said
    assert said.groups() == SERVING
    assert re.search("^pool_mode = transaction$", text, re.MULTILINE)


def callers() -> list[tuple[str, str]]:
    """One member of each of fifty new agencies: agency and secret."""
    found = []
    for number in range(AGENCIES):
        agency = Agency.objects.using("jobs").create(
            name=f"Pooled {number}", kind="social_service", duty_phone="406-555-0100"
        )
        person = Person.objects.create_user(f"pooled.{number}.{agency.id}", None)
        member = Membership.objects.using("jobs").create(
            agency=agency, person=person, name=f"Worker {number}", roles=["worker"]
        )
        found.append((str(agency.id), credentials.open_for_member(member)))
    return found


def test_of_fifty_agencies_at_once_none_sees_anothers_even_where_callers_hang_up(
    behind: str, pooler: Pooler
) -> None:
    service, everyone = service_of("ywca"), callers()
    seen: dict[str, set[str]] = {agency: set() for agency, _ in everyone}
    own: dict[str, set[str]] = {agency: set() for agency, _ in everyone}
    refused: list[Any] = []

    def live(agency: str, secret: str, dice: random.Random) -> None:
        allowed = {"Authorization": f"Bearer {secret}"}
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(EACH):
                made = session.post(
                    f"{behind}/v1/referrals",
                    json=NOTICE | {"service_id": service},
                    headers=allowed,
                    timeout=120,
                )
                if made.status_code != 201:
                    refused.append((made.status_code, made.text))
                    continue
                own[agency].add(made.json()["id"])
                if dice.random() < 0.5:
                    hang_up(behind, secret, made.json()["id"], dice)
                page = session.get(f"{behind}/v1/referrals?limit=100", headers=allowed, timeout=120)
                seen[agency] |= {one["id"] for one in page.json()["items"]}
                fed = session.get(f"{behind}/v1/events?limit=100", headers=allowed, timeout=120)
                seen[agency] |= {one["referral_id"] for one in fed.json()["items"]}

    threads = [
        threading.Thread(target=live, args=(agency, secret, random.Random(SEED + place)))
        for place, (agency, secret) in enumerate(everyone)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == []
    assert {agency: len(ids) for agency, ids in own.items()} == dict.fromkeys(own, EACH)
    foreign = {agency: ids - own[agency] for agency, ids in seen.items() if ids - own[agency]}
    assert foreign == {}
    assert all(own[agency] <= ids for agency, ids in seen.items())


def hang_up(behind: str, secret: str, referral_id: str, dice: random.Random) -> None:
    """Ask for a page or an act, and go before the answer."""
    host, port = behind.removeprefix("http://").split(":")
    method, path = dice.choice(
        [
            ("GET", f"/v1/referrals/{referral_id}"),
            ("GET", "/v1/referrals?limit=100"),
            ("POST", f"/v1/referrals/{referral_id}/send"),
        ]
    )
    body = '{"agreement": "unknown"}' if method == "POST" else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    with socket.create_connection((host, int(port)), 30) as caller:
        caller.sendall(head.encode())


def test_a_caller_whose_process_is_killed_half_way_leaves_nothing_to_the_next(
    pooler: Pooler,
) -> None:
    """Connections are shared at once: what a transaction set is gone with it, however it ended."""
    for ending in ("rollback", "close"):
        first = psycopg2.connect(pooler.url("app"))
        with first.cursor() as cursor:
            cursor.execute("SELECT set_config('cairn.token', 'of the first', true)")
        getattr(first, ending)()
        for _ in range(2 * SERVER_CONNECTIONS):
            other = psycopg2.connect(pooler.url("app"))
            with other.cursor() as cursor:
                cursor.execute("SELECT current_setting('cairn.token', true)")
                assert cursor.fetchone()[0] in (None, "")
            other.close()
        first.close()
