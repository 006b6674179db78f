"""`manage.py export_hsds`: writes the directory as a tabular data package of HSDS."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from directory.exporting import export
from permissions.database.aliases import JOBS
from permissions.models import Agency

EXPLAINED = """\
Write the directory as HSDS in tabular form (CSV files and a datapackage.json), which import_hsds
and other HSDS tools read. Without --own: all that is public. With --own: the organizations that an
agency edits, confidential entries among them; no address of a confidential place in either.
"""
EXAMPLES = """\
examples:
  manage.py export_hsds directory.zip
  manage.py export_hsds own-part --own 3f6c1a52-7d1e-4a36-9f43-0c8e5b1d2a10
"""


class Command(BaseCommand):
    help = EXPLAINED

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument(
            "path", type=Path, metavar="FOLDER|FILE.zip", help="new; a folder may be empty"
        )
        parser.add_argument("--own", type=UUID, metavar="AGENCY_ID", help="this agency's part")

    def handle(self, *args: Any, path: Path, own: UUID | None, **options: Any) -> None:
        if not path.resolve().parent.is_dir():
            raise CommandError(f"{path}: there is no such folder to write into.")
        if own and not Agency.objects.using(JOBS).filter(id=own).exists():
            raise CommandError(f"There is no agency with this id: {own}.")
        try:
            told = export(path, agency_id=own)
        except FileExistsError:
            raise CommandError(f"{path}: there is something already; name a new one.") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        for table, count in told.written.items():
            left = told.left_out[table]
            more = f" ({left} left out: they hang on what is not in the package)" if left else ""
            if count or left:
                self.stdout.write(f"{count:>10} {table}{more}")
