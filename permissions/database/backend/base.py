"""Django's PostgreSQL backend with two promises more, which an act that was acknowledged needs:
what PostgreSQL rolled back is not called committed, and a server that is away is no bug."""

from typing import Any

import psycopg2
from django.db import InternalError
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg2.extensions import TRANSACTION_STATUS_INERROR


class Errors(DatabaseErrorWrapper):
    """As Django's, but every lost connection becomes an OperationalError. If another server process
    crashed and the server sent a warning before it closed the connection, psycopg2 raises a plain
    DatabaseError without a code."""

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        lost = exc_type is psycopg2.DatabaseError
        super().__exit__(psycopg2.OperationalError if lost else exc_type, exc_value, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    @cached_property
    def wrap_database_errors(self) -> Errors:
        return Errors(self)

    def commit(self) -> None:
        """As Django's, but raises InternalError if a statement had failed, and nobody told Django:
        PostgreSQL answers such a COMMIT with ROLLBACK, and psycopg2 does not say so."""
        failed = TRANSACTION_STATUS_INERROR
        if self.connection is not None and self.connection.get_transaction_status() == failed:
            raise InternalError("A statement failed, so that the transaction was rolled back.")
        super().commit()
