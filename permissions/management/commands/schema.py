"""manage.py schema"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from permissions.database import catalogue, schema


class Command(BaseCommand):
    help = (
        "Say whether the database has the schema of this code, and name every object that differs."
        " With --write, after work on the schema: make permissions/sql/catalogue.txt from this"
        " database, which has to be new and migrated with `migrate --unchecked`."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="write catalogue.txt")

    def handle(self, *args: Any, **options: Any) -> None:
        with connections["default"].cursor() as cursor:
            found = catalogue.read(cursor)
            now = schema.state(cursor)
            trouble = None if options["write"] else schema.trouble(cursor)
        if options["write"]:
            catalogue.FILE.write_text(catalogue.dump(found))
            self.stdout.write(f"{len(found)} objects: {catalogue.fingerprint(found)}")
            return
        for line in catalogue.differences(found, catalogue.expected()):
            self.stdout.write(line)
        if trouble:
            raise CommandError(trouble)
        self.stdout.write(f"Release {now.release}: all {len(found)} objects are as expected.")
