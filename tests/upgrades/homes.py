"""The homes of an upgrade's tests: a release's database and files, kept as they were and as this
release's `migrate` makes them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count

from api.dev.postgres import Cluster
from tests.support.ground.cluster import GROUND
from tests.upgrades.make import REPOSITORY
from tests.upgrades.scratch import done, restore

_numbers = count()
BEFORE, UPGRADED = "before", "upgraded"  # the names of what a home keeps
ALERTS = "0.1.0"  # the release with channels that no code has proven


def run(cluster: Cluster, sql: str, role: str = "postgres") -> None:
    with closing(cluster.connect_superuser("cairn")) as session:
        session.cursor().execute(f"SET ROLE {role}; {sql}")


class Home:
    """One home and one cluster for all tests of this file. `keep` remembers the database and the
    files by a name; `put_back` makes a copy of them, whatever a test has left."""

    def __init__(self, version: str) -> None:
        self.path = GROUND / f"upgrade-{os.getpid()}-{version}-{next(_numbers)}"
        self._kept = self.path.with_name(f"{self.path.name}-kept")
        self.cluster = restore(version, self.path)
        for setting in ("fsync", "full_page_writes"):  # what is killed here is processes
            self._ask(f"ALTER SYSTEM SET {setting} = off")
        self._ask("SELECT pg_reload_conf()")

    def keep(self, name: str) -> None:
        self._copy("cairn", name)
        shutil.copytree(self.path, self._kept / name, ignore=shutil.ignore_patterns("postgres"))

    def put_back(self, name: str) -> None:
        # Folders stay: another one of keys is another server's, which has to wait for the first's.
        for one in self.path.rglob("*"):
            if "postgres" not in one.parts and not one.is_dir():
                one.unlink()
        shutil.copytree(self._kept / name, self.path, dirs_exist_ok=True)
        self.cluster.start()  # `run` stops it
        self._copy(name, "cairn")
        self.cluster.start()  # rights on a database are not copied with it
        if name == UPGRADED:  # a copy has a number of its own: here it is as true as the first
            run(self.cluster, "UPDATE timeline_state SET timeline = sec.timeline()")

    def erase(self) -> None:
        self.cluster.erase()
        shutil.rmtree(self.path)
        shutil.rmtree(self._kept, ignore_errors=True)

    def _copy(self, name: str, to: str) -> None:
        self.cluster.drop_database(to)
        self._ask(f"CREATE DATABASE {to} TEMPLATE {name} OWNER owner")

    def _ask(self, sql: str) -> None:
        with closing(self.cluster.connect_superuser()) as session:
            session.cursor().execute(sql)


@contextmanager
def brought_here(version: str) -> Iterator[Home]:
    """A release's database, and what this release's `migrate` makes of it. A dump is a backup: its
    cluster starts to count transactions again (deploy/RUNBOOK.md, Restore)."""
    home = Home(version)
    try:
        if version == ALERTS:
            run(
                home.cluster,
                "INSERT INTO channel (id, agency_id, use, kind, address) SELECT gen_random_uuid(),"
                " id, 'duty', 'mail', 'duty@agency.invalid' FROM permissions_agency",
            )
        home.keep(BEFORE)
        done(REPOSITORY, home.path, "migrate", "--verbosity", "0")
        done(REPOSITORY, home.path, "database", "recover", "--anyway", "--unwitnessed", "--yes")
        home.keep(UPGRADED)
        yield home
    finally:
        home.erase()
