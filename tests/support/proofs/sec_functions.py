"""Functions of schema sec, called by name as the role app with an identity."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, transaction

from tests.support.ground.database import as_app, identify, refused_for_want_of_rights, rolled_back
from tests.support.ground.stored_rows import rows
from tests.support.people.stories import Story


def call(caller: Any, function: str, *values: Any) -> Any:
    """As `app`, and committed; what it returned."""
    with transaction.atomic(), connection.cursor() as cursor:
        identify(cursor, caller)
        cursor.execute(f"SELECT sec.{function}({', '.join(['%s'] * len(values))})", values)
        return cursor.fetchone()[0]


def refused(caller: Any, statement: str, *values: Any) -> bool:
    """As `app`; and taken back."""
    with as_app(caller) as cursor:
        return refused_for_want_of_rights(cursor, statement, values)


@contextmanager
def changed(
    superuser: Any, change: str, values: Sequence[Any] | Mapping[str, Any], caller: Any
) -> Iterator[Any]:
    """A cursor that asks as the caller while the change stands; then it is taken back."""
    with rolled_back(superuser) as cursor:
        cursor.execute(f"UPDATE {change}", values)
        assert cursor.rowcount > 0, "nothing was changed"
        identify(cursor, caller)
        yield cursor


def answer(caller: Any, question: str) -> Any:
    with as_app(caller) as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def as_auditor(caller: Any, question: str) -> list[tuple[Any, ...]]:
    with transaction.atomic(using="auditor"), connections["auditor"].cursor() as cursor:
        identify(cursor, caller)
        cursor.execute(question)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def alerts() -> set[tuple[str, ...]]:
    """The alerts: the referral, the agency and the member that set the block."""
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT referral_id, agency_id, set_by FROM sec.blocked_attempt_alerts()")
        return {tuple(map(str, row)) for row in cursor.fetchall()}


def release_of(superuser: Any, story: Story, direction: str = "outbound") -> str:
    found = "SELECT id::text FROM release WHERE referral_id = %s AND direction = %s"
    ((id_,),) = rows(superuser, found, [story.id, direction])
    return str(id_)


def change(superuser: Any, statement: str, *values: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(f"UPDATE {statement}", values)
        assert cursor.rowcount > 0, "nothing was changed"


def asked(cursor: Any, question: str, *values: Any) -> Any:
    cursor.execute(question, values)
    return cursor.fetchone()[0]


FIRST, SEQ = 10**12, 10**6  # far behind all that is sealed


def sign(cursor: Any, seq: int, first: int, size: int, *, body: str = "", before: int = 0) -> None:
    cursor.execute(
        "INSERT INTO log_checkpoint VALUES (%s, %s, %s, %s, %s, 'a key', '\\x00')",
        [seq, first, size, before, body or f"body of {seq}"],
    )


PUT_ON = "SELECT sec.assign_member(gen_random_uuid(), %s, %s, %s)"
