"""The sealed log: written, sealed, verified, tampered with."""

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from permissions.database.uuid7 import uuid7
from permissions.ledger import sealed_export, sealer, verifier
from tests.support.ground.waiting import until


def seal() -> None:
    """Until nothing waits: a transaction of another database on this server holds the bound back,
    too."""

    def is_done() -> bool:
        while sealer.step():
            pass
        return sealer.count_unsealed() == 0

    until(is_done, "the end of what holds the bound back")


def write(api: Any, entries: int = 1) -> None:
    """So many reads, each an entry."""
    caller = api("ywca.worker")
    for _ in range(entries):
        assert caller.get("/v1/referrals").status_code == 200


def faults(held: Path | None = None) -> list[verifier.Fault]:
    chain = verifier.Chain(sealed_export.public_keys())
    found = list(verifier.check(sealed_export.verifier_lines(), chain))
    if held is not None:
        with held.open() as lines:
            found += verifier.compare(lines, chain)
    return found


def ask(superuser: Any, question: str, *values: Any) -> Any:
    with superuser.cursor() as cursor:
        cursor.execute(question, values)
        return cursor.fetchone()


def partitions(superuser: Any) -> list[str]:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'access_entry'::regclass"
        )
        return [name for (name,) in cursor.fetchall()]


@contextlib.contextmanager
def tampered(superuser: Any) -> Iterator[Any]:
    """A superuser's hands in the log, triggers off; afterwards all of it is as it was."""
    tables = [*partitions(superuser), "log_leaf", "log_checkpoint"]
    superuser.commit()
    with superuser.cursor() as cursor:
        for table in tables:
            cursor.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")
        guard(cursor, [*tables, "access_entry"], "DISABLE")
        superuser.commit()
        try:
            yield cursor
        finally:
            superuser.rollback()
            guard(cursor, [*tables, "access_entry"], "DISABLE")
            for table in tables:
                cursor.execute(f"TRUNCATE {table}")
                cursor.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
                cursor.execute(f"DROP TABLE kept_{table}")
            guard(cursor, [*tables, "access_entry"], "ENABLE ALWAYS")
            superuser.commit()


def put_in(cursor: Any, like: str, later: int = 0) -> str:
    """An entry that nobody made: of the time, agency and transaction of another, or of one so many
    transactions later. Its id."""
    made = str(uuid7())
    cursor.execute(
        "INSERT INTO access_entry (id, at, agency_id, act, decision, xact, leaf)"
        " SELECT %s, at, agency_id, 'referral.read', 'allowed', xact + %s, leaf FROM access_entry"
        f" {like} LIMIT 1",
        [made, later],
    )
    assert cursor.rowcount == 1
    return made


def guard(cursor: Any, tables: list[str], how: str) -> None:
    """Switch the triggers of the log off, or on as they were made."""
    for table in tables:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
            [table],
        )
        for (trigger,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} {how} TRIGGER {trigger}")


ROW = "(SELECT entry_id FROM log_leaf WHERE position = %(place)s)"
YEARS = count(2018, -1)  # a month leaves once: each test has one of its own


@dataclass
class Old:
    """A month long ago. Its batch also holds entries of other months."""

    month: str
    superuser: Any
    write: Callable[[], None]
    entries: int = 0

    @property
    def table(self) -> str:
        return f"access_entry_{self.month.replace('-', '_')}"

    def is_there(self) -> bool:
        self.superuser.commit()
        question = f"SELECT to_regclass('public.{self.table}') IS NOT NULL"
        return bool(ask(self.superuser, question)[0])


@pytest.fixture
def old(api: Any, superuser: Any, shift_clock: Any) -> Old:
    year = next(YEARS)

    def write_then() -> None:
        """One more entry of that month."""
        caller = api("ywca.worker")
        (back,) = ask(superuser, f"SELECT (timestamptz '{year}-03-15T12:00Z' - now())::text")
        shift_clock(back)
        assert caller.get("/v1/referrals").status_code == 200
        shift_clock("0")

    seal()
    made = Old(f"{year}-03", superuser, write_then)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT sec.add_log_partition(%s)", [f"{made.month}-01"])
    write(api)
    for _ in range(3):
        write_then()
    write(api)
    seal()
    superuser.commit()
    (made.entries,) = ask(superuser, f"SELECT count(*) FROM {made.table}")
    assert made.entries >= 3
    return made


def retire(folder: Path, month: str) -> str:
    said = io.StringIO()
    call_command("ledger", "retire", month=month, to=folder, stdout=said)
    return said.getvalue()


def checked(path: Path, keys: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """The verifier by itself, as an auditor runs it."""
    keys.write_text(json.dumps(sealed_export.public_keys()))
    return subprocess.run(
        [sys.executable, verifier.__file__, str(path), "--keys", str(keys), *options],
        capture_output=True,
        text=True,
        check=False,
    )
