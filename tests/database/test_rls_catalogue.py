"""The second wall, read from the catalogue: no table without it, no row and no write without a
live identity. A new table, view, partition or function is covered the day it is added."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, connections, transaction
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extras import Json

from permissions.identity import credentials
from tests.support.callers import Caller, member_id
from tests.support.database import (
    as_app,
    full_story,
    identify,
    opening,
    protected_tables,
    refused,
    refused_for_want_of_rights,
    turned_off,
)
from tests.support.notifications import DUTY, keep
from tests.support.stories import Story

OURS = ("app", "door", "editor", "jobs", "auditor", "sealer", "backup", "gate")
READABLE_BY_ALL = {
    "auth_permission",
    "django_content_type",
    "directory_listing",
    "directory_milestone",
    "directory_organization_listing",
    "directory_place",
    "directory_postcode",
    "directory_taxonomy",
    "directory_taxonomyterm",
    "directory_total",
    "directory_word",
    "permissions_agency",
    "schema_state",
    "xact_base",
}


def exempt_tables() -> dict[str, str]:
    lines = (settings.BASE_DIR / "permissions" / "exempt_tables.txt").read_text().splitlines()
    rows = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert all(len(row) == 2 for row in rows), "each exempt table has its reason"
    return {name: reason for name, reason in rows}  # noqa: C416


def answer(superuser: Any, question: str, parameters: list[Any] | None = None) -> list[Any]:
    with superuser.cursor() as cursor:
        cursor.execute(question, parameters)
        return cursor.fetchall()


# -- What the catalogue says -----------------------------------------------------------------------


def test_every_table_has_row_security_forced_or_stands_in_the_short_list(superuser: Any) -> None:
    relations = answer(
        superuser,
        "SELECT relname, relkind::text, relrowsecurity AND relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')",
    )
    open_ones = {name for name, kind, forced in relations if kind in "rp" and not forced}
    assert open_ones == set(exempt_tables())
    # A view answers with its owner's rights unless it says otherwise: there is none.
    assert [name for name, kind, _ in relations if kind not in "rp"] == []


def test_no_policy_is_for_everybody(superuser: Any) -> None:
    policies = answer(superuser, "SELECT tablename, policyname, roles::text FROM pg_policies")
    assert policies
    for table, name, roles in policies:
        assert set(roles.strip("{}").split(",")) <= set(OURS), (table, name)


def test_the_serving_roles_own_nothing_and_can_make_nothing(superuser: Any) -> None:
    flags = answer(
        superuser,
        "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) AND (rolsuper OR rolbypassrls"
        " OR rolcreatedb OR rolcreaterole OR rolreplication)",
        [list(OURS)],
    )
    assert flags == []
    for kind, owner in (
        ("class", "relowner"),
        ("proc", "proowner"),
        ("namespace", "nspowner"),
        ("type", "typowner"),
    ):
        owners = answer(superuser, f"SELECT DISTINCT {owner}::regrole::text FROM pg_{kind}")
        allowed = {"gate"} if kind == "proc" else set()
        assert {name for (name,) in owners} & set(OURS) <= allowed, kind
    for role in OURS:
        makes = answer(
            superuser,
            "SELECT has_database_privilege(%s, current_database(), 'CREATE, TEMPORARY'),"
            " has_schema_privilege(%s, 'public', 'CREATE')",
            [role, role],
        )
        assert makes == [(False, False)], role
        member_of = answer(
            superuser,
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole",
            [role],
        )
        assert member_of == [], role


def test_no_function_is_open_to_everybody_and_only_gate_lends_its_rights(superuser: Any) -> None:
    functions = answer(
        superuser,
        "SELECT pronamespace::regnamespace::text, proname, proowner::regrole::text, prosecdef,"
        " has_function_privilege('backup', oid, 'EXECUTE') FROM pg_proc"
        " WHERE pronamespace IN ('sec'::regnamespace, 'public'::regnamespace)",
    )
    for schema, name, owner, lends, anybody in functions:
        assert owner == "gate" or not lends, f"{schema}.{name} lends the rights of {owner}"
        assert schema == "public" or not anybody, f"{schema}.{name} is open to everybody"
    # What decides an opening is asked through the policy, and a sign-in is logged by the door.
    for name, may in (
        ("opening", set()),
        ("log_sign_in", {"door"}),
        ("log_rights", {"jobs"}),
    ):
        callers = answer(
            superuser,
            "SELECT r.rolname FROM pg_proc p, pg_roles r WHERE p.proname = %s"
            " AND r.rolname = ANY (%s) AND has_function_privilege(r.oid, p.oid, 'EXECUTE')",
            [name, [role for role in OURS if role != "gate"]],
        )
        assert {role for (role,) in callers} == may, name


def rights(superuser: Any, role: str, right: str) -> set[str]:
    """The tables, and partitions, on which a role holds a right, be it on one column only."""
    test = "has_table_privilege" if right in ("DELETE", "TRUNCATE") else "has_any_column_privilege"
    found = answer(
        superuser,
        f"SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        f" AND relkind IN ('r', 'p') AND {test}(%s, oid, %s)",
        [role, right],
    )
    return {name for (name,) in found}


def test_app_reads_no_secret_and_writes_no_exempt_table(superuser: Any) -> None:
    exempt = set(exempt_tables())
    assert rights(superuser, "app", "SELECT") & exempt == READABLE_BY_ALL
    for right in ("INSERT", "UPDATE", "DELETE", "REFERENCES"):
        assert rights(superuser, "app", right) & exempt == set(), right
    for closed in ("credential", "permissions_person", "mfa_authenticator", "django_session"):
        assert closed in exempt - READABLE_BY_ALL
    assert "access_entry" not in rights(superuser, "app", "SELECT")
    assert rights(superuser, "app", "DELETE") == set()
    assert "referral_assignment" not in rights(superuser, "app", "INSERT")


def test_each_other_role_reaches_its_own_tables_only(superuser: Any) -> None:
    every = {right: rights(superuser, "owner", right) for right in ("SELECT", "INSERT")}
    sealed = {
        "packet_field",
        "note",
        "packet_grant",
        "private_key",
        "release",
        "release_paper",
        "returned",
    }
    for role in ("jobs", "auditor", "sealer", "backup", "door", "editor"):
        reached = rights(superuser, role, "SELECT") | rights(superuser, role, "INSERT")
        if role != "jobs":  # of which the next test speaks
            assert not reached & sealed, role
        assert reached < every["SELECT"]
    seals = {"log_leaf", "log_checkpoint"}
    readable = {"access_entry", "log_watch", "schema_state", *seals}
    assert rights(superuser, "sealer", "SELECT") == readable
    assert rights(superuser, "sealer", "INSERT") == seals
    assert rights(superuser, "backup", "SELECT") == set()
    assert rights(superuser, "auditor", "SELECT") == {
        "access_entry",
        "auth_permission",
        "django_content_type",
        "log_checkpoint",
        "log_opt_in",
        "permissions_agency",
        "permissions_membership",
        "schema_state",
        "self_assignment",
    }
    beyond = {"access_entry", "permissions_agency", "schema_state"}
    for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        reached = rights(superuser, "editor", right)
        assert {name for name in reached if not name.startswith("directory_")} <= beyond, right
    for role in OURS:
        assert rights(superuser, role, "TRUNCATE") == set(), role
    for role in ("jobs", "auditor", "sealer", "app", "backup", "editor"):
        assert "credential" not in rights(superuser, role, "UPDATE"), role


# Purge and rotation: where a referral stands and how its keys are wrapped, never what is in it.
OF_JOBS = {
    "packet_field": ({"referral_id"}, set()),
    "note": ({"referral_id", "agency_id"}, set()),
    "release": ({"id", "referral_id"}, set()),
    "release_end": ({"release_id", "agency_id"}, set()),
    "release_paper": ({"release_id", "agency_id"}, set()),
    "packet_grant": (
        {"id", "referral_id", "agency_id", "release_id", "expires_at", "closed"}
        | {"kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "private_key": (
        {"id", "referral_id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "returned": (
        {"id", "referral_id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "directory_confidential_address": (
        {"id", "agency_id", "kek_version", "key_bundle"},
        {"kek_version", "key_bundle"},
    ),
    "referral_plan": ({"referral_id", "agency_id", "replaces_id"}, {"replaces_id"}),
    "referral": (
        {"id", "from_agency_id", "to_agency_id", "status", "reference", "urgency"}
        | {
            "from_purged",
            "to_purged",
            "created_at",
            "sent_at",
            "accepted_at",
            "ended_at",
            "expires_at",
        }
        | {"expires_at", "ack_by", "accept_by", "escalated_at", "version"},
        {"from_purged", "to_purged", "status", "ended_at", "escalated_at", "version"},
    ),
    "referral_side": (
        {"id", "referral_id", "agency_id", "state", "subject", "hold_until", "version"}
        | {"handoff_by", "escalated_at"},
        {"state", "handoff_by", "escalated_at", "version"},
    ),
}


@pytest.mark.parametrize("table", OF_JOBS)
def test_the_background_work_reads_nothing_of_what_is_in_a_referral(
    superuser: Any, table: str
) -> None:
    reads, changes = OF_JOBS[table]
    assert set(columns(superuser, table, "SELECT", "jobs")) == reads
    assert set(columns(superuser, table, "UPDATE", "jobs")) == changes
    assert columns(superuser, table, "INSERT", "jobs") == []


# -- The log is append-only ------------------------------------------------------------------------


def log_tables(superuser: Any) -> list[str]:
    found = answer(
        superuser,
        "SELECT relid::regclass::text FROM pg_partition_tree('access_entry') ORDER BY level",
    )
    return [name for (name,) in found]


def test_nobody_rewrites_the_access_log_not_even_the_superuser(
    story: Story, superuser: Any
) -> None:
    story.send()
    superuser.autocommit = False
    for table in log_tables(superuser):
        for replica in ("origin", "replica"):  # a session of the latter kind skips other triggers
            for statement in (
                f"UPDATE {table} SET act = 'nothing'",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
            ):
                with superuser.cursor() as cursor:
                    cursor.execute(f"SET LOCAL session_replication_role = {replica}")
                    cursor.execute(f"SELECT count(*) FROM {table}")
                    if cursor.fetchone() == (0,) and not statement.startswith("TRUNCATE"):
                        superuser.rollback()
                        continue
                    with pytest.raises(Exception, match="append-only"):
                        cursor.execute(statement)
                superuser.rollback()
    superuser.autocommit = True


def test_the_owner_sees_no_entry_and_truncates_none(story: Story) -> None:
    story.send()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM access_entry")
        assert cursor.fetchone() == (0,)
        with pytest.raises(Exception, match="append-only"):
            cursor.execute("TRUNCATE access_entry")


# -- No live identity: no row, no write ------------------------------------------------------------


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
    with connections["door"].cursor() as cursor:
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
    with connections["door"].cursor() as cursor:
        cursor.execute("SELECT id FROM permissions_person WHERE username = 'police.worker'")
        person = cursor.fetchone()[0]
    with turned_off("door", "permissions_person", "is_active", person):
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
    with turned_off("door", "permissions_client", "active", client):
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
        cursor.execute("SELECT sec.caller()")
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
            ("sec.open_grant(%s)", [story.id]),
            ("sec.close_grant(%s)", [story.id]),
            (
                "sec.put_grant(%s, %s, %s, '{name}', 1, 'x')",
                [str(member_id("x")), story.id, release],
            ),
            ("sec.end_return(%s)", [story.id]),
            ("sec.tally(true)", []),
            (
                "sec.put_returned(%s, %s, 1, 'x', 'x')",
                [str(member_id("y")), release],
            ),
            ("sec.narrow(%s, '{name}', sec.clock(), NULL, NULL)", [release]),
            ("sec.end_unseen(%s, 'oral')", [story.id]),
        ):
            with (
                contextlib.suppress(ProgrammingError),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                identify(cursor, caller)
                cursor.execute(f"SELECT {call}", parameters)
    assert answer(superuser, everything) == before


def test_what_gate_hides_of_the_directory_it_cannot_show_again(superuser: Any) -> None:
    """directory_location.gate_hides: whatever a function that has its rights may be made to do."""
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE gate")
            cursor.execute("SELECT array_agg(id) FROM directory_location")
            cursor.execute("SELECT sec.hide_places(%s)", cursor.fetchone())
            with pytest.raises(InsufficientPrivilege):
                cursor.execute("UPDATE directory_location SET confidential = false")
    finally:
        superuser.rollback()
        superuser.autocommit = True


@pytest.mark.parametrize("table", ["directory_organization", "directory_service"])
def test_what_gate_locks_of_the_directory_it_cannot_change(superuser: Any, table: str) -> None:
    """Its policy gate_locks is for SELECT … FOR UPDATE, which asks for the right to update."""
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute(f"GRANT UPDATE ON {table} TO gate")  # undone below
            cursor.execute("SET LOCAL ROLE gate")
            cursor.execute(f"SELECT FROM {table} FOR UPDATE")
            assert cursor.rowcount
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(f"UPDATE {table} SET source = source")
    finally:
        superuser.rollback()
        superuser.autocommit = True


def test_what_gate_sends_is_a_test_and_nothing_else(superuser: Any, api: Any) -> None:
    """message.gate_tests: whatever a function that has its rights may be made to do."""
    keep(api, "ywca.admin", "mail", DUTY["ywca"], use="duty")
    insert = (
        "INSERT INTO message (id, cause, agency_id, channel_id, kind, template, reference)"
        " SELECT gen_random_uuid(), gen_random_uuid(), agency_id, id, kind, %s, 'TEST' FROM channel"
    )
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE gate")
            cursor.execute(insert, ["test"])
            assert cursor.rowcount == 1
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(insert, ["notice"])
    finally:
        superuser.rollback()
        superuser.autocommit = True


@pytest.mark.parametrize(
    "otherwise",
    [{"act": "accept"}, {"to_sees": False}, {"from_sees": True}],
    ids=lambda one: next(iter(one)),
)
def test_what_gate_delivers_is_a_receipt_of_the_recipients_and_nothing_else(
    superuser: Any, story: Story, otherwise: dict[str, Any]
) -> None:
    """referral_event.gate_delivers: whatever a function that has its rights may be made to do."""
    story.send()
    insert = (
        "INSERT INTO referral_event SELECT (jsonb_populate_record(e, %s)).*"
        " FROM referral_event e WHERE e.act = 'send'"
    )
    receipt = {"act": "delivered", "to_sees": True, "from_sees": False}
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE gate")
            cursor.execute(insert, [Json(receipt | {"id": str(uuid4())})])
            assert cursor.rowcount == 1
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(insert, [Json(receipt | otherwise | {"id": str(uuid4())})])
    finally:
        superuser.rollback()
        superuser.autocommit = True


@pytest.mark.parametrize("table", ["referral_event", "self_assignment"])
def test_what_was_told_gate_cannot_make_untold(
    api: Any, superuser: Any, story: Story, table: str
) -> None:
    """gate_tells of either: else a message would go out once more."""
    story.accept()
    assert api("ywca.lead").act(story.id, "take_over", {"reason": "safety"}).status_code == 200
    superuser.autocommit = False
    try:
        with superuser.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE gate")
            cursor.execute(f"UPDATE {table} SET told = true")
            assert cursor.rowcount
            with pytest.raises(InsufficientPrivilege, match="row-level security"):
                cursor.execute(f"UPDATE {table} SET told = false")
    finally:
        superuser.rollback()
        superuser.autocommit = True
