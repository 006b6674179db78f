"""The clock of every rule: the database's, which tests and exercises may move."""

from datetime import datetime

from django.db import connections


def database_now(using: str) -> datetime:
    """The database's time, as this role reads it."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT sec.clock()")
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now
