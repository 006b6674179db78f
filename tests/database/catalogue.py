"""What the catalogue of the test database says."""

from typing import Any

OURS = ("app", "signin", "editor", "jobs", "auditor", "sealer", "backup", "definer")


def answer(superuser: Any, question: str, parameters: list[Any] | None = None) -> list[Any]:
    with superuser.cursor() as cursor:
        cursor.execute(question, parameters)
        return cursor.fetchall()


def log_tables(superuser: Any) -> list[str]:
    found = answer(
        superuser,
        "SELECT relid::regclass::text FROM pg_partition_tree('access_entry') ORDER BY level",
    )
    return [name for (name,) in found]


def columns(superuser: Any, table: str, right: str, role: str = "app") -> list[str]:
    """The columns of a table on which a role holds a right."""
    found = answer(
        superuser,
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND has_column_privilege(%s, attrelid, attnum, %s)",
        [table, role, right],
    )
    return [name for (name,) in found]


def first_column(superuser: Any, table: str) -> str:
    question = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1"
    return str(answer(superuser, question, [table])[0][0])
