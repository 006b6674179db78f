"""A foreign key tells no caller an id that they may not see from one that does not exist.

PostgreSQL checks a foreign key past every policy. So a write that names an invisible parent would
be taken, and one that names a random id refused by the key: an oracle of ids. The policy of the
table must refuse both, in the same words. Read from the catalogue: a new key is covered at once.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from tests.support.ground.database import as_app, full_story
from tests.support.people.callers import Caller
from tests.support.people.stories import Story, service_of

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CALLERS = tuple(
    f"{agency}.{short}"
    for agency in ("police", "ywca")
    for short in ("worker", "lead", "admin", "auditor")
)
SAMPLES = 6  # rows of a table that are written again


class Key(NamedTuple):
    """A foreign key of one column from a table that `app` writes to a table with policies."""

    table: str
    column: str
    parent: str
    target: str  # the parent's column
    inserts: tuple[str, ...]  # the columns that `app` may insert; none: it may not insert this one
    updates: bool


class Said(NamedTuple):
    """How the database answered a write: error class, SQLSTATE, message and detail without ids."""

    error: str = ""
    code: str = ""
    message: str = ""
    detail: str = ""


def rows(superuser: Any, question: str, parameters: list[Any] | None = None) -> list[Any]:
    with superuser.cursor() as cursor:
        cursor.execute(question, parameters)
        found: list[Any] = cursor.fetchall()
        return found


def keys(superuser: Any) -> list[Key]:
    found = rows(
        superuser,
        """
        SELECT c.conrelid::regclass::text, a.attname::text, c.confrelid::regclass::text,
               b.attname::text,
               ARRAY(SELECT o.attname::text FROM pg_attribute o
                      WHERE o.attrelid = c.conrelid AND o.attnum > 0 AND NOT o.attisdropped
                        AND has_column_privilege('app', o.attrelid, o.attnum, 'INSERT')),
               has_column_privilege('app', c.conrelid, a.attnum, 'UPDATE')
          FROM pg_constraint c
          JOIN pg_class p ON p.oid = c.confrelid AND p.relrowsecurity
          JOIN pg_attribute a ON a.attrelid = c.conrelid AND ARRAY[a.attnum] = c.conkey
          JOIN pg_attribute b ON b.attrelid = c.confrelid AND ARRAY[b.attnum] = c.confkey
         WHERE c.contype = 'f' AND c.conparentid = 0
         ORDER BY 1, 2
        """,
    )
    each = [
        Key(table, column, parent, target, tuple(cols) if column in cols else (), updates)
        for table, column, parent, target, cols, updates in found
    ]
    return [one for one in each if one.inserts or one.updates]


def samples(superuser: Any, key: Key) -> Iterator[dict[str, Any]]:
    """Rows as they stand; with only what a row must have; and with other words where a second one
    of its kind would be refused."""
    optional = {
        name
        for (name,) in rows(
            superuser,
            "SELECT attname::text FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND NOT attnotnull",
            [key.table],
        )
    }
    words = rows(
        superuser,
        "SELECT DISTINCT attname::text FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
        " AND attnum = ANY (indkey) WHERE indrelid = %s::regclass AND indisunique"
        " AND atttypid = 'text'::regtype",
        [key.table],
    )
    found = rows(
        superuser,
        f"SELECT to_jsonb(t) FROM {key.table} t WHERE {key.column} IS NOT NULL LIMIT {SAMPLES}",
    )
    for (row,) in found:
        kept = {name: value for name, value in row.items() if name in key.inserts}
        yield kept
        yield {n: v for n, v in kept.items() if n not in optional or n == key.column}
        yield kept | {name: f"another {uuid4()}" for (name,) in words}


def said(caller: Caller, statement: str, parameters: list[Any]) -> Said:
    """As `app`, undone. Foreign keys that wait for the commit are checked at once."""
    with as_app(caller) as cursor:
        try:
            with transaction.atomic():
                cursor.execute(statement, parameters)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except DatabaseError as error:
            cause: Any = error.__cause__
            words = (cause.diag.message_primary or "", cause.diag.message_detail or "")
            return Said(type(cause).__name__, cause.pgcode, *(_UUID.sub("…", one) for one in words))
    return Said()


def inserted(caller: Caller, key: Key, row: dict[str, Any], parent: str) -> Said:
    new = row | {key.column: parent} | ({"id": str(uuid4())} if "id" in row else {})
    names = ", ".join(new)
    statement = (
        f"INSERT INTO {key.table} ({names})"
        f" SELECT {names} FROM jsonb_populate_record(NULL::{key.table}, %s::jsonb)"
    )
    return said(caller, statement, [json.dumps(new)])


def updated(caller: Caller, key: Key, parent: str) -> Said:
    return said(caller, f"UPDATE {key.table} SET {key.column} = %s", [parent])


def invisible(superuser: Any, caller: Caller, key: Key) -> str:
    """The id of a parent that the caller does not see."""
    every = {str(one) for (one,) in rows(superuser, f"SELECT {key.target} FROM {key.parent}")}
    seen: set[str] = set()
    with as_app(caller) as cursor:
        try:
            with transaction.atomic():
                cursor.execute(f"SELECT {key.target} FROM {key.parent}")
                seen = {str(one) for (one,) in cursor.fetchall()}
        except DatabaseError:
            pass  # it may not read that column at all
    return min(every - seen)


@pytest.fixture
def stories(story: Story, api: Any) -> None:
    """Rows of every table that `app` writes, and another referral, of two other agencies."""
    full_story(story, api)
    other = Story(api, service_of("sarc"), sender="outsider.worker", recipient="sarc.worker")
    other.create().release("name").packet(name="Invented Other").send().accept()
    full = {"kind": "sms", "address": "406-555-0171", "use": "own"}
    assert api("ywca.worker").post("/v1/channels", full).status_code == 201


def test_a_write_that_names_an_invisible_parent_is_refused_like_a_random_id(
    stories: None, api: Any, superuser: Any
) -> None:
    callers = [api(who) for who in CALLERS]
    found = keys(superuser)
    assert {one.parent for one in found} >= {"referral", "release", "webhook_endpoint"}
    told, written = [], set()
    for key in found:
        for caller in callers:
            parent, nowhere = invisible(superuser, caller, key), str(uuid4())
            if key.updates:
                both = updated(caller, key, parent), updated(caller, key, nowhere)
                told += [(key, caller.who, both)] if both[0] != both[1] else []
            for row in samples(superuser, key) if key.inserts else ():
                both = inserted(caller, key, row, parent), inserted(caller, key, row, nowhere)
                told += [(key, caller.who, both)] if both[0] != both[1] else []
                # That the row itself is one that this caller may write: so it is the parent alone
                # that is refused. A second one of its kind is refused behind the policy.
                if inserted(caller, key, row, row[key.column]).code in ("", "23505"):
                    written.add(key)
    assert told == []
    assert {one for one in found if one.inserts} - written == set(), "no caller could write these"


@contextmanager
def unchecked(superuser: Any, table: str) -> Iterator[None]:
    """For a while the policies of a table let `app` write any row."""
    checks = rows(
        superuser,
        "SELECT policyname, with_check FROM pg_policies WHERE tablename = %s"
        " AND 'app' = ANY (roles) AND with_check IS NOT NULL",
        [table],
    )
    with superuser.cursor() as cursor:
        for name, _ in checks:
            cursor.execute(f"ALTER POLICY {name} ON {table} WITH CHECK (true)")
        try:
            yield
        finally:
            for name, check in checks:
                cursor.execute(f"ALTER POLICY {name} ON {table} WITH CHECK ({check})")


def test_a_policy_that_does_not_ask_for_the_parent_is_found(
    stories: None, api: Any, superuser: Any
) -> None:
    """So the test above is not blind: where the policy asks nothing, each of these keys tells."""
    caller = api("police.worker")
    silent = []
    for key in keys(superuser):
        parent = invisible(superuser, caller, key)
        with unchecked(superuser, key.table):
            tells = any(
                inserted(caller, key, row, parent) != inserted(caller, key, row, str(uuid4()))
                for row in samples(superuser, key)
            )
        if key.inserts and not tells:
            silent.append(key)
    assert silent == []
