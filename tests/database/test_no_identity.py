"""No row and no write without a live identity."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import ProgrammingError, connection, connections, transaction

from permissions.identity import credentials
from tests.database.catalogue import answer, columns, first_column, log_tables
from tests.support.ground.database import (
    as_app,
    full_story,
    identify,
    opening,
    protected_tables,
    refused,
    refused_for_want_of_rights,
    turned_off,
)
from tests.support.people.callers import Caller, member_id
from tests.support.people.stories import Story


@contextmanager
def nobody(api: Any) -> Iterator[Caller]:
    yield api(None)


@contextmanager
def unknown(api: Any) -> Iterator[Caller]:
    yield Caller("unknown", "a secret that was never issued")


@contextmanager
def ended(api: Any) -> Iterator[Caller]:
    caller = api("police.worker")
    credentials.end_credential(caller.secret)
    yield caller


@contextmanager
def expired(api: Any) -> Iterator[Caller]:
    caller = api("police.worker")
    with connections["signin"].cursor() as cursor:
        cursor.execute("UPDATE credential SET expires_at = sec.clock()")
    yield caller


@contextmanager
def member_left(api: Any) -> Iterator[Caller]:
    caller = api("police.worker")
    with turned_off("jobs", "permissions_membership", "active", member_id("police.worker")):
        yield caller


@contextmanager
def person_locked(api: Any) -> Iterator[Caller]:
    caller = api("police.worker")
    with connections["signin"].cursor() as cursor:
        cursor.execute("SELECT id FROM permissions_person WHERE username = 'police.worker'")
        person = cursor.fetchone()[0]
    with turned_off("signin", "permissions_person", "is_active", person):
        yield caller


@contextmanager
def agency_left(api: Any) -> Iterator[Caller]:
    caller = api("police.worker")
    with turned_off("jobs", "permissions_agency", "active", agency_of(caller)):
        yield caller


@contextmanager
def client_disabled(api: Any) -> Iterator[Caller]:
    caller = api("police.client", "police.worker")
    with as_app(caller) as cursor:
        cursor.execute("SELECT client_id FROM sec.identity()")
        client = cursor.fetchone()[0]
    with turned_off("signin", "permissions_client", "active", client):
        yield caller


@contextmanager
def client_names_a_stranger(api: Any) -> Iterator[Caller]:
    yield api("police.client", "ywca.worker")


@contextmanager
def client_names_somebody_who_left(api: Any) -> Iterator[Caller]:
    caller = api("police.client", "police.worker")
    with turned_off("jobs", "permissions_membership", "active", member_id("police.worker")):
        yield caller


def agency_of(caller: Caller) -> Any:
    with as_app(caller) as cursor:
        cursor.execute("SELECT sec.current_agency_id()")
        return cursor.fetchone()[0]


NO_IDENTITY = (
    nobody,
    unknown,
    ended,
    expired,
    member_left,
    person_locked,
    agency_left,
    client_disabled,
    client_names_a_stranger,
    client_names_somebody_who_left,
)


def samples(superuser: Any, tables: list[str]) -> dict[str, str | None]:
    """One real row of each table, as JSON: what a live caller could have written."""
    found = {}
    for table in tables:
        rows = answer(superuser, f"SELECT to_jsonb(t) FROM {table} t LIMIT 1")
        found[table] = json.dumps(rows[0][0]) if rows else None
    return found


def test_the_story_fills_every_protected_table(story: Story, api: Any, superuser: Any) -> None:
    full_story(story, api)
    with superuser.cursor() as cursor:
        tables = protected_tables(cursor)
    assert len(tables) > 12
    partitions = set(log_tables(superuser)[1:])
    # The directory's sources are tried by tests/directory/test_editor_policies.py.
    ours = [table for table in tables if not table.startswith("directory_")]
    empty = [table for table, row in samples(superuser, ours).items() if row is None]
    assert set(empty) < partitions, "only months of the log that have not come yet are empty"


@pytest.mark.parametrize("identity", NO_IDENTITY, ids=lambda one: one.__name__)
def test_without_a_live_identity_there_is_no_row_and_no_write(
    story: Story, api: Any, superuser: Any, identity: Callable[[Any], Any]
) -> None:
    full_story(story, api)
    with superuser.cursor() as cursor:
        tables = protected_tables(cursor)
    rows = samples(superuser, tables)
    with identity(api) as caller, as_app(caller) as cursor:
        for act in ("open_packet", "open_notes"):
            entry = opening("police.worker", story.id, act)
            assert refused_for_want_of_rights(cursor, *entry)
        for table in tables:
            # The public's part of the change feed is the public's.
            hidden = " WHERE network" if table == "directory_change" else ""
            assert refused(cursor, f"SELECT * FROM {table}{hidden}"), table
            assert refused(cursor, f"DELETE FROM {table}"), table
            assert refused(cursor, f"TRUNCATE {table}"), table
            for column in columns(superuser, table, "UPDATE") or [first_column(superuser, table)]:
                assert refused(cursor, f"UPDATE {table} SET {column} = NULL"), (table, column)
            names = ", ".join(
                columns(superuser, table, "INSERT") or [first_column(superuser, table)]
            )
            insert = (
                f"INSERT INTO {table} ({names})"
                f" SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s::jsonb)"
            )
            assert refused_for_want_of_rights(cursor, insert, [rows[table] or "{}"]), table


@pytest.mark.parametrize("identity", NO_IDENTITY, ids=lambda one: one.__name__)
def test_without_a_live_identity_the_functions_on_grants_change_nothing(
    story: Story, api: Any, superuser: Any, identity: Callable[[Any], Any]
) -> None:
    full_story(story, api)
    everything = (
        "SELECT g::text FROM packet_grant g UNION ALL SELECT l::text FROM release l"
        " UNION ALL SELECT b::text FROM returned b UNION ALL SELECT t::text FROM agreement_tally t"
        " ORDER BY 1"
    )
    before = answer(superuser, everything)
    release = answer(superuser, "SELECT id FROM release WHERE NOT ended")[0][0]
    with identity(api) as caller:
        for call, parameters in (
            ("sec.activate_grant(%s)", [story.id]),
            ("sec.destroy_grant(%s)", [story.id]),
            (
                "sec.store_grant(%s, %s, %s, '{name}', 1, 'x')",
                [str(member_id("x")), story.id, release],
            ),
            ("sec.end_return_release(%s)", [story.id]),
            ("sec.count_agreement_answer(true)", []),
            (
                "sec.store_returned(%s, %s, 1, 'x', 'x')",
                [str(member_id("y")), release],
            ),
            ("sec.narrow_release(%s, '{name}', sec.clock(), NULL, NULL)", [release]),
            ("sec.revoke_before_accept(%s, 'oral')", [story.id]),
        ):
            with (
                contextlib.suppress(ProgrammingError),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                identify(cursor, caller)
                cursor.execute(f"SELECT {call}", parameters)
    assert answer(superuser, everything) == before
