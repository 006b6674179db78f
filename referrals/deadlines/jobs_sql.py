"""Runs SQL as the role `jobs`."""

from typing import Any

from django.db import connections

from permissions.database.aliases import JOBS


def query(question: str, parameters: Any) -> list[Any]:
    """Return the rows that a query finds."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(question, parameters)
        rows: list[Any] = cursor.fetchall()
        return rows


def execute(statement: str, parameters: Any) -> None:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(statement, parameters)
