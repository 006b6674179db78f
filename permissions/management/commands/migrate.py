"""`manage.py migrate`: Django's command, and all SQL that guards the tables, in one transaction."""

import random
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from permissions.database import catalogue, schema

LOCK_MS = 300  # less than PostgreSQL's deadlock_timeout: this gives way, never a request
TRY_FOR_S = 60
LOCK_NOT_AVAILABLE = "55P03"
MONTHS_AHEAD = 24


class Command(migrate.Command):
    help = (
        "Bring the database to the schema of this code: Django's migrations, then functions,"
        " policies, triggers and grants, all in one transaction. Safe to run twice. Requests wait"
        f" for a second or two. If the tables are busy, it tries again for {TRY_FOR_S} seconds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")
        parser.add_argument(
            "--unchecked",
            action="store_true",
            help="For work on the schema: do not compare the result with catalogue.txt.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError without any change: the database is from before 0.1.0 or from a later
        release, is busy, or the result would not be the schema that this code was written for."""
        if options["database"] != "owner":
            raise CommandError("Migrations run as the role `owner`. Leave --database out.")
        self._refuse_others()
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        give_up = time.monotonic() + TRY_FOR_S
        while True:
            try:
                with transaction.atomic(using="owner"):
                    self._migrate(*args, **options)
                return
            except OperationalError as error:
                if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
                    raise
                if time.monotonic() > give_up:
                    raise CommandError(
                        "Another session keeps the tables locked. Nothing was changed. Stop"
                        " imports and `manage.py worker run`, then try again."
                    ) from error
            time.sleep(random.uniform(0.1, 0.5))  # lets requests through between two tries

    def _refuse_others(self) -> None:
        connection = connections["owner"]
        with connection.cursor() as cursor:
            now = schema.state(cursor)
        if now.made_before:
            raise CommandError(schema.MADE_BEFORE)
        loader = MigrationExecutor(connection).loader
        unknown = set(MigrationRecorder(connection).applied_migrations()) - set(
            loader.disk_migrations
        )
        ours = sorted(f"{app}.{name}" for app, name in unknown if app in schema.floors())
        if ours:
            raise CommandError(
                f"This database was made by release {now.release}, which is later than this code:"
                f" it has {ours[0]}. Install that release. Nothing was changed."
            )

    def _migrate(self, *args: Any, **options: Any) -> None:
        connection = connections["owner"]
        with connection.cursor() as cursor:
            # Constraints are checked at once: a later step may alter a table with new rows.
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MS}; SET CONSTRAINTS ALL IMMEDIATE")
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if not plan and not self._is_stale(cursor):
                super().handle(*args, **options)
                self._add_log_partitions(cursor)
                return
            schema.lock(cursor)
            schema.before(cursor)
            super().handle(*args, **options)
            schema.apply(cursor)
            # A database that is new here remembers where it is; one that was restored does not.
            cursor.execute("SELECT sec.remember_first_timeline()")
            self._add_log_partitions(cursor)
            found = catalogue.read(cursor)
            if not options["unchecked"]:
                wrong = catalogue.differences(found, catalogue.expected())
                if wrong:
                    raise CommandError(
                        "The result would not be the schema that this code needs. Nothing was"
                        " changed. See docs/guides/change-the-schema.md. " + "; ".join(wrong[:10])
                    )
            schema.record(cursor, found)

    def _is_stale(self, cursor: Any) -> bool:
        """Whether the SQL files or the database changed since the files were applied."""
        now = schema.state(cursor)
        if now.sources != schema.sources():
            return True
        return catalogue.fingerprint(catalogue.read(cursor)) != now.fingerprint

    def _add_log_partitions(self, cursor: Any) -> None:
        """Add partitions of the access log for the next months. Entries of a month without one go
        into the default partition: nothing is lost."""
        cursor.execute("SELECT sec.add_log_partitions(%s)", [MONTHS_AHEAD])
