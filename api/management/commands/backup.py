"""`manage.py backup …`: whether there are backups, and whether one can be restored."""

import os
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import Error

from api.backup.drill import Beside, drill
from api.backup.repositories import Folder, PgBackRest, Repository
from api.backup.scratch import BackupBroken, DrillFailed, Scratch
from api.backup.verdicts import Report
from permissions.health import backups
from permissions.management.noun import NounCommand, Options

WHERE = """\
environment:
  CAIRN_BACKUP_STANZA    the stanza of pgBackRest, which reads PGBACKREST_CONFIG
  CAIRN_BACKUP_FOLDER    else a folder with base/ and wal/, as PostgreSQL itself makes them
  CAIRN_BACKUP_IDENTITY  the key of age that opens what ends with .age there"""

UNANSWERED = "The database does not answer as `jobs`: DATABASE_URL_JOBS."
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(NounCommand):
    help = "Say whether there are backups of the database, and whether one can be restored."
    refusals = (DrillFailed,)
    requires_system_checks: list[str] = []  # a drill has to work where the database does not

    def add_verbs(self) -> None:
        record = self.verb(
            "record",
            self._record,
            "Look into the place of the backups, and record how old the newest is.",
            "For the metrics and `backup status`. Run it after each backup.",
            WHERE,
        )
        self._add_place(record)
        self.verb(
            "status",
            self._status,
            "Say how old the newest backup, the archived WAL and the last drill are.",
            "The exit status is 1 if one of them is too old, or the last drill found a fault.",
        )
        check = self.verb(
            "drill",
            self._drill,
            "Restore the newest backup into a cluster that is thrown away, and check it.",
            "Nothing live is written but the record of the drill. Copies of the keys are in memory"
            " where the machine has /dev/shm, and erased at the end. The exit status is 1 if the"
            " backup is not what it should be.",
            WHERE,
            examples="  manage.py backup drill --stanza cairn\n"
            "  manage.py backup drill --base base.tar.gz --wal /srv/wal --keys /media/keys\n",
        )
        self._add_place(check)
        check.add_argument(
            "--keys",
            type=Path,
            metavar="FOLDER",
            help="the folder of keys (default: the second copy, CAIRN_KEY_COPY)",
        )
        check.add_argument(
            "--witness",
            type=Path,
            metavar="FILE",
            help="the witness's file (default: CAIRN_LOG_WITNESS)",
        )
        check.add_argument(
            "--journal",
            type=Path,
            action="append",
            metavar="FOLDER",
            help="a host's journal of closings; repeat for several (default: CAIRN_JOURNAL)",
        )
        check.add_argument(
            "--scratch",
            type=Path,
            metavar="FOLDER",
            help="where the copy is made: as much room as the database has (default: drill/ in"
            " CAIRN_HOME)",
        )

    def _add_place(self, parser: ArgumentParser) -> None:
        parser.add_argument("--stanza", help="a stanza of pgBackRest")
        parser.add_argument(
            "--base", type=Path, metavar="PATH", help="a base backup, or a folder with several"
        )
        parser.add_argument("--wal", type=Path, metavar="FOLDER", help="the archived WAL for it")
        parser.add_argument(
            "--identity", type=Path, metavar="FILE", help="the key of age that opens them"
        )

    def _record(self, options: Options) -> None:
        kept = _repository(options).kept()
        try:
            backups.record_backup(kept.finished, kept.oldest, kept.wal_at)
        except Error as error:
            raise CommandError(UNANSWERED) from error
        self.stdout.write(
            f"{kept.label}, finished {kept.finished:%Y-%m-%d %H:%M:%S} UTC; WAL up to"
            f" {kept.wal or 'none'}."
        )

    def _status(self, options: Options) -> None:
        try:
            found = backups.figures()
        except Error as error:
            raise CommandError(UNANSWERED) from error
        for line in backups.lines(found):
            self.stdout.write(line)
        if wrong := backups.trouble(found):
            raise CommandError(f"In trouble: {'; '.join(wrong)}. deploy/RUNBOOK.md, Backup.")

    def _drill(self, options: Options) -> None:
        repository = _repository(options)
        keys = options["keys"] or _default_keys()
        beside = Beside(
            keys,
            options["witness"] or Path(settings.LOG_WITNESS_FILE),
            options["journal"] or [one for one in [Path(settings.JOURNAL_FOLDER)] if one.exists()],
        )
        scratch = Scratch(options["scratch"] or settings.HOME / "drill")
        before = {one: signal.signal(one, _end) for one in ENDS}
        try:
            report = drill(repository, beside, scratch, self._say)
        except BackupBroken as error:
            self._keep(backups.Drill(["restore"], None, None))
            raise CommandError(str(error)) from error
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
        self._keep(backups.Drill(report.failed, report.rto_s, report.rpo_s))
        self._print(report)

    def _print(self, report: Report) -> None:
        self.stdout.write("")
        for one in report.verdicts:
            mark = {True: "well", False: "FAULT", None: "left out"}[one.well]
            self.stdout.write(f"{one.check:10} {mark:8} {one.says}")
        self.stdout.write(
            f"Recovery point: {report.newest:%Y-%m-%d %H:%M:%S} UTC, {report.rpo_s:.1f} s before"
            " the recovery ended."
        )
        if report.rto_s is not None:
            self.stdout.write(f"Recovery time: {report.rto_s:.1f} s to the first truthful answer.")
        if not report.well:
            raise CommandError(f"This backup is not what it should be: {', '.join(report.failed)}.")
        self.stdout.write("This backup restores.")

    def _keep(self, found: backups.Drill) -> None:
        try:
            backups.record_drill(found)
        except Error:
            self.stderr.write("The live database does not answer: this drill is not recorded.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _end(number: int, _: Any) -> None:
    sys.exit(128 + number)  # so that what is begun is taken back


def _repository(options: Options) -> Repository:
    """The place that the words name, else the environment. Raises CommandError."""
    stanza = options["stanza"] or os.environ.get("CAIRN_BACKUP_STANZA")
    folder = os.environ.get("CAIRN_BACKUP_FOLDER")
    identity = options["identity"] or os.environ.get("CAIRN_BACKUP_IDENTITY") or None
    if bool(options["base"]) != bool(options["wal"]):
        raise CommandError("--base and --wal go together.")
    if options["base"] and options["stanza"]:
        raise CommandError("Name a stanza, or a base backup with its WAL: not both.")
    if options["base"]:
        return Folder(options["base"], options["wal"], identity and Path(identity))
    if stanza:
        return PgBackRest(stanza)
    if folder:
        return Folder(Path(folder, "base"), Path(folder, "wal"), identity and Path(identity))
    raise CommandError("Name the backups: --stanza, --base and --wal, or CAIRN_BACKUP_STANZA.")


def _default_keys() -> Path:
    """The second copy, which is what would be left; else the folder itself."""
    if settings.KEY_COPY and (Path(settings.KEY_COPY) / "root.key").exists():
        return Path(settings.KEY_COPY)
    return Path(settings.BINDING_FOLDER).parent
