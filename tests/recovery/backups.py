"""A backup of the database as it is now, and the same database restored from it, with the keys and
the journal of today."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from psycopg2.sql import SQL, Identifier

from permissions.recovery import applying, journal, outbox
from permissions.recovery.applying import Applied
from permissions.recovery.journal import Entry
from tests.support.ground.cluster import own_cluster
from tests.support.ground.template import point_at


class Backup:
    """`restore` leaves every connection of Django's pointed at the restored database."""

    def __init__(self, database: str) -> None:
        self.database, self.copy = database, f"{database}_backup"
        self._make(self.copy, database)

    def restore(self) -> str:
        """The database of the backup, under a name of its own. May be called again."""
        restored = f"{self.database}_restored"
        own_cluster().drop_database(restored)
        self._make(restored, self.copy)
        point_at(restored)
        return restored

    def end(self) -> None:
        point_at(self.database)
        for suffix in ("backup", "restored"):
            own_cluster().drop_database(f"{self.database}_{suffix}")

    def _make(self, name: str, of: str) -> None:
        point_at(self.database)
        with closing(own_cluster().connect_superuser()) as superuser:
            command = SQL("CREATE DATABASE {} TEMPLATE {} OWNER owner STRATEGY wal_log")
            superuser.cursor().execute(command.format(Identifier(name), Identifier(of)))
        own_cluster()._close_to_public(name)
        with closing(own_cluster().connect_superuser(name)) as superuser:
            # As `manage.py database recover` leaves it: these tests are of one of its steps.
            superuser.cursor().execute("UPDATE timeline_state SET timeline = sec.timeline()")


@pytest.fixture
def backup(django_db_setup: str) -> Iterator[Callable[[], Backup]]:
    """`backup()` takes one now."""
    made: list[Backup] = []

    def take() -> Backup:
        made.append(Backup(django_db_setup))
        return made[-1]

    yield take
    for one in made:
        one.end()


def journaled() -> list[Entry]:
    """What the journal holds, with what waits: as the worker leaves it within a second."""
    outbox.append_waiting()
    return journal.read()


def restored_to(backup: Backup, progress: Any = lambda done, of: None) -> Applied:
    """The backup restored, and the journal applied to it."""
    entries = journaled()
    backup.restore()
    return applying.apply(entries, progress)


def journal_file() -> Path:
    """This host's file."""
    (found,) = Path(settings.JOURNAL_FOLDER).glob("*.journal")
    return found


def write(database: str, statement: str, values: list[Any]) -> None:
    """As someone does who can write the database, its triggers on."""
    with closing(own_cluster().connect_superuser(database)) as superuser:
        superuser.cursor().execute(statement, values)
