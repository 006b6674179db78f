"""`manage.py import_taxonomy`: imports the user's own taxonomy."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from directory.taxonomy.file_formats import read
from directory.taxonomy.parsed_terms import NotATaxonomy
from directory.taxonomy.term_storage import BelongsToAnother, Stored, store

EXPLAINED = """Take a taxonomy into the directory, beside our own.

The file is Open Eligibility's XML, HSDS's taxonomy_terms.csv (with taxonomies.csv beside it, where
there is one) or a CSV file with the columns code, name and, where wanted, description,
parent_code, language. It is taken whole or not at all. Importing it again under the same source
changes what has changed; a term that the file no longer has is kept, since services may carry it,
and named. Whether you may use a taxonomy is between you and its maker: some are licensed.
"""
EXAMPLES = """examples:
  manage.py import_taxonomy open-eligibility.xml --dry-run
  manage.py import_taxonomy county.csv --name "County services" --source county
"""
SHOWN = 20  # term names or notes


class Command(BaseCommand):
    help = EXPLAINED

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("path", type=Path, metavar="FILE", help="a file, or HSDS's folder")
        parser.add_argument("--name", default="", help="of the taxonomy, where the file has none")
        parser.add_argument(
            "--source",
            default="",
            help="the source's name; keep it the same at every import (default: the file's name)",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would change")

    def handle(
        self, *args: Any, path: Path, name: str, source: str, dry_run: bool, **options: Any
    ) -> None:
        source = source or path.resolve().stem
        try:
            found = read(path, source, name)
            stored = store(found.taxonomies, source, dry_run=dry_run)
        except (NotATaxonomy, BelongsToAnother) as error:
            raise CommandError(str(error)) from None
        self._summarise(stored, source, dry_run)
        self._list("put right", found.notes)

    def _summarise(self, stored: Stored, source: str, dry_run: bool) -> None:
        self.stdout.write(f"Source: {source}" + (" (nothing is stored)" if dry_run else ""))
        self.stdout.write(
            f"Terms: {len(stored.created)} created, {len(stored.changed)} changed,"
            f" {stored.unchanged} as they were, {len(stored.no_longer_there)} no longer in the"
            " file and kept"
        )
        if dry_run:
            self._list("created", stored.created)
        self._list("changed", stored.changed)
        self._list("no longer in the file", stored.no_longer_there)

    def _list(self, what: str, named: list[str]) -> None:
        for one in named[:SHOWN]:
            self.stdout.write(f"  {what}: {one}")
        if len(named) > SHOWN:
            self.stdout.write(f"  {what}: and {len(named) - SHOWN} more")
