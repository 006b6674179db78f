"""A database of an earlier release is brought to this one and serves; one that does not fit is
refused in a sentence, and no server says that it is ready on it."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path

import psycopg2
import pytest
import requests
from psycopg2.errorcodes import INSUFFICIENT_PRIVILEGE, SYNTAX_ERROR

from api.dev import processes
from api.dev.postgres import Cluster
from permissions.database import catalogue, schema
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import SOON, ended, until
from tests.upgrades.homes import ALERTS, BEFORE, UPGRADED, Home, brought_here, run
from tests.upgrades.make import REPOSITORY, served
from tests.upgrades.scratch import RELEASES, changed_copy, done, environment, manage

pytestmark = [pytest.mark.no_database, pytest.mark.whole]  # clusters of this file's own

ADDED = [  # by the next release
    "unknown: column public.referral.of_a_test",
    "unknown: function sec.of_a_test(integer)",
    "unknown: policy public.referral.of_a_test",
]


def catalogue_of(cluster: Cluster) -> catalogue.Catalogue:
    with closing(cluster.connect_superuser("cairn")) as session, session.cursor() as cursor:
        cursor.execute("SET search_path = public")  # as every role of ours has it
        return catalogue.read(cursor)


@pytest.fixture(scope="module")
def home_of() -> Iterator[Callable[[str], Home]]:
    """The home of a release, made once."""
    with ExitStack() as homes:
        yield cache(lambda version: homes.enter_context(brought_here(version)))


@pytest.fixture(scope="module")
def lived(home_of: Callable[[str], Home]) -> Home:
    return home_of(RELEASES[-1])


@pytest.fixture
def upgraded(lived: Home) -> Cluster:
    lived.put_back(UPGRADED)
    return lived.cluster


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory, lived: Home) -> Path:
    """The next release: a copy with a column, a function and a policy more, and nothing else."""
    folder = changed_copy(tmp_path_factory.mktemp("next") / "release")
    lived.put_back(UPGRADED)
    done(folder, lived.path, "migrate", "--unchecked", "--verbosity", "0")
    found = catalogue_of(lived.cluster)
    assert catalogue.differences(found, catalogue.expected()) == ADDED
    (folder / "permissions" / "sql" / "catalogue.txt").write_text(catalogue.dump(found))
    return folder


def test_there_is_a_dump_of_a_release() -> None:
    assert RELEASES


@pytest.mark.parametrize("version", RELEASES)
def test_a_database_of_each_release_becomes_this_one_and_serves(
    version: str, home_of: Callable[[str], Home]
) -> None:
    home = home_of(version)
    home.put_back(UPGRADED)
    found = catalogue_of(home.cluster)
    assert catalogue.differences(found, catalogue.expected()) == []
    with served(home.path):
        assert (home.path / "walkthrough-passed").exists()


CALLS = (  # of each function, with nothing
    "SELECT format('SELECT * FROM %s(%s)', p.oid::regproc,"
    " (SELECT string_agg('NULL::' || format_type(t, NULL), ', ') FROM unnest(p.proargtypes) t))"
    " FROM pg_proc p WHERE p.pronamespace = 'sec'::regnamespace AND p.prokind = 'f'"
    " AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) ORDER BY 1"
)


def test_each_function_runs_on_a_database_that_was_upgraded(upgraded: Cluster) -> None:
    """None meets a table, a column or a function that is not there. All of it is undone."""
    wrong = []
    with closing(upgraded.connect_superuser("cairn")) as session, session.cursor() as cursor:
        cursor.execute(CALLS)
        calls = [call for (call,) in cursor.fetchall()]
        assert len(calls) > 100
        cursor.execute("BEGIN; SET LOCAL search_path = public; SAVEPOINT here")
        for call in calls:
            try:
                cursor.execute(call)
            except psycopg2.Error as error:
                code = error.pgcode or "none"
                of_no_table = code == SYNTAX_ERROR and "NULL::regclass" in call
                refused = code == INSUFFICIENT_PRIVILEGE
                if code.startswith(("42", "XX")) and not (refused or of_no_table):
                    wrong.append((call, str(error)))
            cursor.execute("ROLLBACK TO here")
        cursor.execute("ROLLBACK")
    assert wrong == []


def test_a_database_whose_roles_had_other_names_becomes_this_one() -> None:
    """As in the weeks before 0.1.0, whose last databases have its tables and two other roles."""
    home = Home("0.1.0")  # of its own: roles are of a cluster, not of a database
    try:
        for role in ("signin", "definer"):
            run(home.cluster, f"ALTER ROLE {role} RENAME TO earlier_{role}")
        home.cluster.stop()
        home.cluster.start()  # makes the roles that are missing
        done(REPOSITORY, home.path, "migrate", "--verbosity", "0")
        found = catalogue_of(home.cluster)
        assert catalogue.differences(found, catalogue.expected()) == []
    finally:
        home.erase()


def test_who_was_alerted_before_the_upgrade_is_alerted_after_it(
    home_of: Callable[[str], Home],
) -> None:
    """Channels of 0.1.0 have not been proven by a code, and count as proven."""
    home = home_of(ALERTS)
    home.put_back(UPGRADED)
    with closing(home.cluster.connect_superuser("cairn")) as session, session.cursor() as cursor:
        cursor.execute("SELECT count(*) > 0, count(*) = count(proven_at) FROM channel")
        assert cursor.fetchone() == (True, True)


class Load:
    """Requests one after the other to whichever of the servers is not being restarted."""

    def __init__(self, targets: list[str]) -> None:
        self.targets = list(targets)
        self.answers: Counter[int | str] = Counter()
        self.ends = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

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
            self.ends.wait(0.1)  # what is restarted gets a processor, too

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
        until(lambda: self.answers.total() >= wanted)


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


def test_the_next_release_comes_while_two_servers_are_asked(new: Path, upgraded: Cluster) -> None:
    """A column, a function and a policy more: the migration runs under load, then one server after
    the other is restarted with the new code. Nothing but what is restarted fails."""
    home = upgraded.home
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
    assert catalogue.dump(catalogue_of(upgraded)) == expected
    refused = manage(REPOSITORY, home, "migrate")
    assert refused.returncode != 0
    assert "made by release 99.0.0, which is later than this code" in refused.stdout


def test_a_database_of_before_the_first_release_is_refused(lived: Home) -> None:
    home, cluster = lived.path, lived.cluster
    cluster.start()
    cluster.drop_database("cairn")
    cluster.create_database("cairn")
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
    # A role that is not one of Cairn's, such as one that reports.
    ("CREATE ROLE reports; GRANT SELECT (act) ON access_entry TO reports", "access_entry.act"),
    ("GRANT EXECUTE ON FUNCTION sec.xact_bound() TO reports", "function sec.xact_bound()"),
    ("GRANT USAGE ON SCHEMA sec TO reports", "different: schema sec"),
]


def test_what_was_changed_by_hand_is_named_and_made_again(upgraded: Cluster) -> None:
    home = upgraded.home
    as_made = catalogue_of(upgraded)
    for change, _ in HAND:
        run(upgraded, change)
    ended = manage(REPOSITORY, home, "schema")
    assert ended.returncode != 0
    for _, named in HAND:
        assert named in ended.stdout, ended.stdout
    checked = manage(REPOSITORY, home, "check", "--database", "default")
    assert "permissions.E007" in checked.stdout, checked.stdout
    done(REPOSITORY, home, "migrate", "--verbosity", "0")
    assert catalogue_of(upgraded) == as_made
    assert "as expected" in done(REPOSITORY, home, "schema")


def test_no_server_is_ready_on_a_schema_that_is_not_its_own(upgraded: Cluster) -> None:
    home = upgraded.home
    server = Server(REPOSITORY, home)
    run(upgraded, "DROP TRIGGER append_only ON access_entry")
    try:
        server.stop()
        with pytest.raises(processes.CommandError, match="has to be upgraded"):
            server.start(REPOSITORY)
        answer = requests.get(f"{server.url}/healthz", timeout=30)
        assert (answer.status_code, answer.json()["checks"]["schema"]) == (503, "failed")
    finally:
        server.stop()


def waits(cluster: Cluster, query: str) -> Callable[[], bool]:
    def asked() -> bool:
        with closing(cluster.connect_superuser("cairn")) as session, session.cursor() as cursor:
            cursor.execute(
                "SELECT FROM pg_stat_activity WHERE query LIKE %s AND pid <> pg_backend_pid()",
                [query],
            )
            return bool(cursor.rowcount)

    return asked


def test_an_upgrade_that_is_killed_changed_nothing(new: Path, lived: Home) -> None:
    lived.put_back(BEFORE)
    home, made = lived.path, lived.cluster
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


def test_an_upgrade_gives_way_to_whoever_works(upgraded: Cluster) -> None:
    """It never waits for a lock so long that PostgreSQL would end a request instead of it."""
    home = upgraded.home
    run(upgraded, "DROP TRIGGER append_only ON access_entry")
    with closing(upgraded.connect_superuser("cairn")) as session:
        session.autocommit = False
        session.cursor().execute("SELECT FROM referral")  # and holds its lock
        process = subprocess.Popen(
            [sys.executable, "manage.py", "migrate"],
            cwd=REPOSITORY,
            env=environment(home),
            stdout=subprocess.DEVNULL,
        )
        with ended(process):
            until(waits(upgraded, "LOCK TABLE%"))
            until(lambda: not waits(upgraded, "LOCK TABLE%")())  # it has given up for now
            assert process.poll() is None
            session.rollback()
            assert process.wait(SOON) == 0
    assert "as expected" in done(REPOSITORY, home, "schema")


def test_every_function_is_of_one_file(upgraded: Cluster) -> None:
    """What is applied twice is the same: nothing in the files depends on what was there before."""
    before = catalogue_of(upgraded)
    with closing(upgraded.connect_superuser("cairn")) as session:
        cursor = session.cursor()
        cursor.execute("SET SESSION AUTHORIZATION owner; BEGIN")
        schema.apply(cursor)
        cursor.execute("COMMIT")
    assert catalogue_of(upgraded) == before
