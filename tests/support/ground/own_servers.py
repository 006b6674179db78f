"""PostgreSQL servers of a test's own: with an archive of WAL, base backups, points in time, and
standbys that take over. Every connection of Django's goes to whichever of them is the primary."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connections

from api.postgres_binaries import find_binaries, readable_copy
from tests.support.ground.cluster import own_cluster
from tests.support.ground.restored import recover
from tests.support.ground.restored import run as run_of_tests
from tests.support.ground.waiting import until

AS_USER = {"user": "postgres", "group": "postgres", "extra_groups": []} if not os.geteuid() else {}
DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
SETTINGS = """
include '{deploy}/postgresql.conf'
listen_addresses = ''
unix_socket_directories = '{sockets}'
fsync = off
wal_level = replica
max_wal_senders = 5
hot_standby = on
archive_mode = on
archive_command = 'test ! -f "{archive}/%f" && cp "%p" "{archive}/%f"'
"""
HBA = "local all all trust\nlocal replication all trust\n"


class Servers:
    """All servers of one test, in one folder; `now` is where Django finds the primary."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.archive = folder, folder / "now", folder / "archive"
        self.binaries = find_binaries()
        if not os.geteuid():
            self.binaries = readable_copy(self.binaries)
        self.archive.mkdir()
        _give(self.archive)
        shutil.copy(DEPLOY / "postgresql.conf", folder / "postgresql.conf")
        self._started: list[Server] = []

    def run(self, program: str, *words: str | Path) -> str:
        """One of PostgreSQL's programs, as the servers' user; its output."""
        command = [str(self.binaries / program), *map(str, words)]
        done = subprocess.run(  # type: ignore[call-overload]
            command, capture_output=True, text=True, cwd="/", check=False, **AS_USER
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return str(done.stdout)

    def new(self, name: str) -> "Server":
        """An empty server."""
        server = Server(self, name)
        self.run("initdb", "-D", server.data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        server.configure()
        return server

    def base_backup(self, of: "Server", name: str, *words: str) -> "Server":
        """A base backup of a running server, as the data of another one."""
        copy = Server(self, name)
        self.run(
            *("pg_basebackup", "-h", of.sockets, "-U", "postgres", "-D", copy.data),
            *("-X", "stream", "-c", "fast", *words),
        )
        copy.configure()
        return copy

    def copy_of_disk(self, of: "Server", name: str) -> "Server":
        """The files of a server that was stopped."""
        copy = Server(self, name)
        shutil.copytree(of.data, copy.data)
        subprocess.run(["chown", "-R", "--reference", of.data, copy.data], check=True)
        copy.configure()
        return copy

    def lead_to(self, server: "Server") -> None:
        """Every connection is ended; the next ones are to this server."""
        connections.close_all()
        draft = self.folder / "next"
        draft.symlink_to(server.sockets)
        draft.replace(self.now)

    def end(self) -> None:
        for one in self._started:
            one.stop("immediate")


class Server:
    """One server. `start` and `stop` may be called again and again."""

    def __init__(self, servers: Servers, name: str) -> None:
        self.servers, self.name = servers, name
        self.data = servers.folder / name
        self.sockets = servers.folder / f"{name}-run"
        self.sockets.mkdir()
        _give(self.sockets)

    def configure(self, more: str = "") -> None:
        found = SETTINGS.format(
            deploy=self.servers.folder, sockets=self.sockets, archive=self.servers.archive
        )
        for name, text in (("postgresql.conf", found + more), ("pg_hba.conf", HBA)):
            path = self.data / name
            path.write_text(text)
            _give(path)

    def to_point(self, name: str) -> None:
        """Let it recover up to a restore point, by the archive, and then be a primary."""
        self.configure(
            f"restore_command = 'cp {self.servers.archive}/%f %p'\n"
            f"recovery_target_name = '{name}'\nrecovery_target_action = 'promote'\n"
        )
        (self.data / "recovery.signal").touch()
        _give(self.data / "recovery.signal")

    def follow(self, primary: "Server", name: str = "standby") -> None:
        """Let it be a standby that streams from this primary."""
        self.configure(
            f"primary_conninfo = 'host={primary.sockets} user=postgres application_name={name}'\n"
        )
        (self.data / "standby.signal").touch()
        _give(self.data / "standby.signal")

    def start(self) -> "Server":
        log = self.data / "server.log"
        self.servers.run("pg_ctl", "start", "-D", self.data, "-l", log, "-w", "-t", "60")
        self.servers._started.append(self)
        return self

    def stop(self, mode: str = "fast") -> None:
        """`immediate`: as if its machine had died."""
        if (self.data / "postmaster.pid").exists():
            self.servers.run("pg_ctl", "stop", "-D", self.data, "-m", mode, "-w", "-t", "60")

    def promote(self) -> None:
        self.servers.run("pg_ctl", "promote", "-D", self.data, "-w", "-t", "60")
        until(lambda: self.ask("SELECT NOT pg_is_in_recovery()") == [(True,)])

    def ask(self, question: str, *values: Any, database: str = "cairn") -> list[tuple[Any, ...]]:
        """As the superuser, in a transaction of its own."""
        with closing(
            psycopg2.connect(host=str(self.sockets), user="postgres", dbname=database)
        ) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                cursor.execute(question, values or None)
                return cursor.fetchall() if cursor.description else []

    def archive_now(self) -> None:
        """Until all WAL of before is in the archive."""
        ((segment,),) = self.ask("SELECT pg_walfile_name(pg_switch_wal())")
        until(lambda: (self.servers.archive / segment).exists())


def _give(path: Path) -> None:
    if AS_USER:
        shutil.chown(path, "postgres", "postgres")


@pytest.fixture
def servers(loaded: Any) -> Iterator[Servers]:
    """No server yet, and journals that know nothing of another test's servers."""
    known = Path(settings.BINDING_FOLDER).glob("journal-*.json")
    for path in (*Path(settings.JOURNAL_FOLDER).glob("*"), *known):
        path.unlink()
    folder = Path(tempfile.mkdtemp(prefix="cairn-servers-"))
    folder.chmod(0o755)
    _give(folder)
    before = {alias: dict(connections[alias].settings_dict) for alias in connections}
    made = Servers(folder)
    yield made
    connections.close_all()
    for alias in connections:
        connections[alias].settings_dict.update(before[alias])
    made.end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def primary(servers: Servers, django_db_setup: str, tmp_path: Path) -> Server:
    """A server that holds this test's database, as `cairn`, and that every connection leads to."""
    server = servers.new("first").start()
    for text in ("roles.sql",):
        server.ask((DEPLOY / text).read_text(), database="postgres")
    server.ask("CREATE DATABASE cairn OWNER owner TEMPLATE template0", database="postgres")
    server.ask((DEPLOY / "server_functions.sql").read_text())
    server.ask("SET SESSION AUTHORIZATION owner; " + (DEPLOY / "database.sql").read_text())
    dump = tmp_path / "test.dump"
    run_of_tests("pg_dump", django_db_setup, "-Fc", "-f", str(dump), django_db_setup)
    readable = servers.folder / "test.dump"
    shutil.copy(dump, readable)
    readable.chmod(0o644)
    servers.run(
        *("pg_restore", "-h", server.sockets, "-U", "postgres", "-d", "cairn", "--clean"),
        *("--if-exists", "--exit-on-error", readable),
    )
    servers.lead_to(server)
    for alias in connections:
        connections[alias].settings_dict.update(
            HOST=str(servers.now), PORT="5432", PASSWORD="", NAME="cairn"
        )
    recover("--unwitnessed")  # it is a dump in another cluster
    return server


def environment(servers: Servers) -> dict[str, str]:
    """For Cairn's own processes: each role's URL leads to whichever server is the primary."""
    host = str(servers.now).replace("/", "%2F")
    found = {"DATABASE_URL": f"postgresql://app@/cairn?host={host}"}
    for role in ("signin", "editor", "auditor", "jobs", "sealer", "owner"):
        found[f"DATABASE_URL_{role.upper()}"] = f"postgresql://{role}@/cairn?host={host}"
    return os.environ | found | {"CAIRN_HOME": str(own_cluster().home)}
