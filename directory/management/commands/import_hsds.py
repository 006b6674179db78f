"""`manage.py import_hsds`: take a directory in HSDS's tabular form."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from directory.importing import Report, import_package
from directory.tabular import NotReadable, read

EXPLAINED = """\
Take services from a folder, or zip file, of CSV files in the tabular form of HSDS: version 1.1,
2.0 or 3, or the form of Ohana (organizations.csv, services.csv, locations.csv, phones.csv ...).

Every line is taken, mended (and told how) or quarantined (and told why). An organization is taken
with all its services and places or not at all; correct the line at fault and import again. Doing
so is always safe: rows are found again by their id and the name of the source, and what has not
changed is not touched. What a source no longer has is removed; a service becomes inactive.

The address of a confidential place is never stored. Mark it with a column `confidential` in
organizations.csv, services.csv or locations.csv.
"""
EXAMPLES = """\
examples:
  manage.py import_hsds ~/downloads/county-directory
  manage.py import_hsds county.zip --source county --report county.jsonl
"""
SHOWN = 12  # reasons in the summary; --report has all


class Command(BaseCommand):
    help = EXPLAINED

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("path", type=Path, metavar="PATH", help="a folder or zip file")
        parser.add_argument(
            "--source",
            metavar="NAME",
            help="the source's name; keep it the same at every import (default: the folder's name)",
        )
        parser.add_argument(
            "--report",
            type=Path,
            metavar="FILE",
            help="write one JSON record a line of the source: table, row, id, outcome, why",
        )

    def handle(
        self, *args: Any, path: Path, source: str | None, report: Path | None, **options: Any
    ) -> None:
        try:
            package = read(path)
        except NotReadable as error:
            raise CommandError(str(error)) from None
        if report and not report.resolve().parent.is_dir():
            raise CommandError(f"{report}: there is no such folder to write the report to.")
        told = import_package(package, source or package.name, progress=self._progress)
        if report:
            with report.open("w") as file:
                for record in told.records():
                    file.write(json.dumps(record) + "\n")
        self._summarise(told, report)

    def _progress(self, what: str, done: int, total: int) -> None:
        """A bar where somebody watches, a line now and then where nobody does."""
        if sys.stderr.isatty():
            filled = 40 * done // max(total, 1)
            bar = "#" * filled + "." * (40 - filled)
            end = "\n" if done >= total else ""
            self.stderr.write(f"\r{what} [{bar}] {done}/{total}", str, end)
            self.stderr.flush()
        else:
            self.stderr.write(f"{what}: {done} of {total}", str)

    def _summarise(self, told: Report, report: Path | None) -> None:
        write = self.stdout.write
        write(f"Source: {told.source}")
        write(f"{'file':<26}{'taken':>8}{'mended':>8}{'quarantined':>13}")
        for file, counts in sorted(told.counts().items()):
            numbers = f"{counts['taken']:>8}{counts['mended']:>8}{counts['quarantined']:>13}"
            write(f"{file:<26}{numbers}")
        reasons = told.reasons().most_common()
        for (outcome, why), count in reasons[:SHOWN]:
            write(f"  {count:>6} {outcome}: {why}")
        if len(reasons) > SHOWN:
            more = f"and {len(reasons) - SHOWN} other reasons"
            write(f"  {more}" + ("" if report else "; --report FILE lists every line"))
        for note in told.notes:
            write(f"  {note}")
        changes = told.changes
        changed = ", ".join(f"{changes[kind]} {kind}" for kind in ("created", "changed", "removed"))
        inactive = changes["made inactive"]
        write(f"Rows: {changed}" + (f", {inactive} services made inactive" if inactive else ""))
