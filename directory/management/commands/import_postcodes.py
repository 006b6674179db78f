"""`manage.py import_postcodes`: loads the operator's table of postcodes."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from directory.postcodes import NotReadable, load


class Command(BaseCommand):
    help = (
        "Take in where postcodes are, so that services can be found near one: a CSV file with the"
        " columns postcode, latitude, longitude. It replaces the table taken in before; without"
        " any, the middle of the known addresses of a postcode is used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="FILE")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        try:
            count = load(path)
        except NotReadable as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{count} postcodes.")
