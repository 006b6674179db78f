"""`manage.py refresh_directory`: does the directory's nightly work."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from directory.projection.reindex import refresh


class Command(BaseCommand):
    help = (
        "Once a day: look ahead anew in the opening hours of services (35 days are kept, so that"
        ' "open now" stays right over holidays and changes of the clock), forget words that no'
        " entry has any longer, and find the middles of postcodes. Twice is safe."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all",
            action="store_true",
            help="make every entry's documents anew, due or not: after an update that says so",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        count = refresh(self._progress, everything=options["all"])
        if options["all"]:
            self.stdout.write(f"{count} services were made anew.")
        else:
            self.stdout.write(f"{count} services were due." if count else "Nothing was due.")

    def _progress(self, what: str, done: int, total: int) -> None:
        self.stderr.write(f"{what}: {done} of {total}")
