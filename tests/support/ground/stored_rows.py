"""Rows of any table, read past every policy: what a test compares before and after."""

from typing import Any

from tests.support.ground.cleaning import content_tables


def counts(superuser: Any, referral: str) -> tuple[int, int]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM referral_event WHERE referral_id = %(id)s),"
            " (SELECT count(*) FROM access_entry WHERE referral_id = %(id)s)",
            {"id": referral},
        )
        found: tuple[int, int] = cursor.fetchone()
    return found


# What a caller's every request touches, or the log, which is counted by itself.
NOT_COMPARED = {"credential", "django_session", "permissions_cache", "recent_count"}


def content_rows(superuser: Any) -> dict[str, str]:
    """All rows of every table of content, as one text a table."""
    found = {}
    with superuser.cursor() as cursor:
        for table in set(content_tables(cursor)) - NOT_COMPARED:
            cursor.execute(
                f"SELECT coalesce(string_agg(t::text, E'\n' ORDER BY 1), '') FROM {table} t"
            )
            found[table] = cursor.fetchone()[0]
    return found


def rows(superuser: Any, question: str, parameters: Any = None) -> list[Any]:
    with superuser.cursor() as cursor:
        cursor.execute(question, parameters)
        if question.startswith("SELECT FROM"):
            return [()] * cursor.rowcount  # SELECT FROM …: rows of no column, which none describes
        return cursor.fetchall() if cursor.description else []


def stored_rows(superuser: Any) -> dict[str, list[Any]]:
    """How many rows each table of the database has, the credentials of the test aside."""
    tables = rows(
        superuser,
        "SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r'"
        " AND relnamespace = 'public'::regnamespace",
    )
    found = {
        table: rows(superuser, f"SELECT t::text FROM {table} t ORDER BY 1") for (table,) in tables
    }
    aside = ("credential", "django_session", "permissions_cache", "recent_count", "write_test")
    for table in aside:
        found.pop(table)
    return found
