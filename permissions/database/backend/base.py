"""BEGIN goes with the first statement of a transaction, not before it.

psycopg2 sends it by itself and waits for the answer: a fifth of what a short transaction takes. So
psycopg2 is left in autocommit here, and this connection sends BEGIN, COMMIT and ROLLBACK. Django
sees no difference: a transaction that sent nothing was none.
"""

from datetime import UTC, timedelta, timezone
from typing import Any

import psycopg2
from django.db import InternalError
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg2.extensions import TRANSACTION_STATUS_IDLE


class TimeZones(dict[timedelta, timezone]):
    """Offset → time zone: the session's is UTC, so that this is asked for every time and moment in
    every row, and Django's answer, a function, took a tenth of a page."""

    def __missing__(self, offset: timedelta) -> timezone:
        return timezone(offset)


TIME_ZONES = TimeZones({timedelta(0): UTC})


class Errors(DatabaseErrorWrapper):
    """As Django's; a connection that was lost is one whatever was its last word. psycopg2 gives an
    error without a code no class of its own where the server, one of whose processes had crashed,
    still sent a warning before the line ended."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        lost = exc_type is psycopg2.DatabaseError
        super().__exit__(psycopg2.OperationalError if lost else exc_type, exc_value, traceback)


class Cursor(CursorWrapper):
    db: "DatabaseWrapper"

    def execute(self, sql: Any, params: Any = None) -> Any:
        """As Django's; behind BEGIN where that is due."""
        if self.db.commit_is_sent:
            raise InternalError("The transaction has ended with what was said to be its last.")
        if not self.db.begin_is_due:
            return super().execute(sql, params)
        try:
            return super().execute(f"BEGIN; {sql}", params)
        finally:  # still due, where it never reached the server
            self.db.begin_is_due = self.db.is_idle()

    def execute_last(self, sql: str, params: Any = None) -> None:
        """Its COMMIT goes in the same packet: nothing can come behind it, and no rows come back."""
        self.execute(f"{sql}; COMMIT", params)
        self.db.commit_is_sent = self.db.in_atomic_block

    def executemany(self, sql: Any, param_list: Any) -> Any:
        """As Django's; BEGIN goes before it."""
        self.db.begin_now()
        return super().executemany(sql, param_list)

    def fetchone(self) -> Any:
        """As Django's, which finds it by its name each time; so are the next two."""
        with self.db.wrap_database_errors:
            return self.cursor.fetchone()

    def fetchall(self) -> Any:
        """All rows."""
        with self.db.wrap_database_errors:
            return self.cursor.fetchall()

    def close(self) -> None:
        """Safe twice."""
        self.cursor.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("copy_", "call")):
            self.db.begin_now()
        return super().__getattr__(name)


class CountingCursor(CursorDebugWrapper, Cursor):
    """The same where queries are noted down, as tests that count them do."""


class DatabaseWrapper(base.DatabaseWrapper):
    begin_is_due = False
    commit_is_sent = False  # it went with the last statement
    health_check_enabled: bool  # Django's
    health_check_done: bool

    @cached_property
    def wrap_database_errors(self) -> Errors:
        return Errors(self)

    def is_idle(self) -> bool:
        """Whether the server is in no transaction; a connection that is gone is in none."""
        if self.connection is None:
            return True
        return bool(self.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE)

    def begin_now(self) -> None:
        """Send BEGIN by itself if it is due: what comes cannot stand behind it."""
        if self.begin_is_due:
            self._say("BEGIN")
            self.begin_is_due = False

    def cursor(self) -> CursorWrapper:
        """As Django's; without its detours where the connection stands and was found well."""
        asked = self.health_check_done or not self.health_check_enabled
        if self.connection is None or self.queries_logged or not asked:
            return super().cursor()  # type: ignore[no-any-return]
        self.validate_thread_sharing()
        with self.wrap_database_errors:
            cursor = self.connection.cursor()
        cursor.tzinfo_factory = TIME_ZONES.__getitem__
        return Cursor(cursor, self)

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        """As Django's, of our class."""
        return Cursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> CountingCursor:
        """As Django's, of our class."""
        return CountingCursor(cursor, self)

    def create_cursor(self, name: str | None = None) -> Any:
        """As Django's; BEGIN goes before a cursor of the server's."""
        if name:  # DECLARE comes from psycopg2
            self.begin_now()
        cursor = super().create_cursor(name)
        cursor.tzinfo_factory = TIME_ZONES.__getitem__
        return cursor

    def _set_autocommit(self, autocommit: bool) -> None:
        self.begin_is_due, self.commit_is_sent = not autocommit, False
        if not self.connection.autocommit:
            super()._set_autocommit(True)  # type: ignore[misc]

    def _commit(self) -> None:
        if self.connection is None or self.begin_is_due:
            return
        if self.commit_is_sent:
            return
        if self._say("COMMIT") != "COMMIT":  # it had failed before: nothing of it is there
            raise InternalError("The transaction was rolled back.")

    def _rollback(self) -> None:
        if self.connection is not None and not self.is_idle():
            self._say("ROLLBACK")

    def _say(self, word: str) -> str:
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(word)
            return str(cursor.statusmessage)
