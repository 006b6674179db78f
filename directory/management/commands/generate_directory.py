"""`manage.py generate_directory`: writes an invented directory of any size."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from directory.fake_data import generate


class Command(BaseCommand):
    help = (
        "Write an invented directory of N services as HSDS CSV files, for benchmarks and tests."
        " Import it with import_hsds; the same numbers give the same files."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("services", type=int, metavar="N")
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="new, or empty")
        parser.add_argument("--seed", type=int, default=1, help="another one, other data")

    def handle(self, *args: Any, services: int, folder: Path, seed: int, **options: Any) -> None:
        if services < 1:
            raise CommandError("N is how many services: 1 or more.")
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(f"{folder}: not an empty folder.")
        generate(services, folder, seed=seed)
        self.stdout.write(f"{services} services written to {folder}.")
