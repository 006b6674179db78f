"""A database backend that sends BEGIN together with the first statement of a transaction.

psycopg2 would send BEGIN alone and wait for the answer, a fifth of a short transaction's time. So
psycopg2 stays in autocommit, and this connection sends BEGIN, COMMIT and ROLLBACK. Django notices
no difference: a transaction without a statement is never begun.
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
    """Offset → time zone. It is looked up for every time in every row; the session uses UTC.
    Django's own function took a tenth of a page's time."""

    def __missing__(self, offset: timedelta) -> timezone:
        return timezone(offset)


TIME_ZONES = TimeZones({timedelta(0): UTC})


class Errors(DatabaseErrorWrapper):
    """As Django's, but every lost connection becomes an OperationalError. If another server process
    crashed and the server sent a warning before it closed the connection, psycopg2 raises a plain
    DatabaseError without a code."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        lost = exc_type is psycopg2.DatabaseError
        super().__exit__(psycopg2.OperationalError if lost else exc_type, exc_value, traceback)


class Cursor(CursorWrapper):
    db: "DatabaseWrapper"

    def execute(self, sql: Any, params: Any = None) -> Any:
        """As Django's, but with BEGIN before the statement if it is due."""
        if self.db.commit_is_sent:
            raise InternalError("The transaction has ended with what was said to be its last.")
        if not self.db.begin_is_due:
            return super().execute(sql, params)
        try:
            return super().execute(f"BEGIN; {sql}", params)
        finally:  # BEGIN is still due if it never reached the server
            self.db.begin_is_due = self.db.is_idle()

    def execute_last(self, sql: str, params: Any = None) -> None:
        """Execute with COMMIT in the same packet: no statement may follow, and no rows return."""
        self.execute(f"{sql}; COMMIT", params)
        self.db.commit_is_sent = self.db.in_atomic_block

    def executemany(self, sql: Any, param_list: Any) -> Any:
        """As Django's, but BEGIN is sent first."""
        self.db.begin_now()
        return super().executemany(sql, param_list)

    def fetchone(self) -> Any:
        """As Django's, without its look-up by name at each call; so are the next two methods."""
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
    """The same cursor when queries are recorded, for example by tests that count them."""


class DatabaseWrapper(base.DatabaseWrapper):
    begin_is_due = False
    commit_is_sent = False  # COMMIT was sent with the last statement
    health_check_enabled: bool  # Django's
    health_check_done: bool

    @cached_property
    def wrap_database_errors(self) -> Errors:
        return Errors(self)

    def is_idle(self) -> bool:
        """Whether no transaction is open on the server; a closed connection has none."""
        if self.connection is None:
            return True
        return bool(self.connection.get_transaction_status() == TRANSACTION_STATUS_IDLE)

    def begin_now(self) -> None:
        """Send BEGIN alone if it is due: the next command cannot share its packet."""
        if self.begin_is_due:
            self._say("BEGIN")
            self.begin_is_due = False

    def cursor(self) -> CursorWrapper:
        """As Django's, but faster if the connection is open and has passed its health check."""
        asked = self.health_check_done or not self.health_check_enabled
        if self.connection is None or self.queries_logged or not asked:
            return super().cursor()  # type: ignore[no-any-return]
        self.validate_thread_sharing()
        with self.wrap_database_errors:
            cursor = self.connection.cursor()
        cursor.tzinfo_factory = TIME_ZONES.__getitem__
        return Cursor(cursor, self)

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        """As Django's, but makes a Cursor of this module."""
        return Cursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> CountingCursor:
        """As Django's, but makes a CountingCursor."""
        return CountingCursor(cursor, self)

    def create_cursor(self, name: str | None = None) -> Any:
        """As Django's, but BEGIN is sent before a server-side cursor."""
        if name:  # psycopg2 sends DECLARE itself
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
        if self._say("COMMIT") != "COMMIT":  # a statement had failed, so it was rolled back
            raise InternalError("The transaction was rolled back.")

    def _rollback(self) -> None:
        if self.connection is not None and not self.is_idle():
            self._say("ROLLBACK")

    def _say(self, word: str) -> str:
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(word)
            return str(cursor.statusmessage)
