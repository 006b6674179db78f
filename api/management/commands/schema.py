"""`manage.py schema`: compare the database's schema with the code's."""

import os
import shutil
import subprocess
import sys
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from api.dev.postgres import Cluster
from permissions.database import catalogue, schema


class Command(BaseCommand):
    help = (
        "Compare the database's schema with the one that this code needs, and name every object"
        " that differs. With --write, after a change of the schema: migrate a new database, write"
        " its catalogue to permissions/sql/catalogue.txt, and delete it"
        " (docs/guides/change-the-schema.md)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--write",
            action="store_true",
            help="write permissions/sql/catalogue.txt from a new database",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["write"]:
            self._write()
            return
        with connections["default"].cursor() as cursor:
            now, trouble = schema.state(cursor), schema.trouble(cursor)
            found = {} if now.fingerprint is None else catalogue.read(cursor)
        wanted = catalogue.expected()
        for line in catalogue.differences(found, wanted) if found else ():
            self.stdout.write(line)
        if trouble:
            raise CommandError(trouble)
        self.stdout.write(f"Release {now.release}: all {len(found)} objects are as expected.")

    def _write(self) -> None:
        home = settings.HOME / "new-schema"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        cluster = Cluster(home)
        try:
            cluster.start()
            env = {k: v for k, v in os.environ.items() if not k.startswith("DATABASE_URL")}
            words = [sys.executable, "manage.py", "migrate", "--unchecked", "--verbosity", "0"]
            env |= {"CAIRN_HOME": str(home), "CAIRN_KEY_FOLDER": str(home / "keys")}
            env.pop("CAIRN_DATABASE", None)
            if subprocess.run(words, env=env, check=False).returncode:
                raise CommandError("The new database could not be migrated. The reason is above.")
            with closing(cluster.connect_superuser("cairn")) as session, session.cursor() as cursor:
                cursor.execute("SET search_path = public")  # as for all our roles
                found = catalogue.read(cursor)
        finally:
            cluster.erase()
            shutil.rmtree(home, ignore_errors=True)
        before = catalogue.expected()
        catalogue.FILE.write_text(catalogue.dump(found))
        for line in catalogue.differences(found, before):
            self.stdout.write(line.replace("missing:", "gone:").replace("unknown:", "new:"))
        self.stdout.write(f"{len(found)} objects: {catalogue.fingerprint(found)}")
