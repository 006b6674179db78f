"""`manage.py database` and api/dev/postgres.py: real clusters, on every PostgreSQL found here."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from django.core.management import CommandError

from api.dev.postgres import LOGIN_ROLES, PostgresError
from tests.deploy.clusters import AS_ROOT, poll
from tests.deploy.clusters import binaries as binaries  # a fixture
from tests.deploy.clusters import database as database  # a fixture
from tests.deploy.clusters import first_made as first_made  # a fixture
from tests.deploy.clusters import kept as kept  # a fixture
from tests.deploy.clusters import make as make  # a fixture
from tests.deploy.clusters import open_folder as open_folder  # a fixture
from tests.deploy.clusters import running as running  # a fixture
from tests.deploy.clusters import started as started  # a fixture
from tests.support.ground.homes import ask, data_of, postmaster
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import SOON, until


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


def test_stop_is_safe_twice_and_before_any_start(make, kept, open_folder):
    make(open_folder / "none").stop()
    assert not (open_folder / "none").exists()
    kept.start()
    kept.stop()
    kept.stop()
    assert not kept.is_running()


def test_what_was_committed_outlives_a_killed_server(kept):
    kept.start()
    ask(kept, "owner", "CREATE TABLE kept AS SELECT 7 AS answer")
    os.kill(postmaster(kept), signal.SIGKILL)
    until(lambda: not kept.is_running())
    kept.start()
    assert ask(kept, "owner", "SELECT answer FROM kept") == [(7,)]


def test_a_session_that_outlives_the_killed_server_only_delays_the_next_start(kept):
    kept.start()
    server = postmaster(kept)
    busy = psycopg2.connect(**kept.dsn("owner"), async_=True)
    poll(busy)
    # It never looks whether the server is still there while it counts.
    busy.cursor().execute("SELECT count(*) FROM generate_series(1, 10000000)")
    state = f"SELECT state FROM pg_stat_activity WHERE pid = {busy.info.backend_pid}"
    until(lambda: ask(kept, "owner", state) == [("active",)])
    os.kill(server, signal.SIGKILL)
    until(lambda: not kept.is_running())
    kept.start()
    log = (data_of(kept) / "server.log").read_text()
    assert "still in use" in log  # else this test has shown nothing
    assert ask(kept, "owner", "SELECT 1") == [(1,)]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_a_stale_pid_file_that_names_someone_elses_process_is_no_server(kept):
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


def test_the_server_outlives_the_terminal_it_was_started_from(kept, binaries):
    program = "import sys; from pathlib import Path; from api.dev.postgres import Cluster\n"
    program += "Cluster(Path(sys.argv[1]), Path(sys.argv[2])).start()\n"
    program += "print('up', flush=True); input()"
    command = [sys.executable, "-c", program, str(kept.home), str(binaries)]
    terminal = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    assert terminal.stdout.readline() == b"up\n"
    os.killpg(terminal.pid, signal.SIGINT)  # Ctrl-C
    terminal.communicate(timeout=SOON)
    assert kept.is_running()


def test_lost_passwords_are_made_again(kept):
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


def test_a_server_of_someone_elses_is_only_looked_at(running, database, tmp_path, monkeypatch):
    monkeypatch.setenv("CAIRN_HOME", str(tmp_path))
    url = running.url("app")
    for words in (["start"], ["stop"], ["erase", "--yes"]):
        assert f"Cairn does not {words[0]} it" in database(*words, DATABASE_URL=url)
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


@pytest.mark.no_database
@pytest.mark.parametrize(
    "command",
    [
        *("ledger status", "migrate --traceback"),
        *(
            pytest.param(one, marks=pytest.mark.whole)
            for one in ("keys status", "worker purge --dry-run", "migrate")
        ),
        pytest.param("ledger status --traceback", marks=pytest.mark.whole),
    ],
)
def test_a_command_says_in_words_that_the_database_is_away(command: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # held, and not listened to
        port = nobody.getsockname()[1]
        away = {"DATABASE_URL": f"postgresql://app:none@127.0.0.1:{port}/cairn"}
        done = subprocess.run(
            [sys.executable, "manage.py", *command.split()],
            cwd=REPOSITORY,
            env=os.environ | away,
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    if command.endswith("--traceback"):
        assert "Traceback" in done.stderr
    else:
        assert done.stderr.startswith("The database does not answer: connection to server")
        assert "Traceback" not in done.stderr
