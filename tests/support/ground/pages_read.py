"""The pages of memory that all of a database touches while something is asked: the whole of it, by
every role and in every statement, access entry and session included."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections


class PagesRead:
    """`read(ask)`: how many pages all sessions of the database touch meanwhile. `cursor` is the
    superuser's, in autocommit."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __call__(self, ask: Callable[[], Any]) -> int:
        before = self._touched()
        ask()
        return self._touched() - before

    def _touched(self) -> int:
        for alias in connections:
            if connections[alias].connection is not None:
                with connections[alias].cursor() as own:
                    own.execute("SELECT pg_stat_force_next_flush()")
        self._cursor.execute("SELECT pg_stat_force_next_flush()")
        self._cursor.execute(
            "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
        )
        ((found,),) = self._cursor.fetchall()
        return int(found)


@pytest.fixture
def read(superuser: Any) -> Iterator[PagesRead]:
    superuser.autocommit = True
    yield PagesRead(superuser.cursor())
    superuser.autocommit = False
