"""A database of an earlier release is brought to this one and serves; one that does not fit is
refused in a sentence, and no server says that it is ready on it."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from api.dev import processes
from api.dev.postgres import Cluster
from permissions.database import catalogue, schema
from tests.support.cluster import GROUND
from tests.support.ports import free_port
from tests.support.waiting import SOON, ended, until
from tests.upgrades.make import REPOSITORY, served
from tests.upgrades.scratch import RELEASES, done, environment, manage, next_release, restore

pytestmark = pytest.mark.no_database  # each has a cluster of its own


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A home of this test's own; its cluster is erased at the end."""
    path = GROUND / f"upgrade-{os.getpid()}-{request.node.name.partition('[')[0][5:30]}"
    yield path
    Cluster(path).erase()


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next release: a copy with a column, a function and a policy more."""
    folder = tmp_path_factory.mktemp("next")
    return next_release(folder / "release", GROUND / f"upgrade-{os.getpid()}-fresh")


def catalogue_of(cluster: Cluster) -> catalogue.Catalogue:
    with closing(cluster.connect_superuser("cairn")) as session, session.cursor() as cursor:
        cursor.execute("SET search_path = public")  # as every role of ours has it
        return catalogue.read(cursor)


def run(cluster: Cluster, sql: str, role: str = "postgres") -> None:
    with closing(cluster.connect_superuser("cairn")) as session:
        session.cursor().execute(f"SET ROLE {role}; {sql}")


def test_there_is_a_dump_of_a_release() -> None:
    assert RELEASES


def upgraded(home: Path) -> None:
    """This release's schema. A dump is a backup: its cluster starts to count transactions again
    (deploy/RUNBOOK.md, Restore)."""
    done(REPOSITORY, home, "migrate", "--verbosity", "0")
    done(REPOSITORY, home, "database", "recover", "--anyway", "--unwitnessed", "--yes")


@pytest.mark.parametrize("version", RELEASES)
def test_a_database_of_each_release_becomes_this_one_and_serves(version: str, home: Path) -> None:
    cluster = restore(version, home)
    upgraded(home)
    found = catalogue_of(cluster)
    assert catalogue.differences(found, catalogue.expected()) == []
    with served(home):
        assert (home / "walkthrough-passed").exists()


def test_who_was_alerted_before_the_upgrade_is_alerted_after_it(home: Path) -> None:
    """Channels of 0.1.0 have not been proven by a code, and count as proven."""
    cluster = restore("0.1.0", home)
    run(
        cluster,
        "INSERT INTO channel (id, agency_id, use, kind, address) SELECT gen_random_uuid(), id,"
        " 'duty', 'mail', 'duty@agency.invalid' FROM permissions_agency",
    )
    done(REPOSITORY, home, "migrate", "--verbosity", "0")
    with closing(cluster.connect_superuser("cairn")) as session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) > 0, count(*) = count(proven_at) FROM channel")
        assert cursor.fetchone() == (True, True)


class Load:
    """Requests one after the other to whichever of the servers is not being restarted."""

    def __init__(self, targets: list[str]) -> None:
        self.targets = list(targets)
        self.answers: Counter[int | str] = Counter()
        self.ends = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def _ask(self) -> None:
        while not self.ends.is_set():
            for target in list(self.targets):
                try:
                    answer = requests.get(f"{target}/v1/directory/services", timeout=30)
                except requests.RequestException as error:
                    if target in self.targets:  # else it is being restarted
                        self.answers[type(error).__name__] += 1
                else:
                    self.answers[answer.status_code] += 1

    def __enter__(self) -> "Load":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ends.set()
        for one in self._threads:
            one.join()

    def wait_for(self, number: int) -> None:
        """Until so many more answers have come."""
        wanted = self.answers.total() + number
        while self.answers.total() < wanted:
            time.sleep(0.01)


class Server:
    """gunicorn of a checkout on a home, at a port that stays the same over a restart."""

    def __init__(self, checkout: Path, home: Path) -> None:
        self.url, self.home = f"http://127.0.0.1:{free_port()}", home
        self.start(checkout)

    def start(self, checkout: Path) -> None:
        env = environment(self.home) | {"CAIRN_BASE_URL": self.url, "CAIRN_LOG_LEVEL": "WARNING"}
        self._process = subprocess.Popen(processes.gunicorn(self.url), cwd=checkout, env=env)
        processes.wait_until_ready(self.url, self._process)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(SOON)


def test_the_next_release_comes_while_two_servers_are_asked(home: Path, new: Path) -> None:
    """A column, a function and a policy more: the migration runs under load, then one server after
    the other is restarted with the new code. Nothing but what is restarted fails."""
    cluster = restore(RELEASES[-1], home)
    upgraded(home)
    servers = [Server(REPOSITORY, home), Server(REPOSITORY, home)]
    try:
        with Load([one.url for one in servers]) as load:
            load.wait_for(50)
            done(new, home, "migrate", "--verbosity", "0")
            load.wait_for(50)  # the old code on the new schema
            assert requests.get(f"{servers[0].url}/healthz", timeout=30).status_code == 200
            for server in servers:
                load.targets.remove(server.url)
                server.stop()
                server.start(new)
                load.targets.append(server.url)
            load.wait_for(50)
        assert set(load.answers) == {200}
    finally:
        for server in servers:
            server.stop()
    expected = (new / "permissions" / "sql" / "catalogue.txt").read_text()
    assert catalogue.dump(catalogue_of(cluster)) == expected
    with served(home, new):
        assert (home / "walkthrough-passed").exists()
    cluster.start()  # `run` has stopped it
    refused = manage(REPOSITORY, home, "migrate")
    assert refused.returncode != 0
    assert "made by release 99.0.0, which is later than this code" in refused.stdout


@pytest.fixture(scope="module")
def made() -> Iterator[Cluster]:
    """This release's database, which each test leaves as `migrate` makes it."""
    cluster = restore(RELEASES[-1], GROUND / f"upgrade-{os.getpid()}-made")
    done(REPOSITORY, cluster.home, "migrate", "--verbosity", "0")
    yield cluster
    cluster.erase()


def test_a_database_of_before_the_first_release_is_refused(home: Path) -> None:
    cluster = Cluster(home)
    cluster.start()
    run(cluster, "CREATE TABLE public.django_migrations (id int, app text, name text)", "owner")
    for words in (["migrate"], ["schema"], ["run"]):  # `run` stops the server
        ended = manage(REPOSITORY, home, *words)
        assert ended.returncode != 0, words
        assert "made before release 0.1.0" in ended.stdout, ended.stdout
        assert "make reset" in ended.stdout
        assert "Ready" not in ended.stdout
        assert "Traceback" not in ended.stdout


# What a hand may change, and how `manage.py schema` names it.
HAND: list[tuple[str, str]] = [
    (
        "CREATE FUNCTION sec.left_behind() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "unknown: function sec.left_behind()",
    ),
    (
        "DROP TRIGGER append_only ON access_entry",
        "missing: trigger public.access_entry.append_only",
    ),
    ("GRANT SELECT ON credential TO app", "different: table public.credential"),
    ("GRANT EXECUTE ON FUNCTION sec.xact() TO backup", "different: function sec.xact()"),
    ("ALTER TABLE referral NO FORCE ROW LEVEL SECURITY", "different: table public.referral"),
    (
        "CREATE POLICY of_a_hand ON referral TO app USING (true)",
        "unknown: policy public.referral.of_a_hand",
    ),
]


def test_what_was_changed_by_hand_is_named_and_made_again(made: Cluster) -> None:
    home = made.home
    as_made = catalogue_of(made)
    for change, _ in HAND:
        run(made, change)
    ended = manage(REPOSITORY, home, "schema")
    assert ended.returncode != 0
    for _, named in HAND:
        assert named in ended.stdout, ended.stdout
    checked = manage(REPOSITORY, home, "check", "--database", "default")
    assert "permissions.E007" in checked.stdout, checked.stdout
    done(REPOSITORY, home, "migrate", "--verbosity", "0")
    assert catalogue_of(made) == as_made
    assert "as expected" in done(REPOSITORY, home, "schema")


def test_no_server_is_ready_on_a_schema_that_is_not_its_own(made: Cluster) -> None:
    home = made.home
    server = Server(REPOSITORY, home)
    run(made, "DROP TRIGGER append_only ON access_entry")
    try:
        server.stop()
        with pytest.raises(processes.CommandError, match="has to be upgraded"):
            server.start(REPOSITORY)
        answer = requests.get(f"{server.url}/healthz", timeout=30)
        assert (answer.status_code, answer.json()["checks"]["schema"]) == (503, "failed")
    finally:
        server.stop()
        done(REPOSITORY, home, "migrate", "--verbosity", "0")


def waits(cluster: Cluster, query: str) -> Callable[[], bool]:
    def asked() -> bool:
        with closing(cluster.connect_superuser("cairn")) as session, session.cursor() as cursor:
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()",
                [query],
            )
            return bool(cursor.rowcount)

    return asked


def test_an_upgrade_that_is_killed_changed_nothing(home: Path, new: Path) -> None:
    made = restore(RELEASES[-1], home)
    last = new / "referrals" / "sql" / "policies" / "zz_last.sql"
    last.write_text("SELECT pg_sleep(600);\n")
    before = catalogue_of(made)
    try:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "migrate"], cwd=new, env=environment(home)
        )
        with ended(process):
            until(waits(made, "%pg_sleep(600)%"))
    finally:
        last.unlink()
    with closing(made.connect_superuser("cairn")) as session:  # as the server notices at last
        session.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
        )
    until(lambda: not waits(made, "%pg_sleep(600)%")())
    assert catalogue_of(made) == before
    done(new, home, "migrate", "--verbosity", "0")
    expected = (new / "permissions" / "sql" / "catalogue.txt").read_text()
    assert catalogue.dump(catalogue_of(made)) == expected


def test_an_upgrade_gives_way_to_whoever_works(made: Cluster) -> None:
    """It never waits for a lock so long that PostgreSQL would end a request instead of it."""
    home = made.home
    run(made, "DROP TRIGGER append_only ON access_entry")
    with closing(made.connect_superuser("cairn")) as session:
        session.autocommit = False
        session.cursor().execute("SELECT FROM referral")  # and holds its lock
        process = subprocess.Popen(
            [sys.executable, "manage.py", "migrate"],
            cwd=REPOSITORY,
            env=environment(home),
            stdout=subprocess.DEVNULL,
        )
        with ended(process):
            until(waits(made, "LOCK TABLE%"))
            until(lambda: not waits(made, "LOCK TABLE%")())  # it has given up for now
            assert process.poll() is None
            session.rollback()
            assert process.wait(SOON) == 0
    assert "as expected" in done(REPOSITORY, home, "schema")


def test_every_function_is_of_one_file(made: Cluster) -> None:
    """What is applied twice is the same: nothing in the files depends on what was there before."""
    before = catalogue_of(made)
    with closing(made.connect_superuser("cairn")) as session:
        cursor = session.cursor()
        cursor.execute("SET SESSION AUTHORIZATION owner; BEGIN")
        schema.apply(cursor)
        cursor.execute("COMMIT")
    assert catalogue_of(made) == before
