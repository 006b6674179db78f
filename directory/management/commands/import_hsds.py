"""`manage.py import_hsds`: imports a directory in any form of HSDS."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from directory.importing import quarantine
from directory.importing.import_package import (
    ImportRunning,
    Report,
    ignore_difference,
    import_package,
)
from directory.importing.reports import Differences, summarise, write_lines
from directory.importing.source_formats import NotReadable, read
from permissions.database.aliases import JOBS
from permissions.models import Agency

EXPLAINED = """\
Take services from a folder or zip file of CSV files in the tabular form of HSDS (version 1.1, 2.0
or 3, or Ohana's names: organizations.csv, services.csv, locations.csv, phones.csv ...; with or
without a datapackage.json), or from HSDS as JSON: one document, a list, a page of an API, or
ndjson with one organization or service a line. Large sources come as CSV or ndjson.

Every line is taken, mended (and told how) or quarantined (and told why). An organization is taken
with all its services and places or not at all; correct the line at fault and import again. Doing
so is always safe: rows are found again by their id and the name of the source, and what has not
changed is not touched. What a source no longer has is removed; a service becomes inactive. An
import that was stopped is finished by running it again.

Once an agency has changed an entry here (more than pausing it or saying that it was checked), its
organization is that agency's to keep: imports leave it, and what hangs on it, as it stands,
wherever the source lists it, unless --over-edits.

What was quarantined can be corrected by itself: --quarantine lists it, with --export as CSV files;
fill in what is missing there and import that folder with --retry.

The address of a confidential place is never stored. Mark it with a column `confidential` in
organizations.csv, services.csv or locations.csv. What is marked is hidden also where its line is
left as it stands or cannot be taken.
"""
EXAMPLES = """\
examples:
  manage.py import_hsds ~/downloads/county-directory
  manage.py import_hsds county.zip --source county --dry-run
  manage.py import_hsds feed.ndjson --source county --report county.jsonl
  manage.py import_hsds --quarantine --source county --export to-correct
  manage.py import_hsds to-correct --source county --retry
"""


class Command(BaseCommand):
    help = EXPLAINED

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument(
            "path", type=Path, nargs="?", metavar="PATH", help="a folder, zip, JSON or ndjson file"
        )
        parser.add_argument(
            "--source",
            metavar="NAME",
            help="the source's name; keep it the same at every import (default: the file's name)",
        )
        parser.add_argument(
            "--report",
            type=Path,
            metavar="FILE",
            help="write what became of every line: JSON records if FILE ends in .json or .jsonl",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, and change nothing"
        )
        parser.add_argument(
            "--retry",
            action="store_true",
            help="PATH holds corrected lines of a source that was imported: remove nothing",
        )
        parser.add_argument(
            "--over-edits",
            action="store_true",
            help="take back entries that agencies have changed here",
        )
        parser.add_argument(
            "--answered-by",
            action="store_true",
            help="let the column answered_by (an agency's id) say who takes referrals; else it is"
            " left out, since whoever writes a file could turn referrals to himself",
        )
        parser.add_argument(
            "--quarantine", action="store_true", help="say what waits in quarantine of --source"
        )
        parser.add_argument(
            "--export", type=Path, metavar="FOLDER", help="with --quarantine: write it as CSV files"
        )

    def handle(
        self,
        *args: Any,
        path: Path | None,
        source: str | None,
        report: Path | None,
        **options: Any,
    ) -> None:
        if options["quarantine"]:
            self._quarantine(source, path, options["export"])
            return
        if path is None:
            raise CommandError("Name a folder or file to import.")
        if options["retry"] and not source:
            raise CommandError("--retry needs --source: the name under which it was imported.")
        if report:
            _can_be_written(report)
        dry = bool(options["dry_run"])
        told = self._import(
            path,
            source,
            dry=dry,
            retry=bool(options["retry"]),
            over_edits=bool(options["over_edits"]),
            answered_by=bool(options["answered_by"]),
        )
        if report:
            write_lines(told, report)
        summarise(told, self.stdout.write, reported=bool(report), dry=dry)
        told.staging.close()

    def _import(self, path: Path, source: str | None, **how: bool) -> Report:
        try:
            package = read(path, whole=not how["retry"])
            return import_package(
                package,
                source or package.name,
                progress=self._progress,
                told=Differences(self.stdout.write) if how["dry"] else ignore_difference,
                agencies=_agencies() if how["answered_by"] else None,
                dry=how["dry"],
                retry=how["retry"],
                over_edits=how["over_edits"],
            )
        except (NotReadable, ImportRunning) as error:
            raise CommandError(str(error)) from None

    def _quarantine(self, source: str | None, path: Path | None, folder: Path | None) -> None:
        if not source or path:
            raise CommandError("--quarantine needs --source NAME, and no path.")
        found = quarantine.reasons(source)
        if not found:
            self.stdout.write(f"Nothing of the source {source} waits in quarantine.")
        for (table, reason), count in sorted(found.items()):
            self.stdout.write(f"{count:>8} {table}: {reason}")
        if folder:
            try:
                count = quarantine.export(source, folder)
            except OSError as error:
                raise CommandError(f"{folder} cannot be written: {error.strerror}.") from None
            self.stdout.write(f"{count} lines written to {folder}; correct them, then --retry.")

    def _progress(self, what: str, done: int, total: int) -> None:
        """Show a bar on a terminal, and lines elsewhere."""
        if not total:
            if done:
                self.stderr.write(f"{what} read: {done}", str)
        elif sys.stderr.isatty():
            filled = 40 * done // total
            bar = "#" * filled + "." * (40 - filled)
            end = "\n" if done >= total else ""
            self.stderr.write(f"\r{what} [{bar}] {done}/{total}", str, end)
            self.stderr.flush()
        else:
            self.stderr.write(f"{what}: {done} of {total}", str)


def _can_be_written(report: Path) -> None:
    """Check that the report can be written, before hours of import. An existing file stays until
    the import replaces it."""
    if not report.resolve().parent.is_dir():
        raise CommandError(f"{report}: there is no such folder to write the report to.")
    try:
        report.open("a").close()
    except OSError as error:
        raise CommandError(f"The report {report} cannot be written: {error.strerror}.") from None


def _agencies() -> dict[str, UUID]:
    return {str(one): one for one in Agency.objects.using(JOBS).values_list("id", flat=True)}
