"""The roles and settings of a cluster that `manage.py database` made."""

import json
import stat
from contextlib import closing, suppress

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege

from api.dev.postgres import LOGIN_ROLES
from tests.deploy.clusters import binaries as binaries  # a fixture
from tests.deploy.clusters import database as database  # a fixture
from tests.deploy.clusters import running as running  # a fixture
from tests.deploy.clusters import started as started  # a fixture
from tests.support.ground.homes import ask, data_of


def test_a_wrong_password_is_refused(running):
    for password in ("wrong", ""):
        with pytest.raises(psycopg2.OperationalError, match=r"password|fe_sendauth"):
            psycopg2.connect(**(running.dsn("app") | {"password": password}))


def test_no_one_is_trusted_and_nothing_listens_on_the_network(running):
    rules = "SELECT type, database, user_name, auth_method FROM pg_hba_file_rules"
    with closing(running.connect_superuser()) as superuser, superuser.cursor() as cursor:
        cursor.execute(rules)
        assert cursor.fetchall() == [("local", ["all"], ["all"], "scram-sha-256")]
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchall() == [("",)]
        cursor.execute(
            "SELECT rolname FROM pg_authid "
            "WHERE rolcanlogin AND coalesce(rolpassword, '') NOT LIKE 'SCRAM-SHA-256$%'"
        )
        assert cursor.fetchall() == []


def test_passwords_are_for_our_eyes_only(running):
    file = running.folder / "passwords.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = json.loads(file.read_text())
    assert set(passwords) == {*LOGIN_ROLES, "postgres"}
    assert len(set(passwords.values())) == len(passwords)


def test_the_roles_are_as_the_design_says(running):
    attributes = """
        SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname !~ '^pg_|^postgres$'
        AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole AND NOT rolreplication
        AND rolcreatedb = (rolname = 'owner') AND rolinherit = (rolname <> 'owner')
    """
    expected = {(role, True) for role in LOGIN_ROLES} | {("definer", False)}
    assert set(ask(running, "app", attributes)) == expected


@pytest.mark.parametrize("role", ["app", "signin", "editor", "jobs", "auditor", "sealer", "backup"])
def test_no_role_but_owner_may_make_anything(running, role):
    for wish in (
        "CREATE TABLE t (x int)",
        "CREATE TEMPORARY TABLE t (x int)",
        "CREATE SCHEMA s",
        "CREATE DATABASE d",
        "CREATE ROLE r",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE definer",
        "SET ROLE owner",
    ):
        with pytest.raises(InsufficientPrivilege):
            ask(running, role, wish)


@pytest.mark.parametrize(
    "role", ["owner", "app", "signin", "editor", "jobs", "auditor", "sealer", "backup"]
)
@pytest.mark.parametrize(
    "wish",
    [
        "lo_create(0)",
        "lo_creat(-1)",
        "lo_from_bytea(0, 'what it read')",
        "lo_open(1, 131072)",
        "lo_put(1, 0, 'more of it')",
        "lowrite(0, 'more of it')",
        "pg_terminate_backend(pg_backend_pid())",
        "pg_cancel_backend(pg_backend_pid())",
        "pg_logical_emit_message(false, 'x', repeat('x', 1000))",
    ],
)
def test_an_injected_query_keeps_nothing_aside_and_ends_no_other_session(running, role, wish):
    with pytest.raises(InsufficientPrivilege):
        ask(running, role, f"SELECT {wish}")


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_other_databases_are_closed(running, database):
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        ask(running, "app", "SELECT 1", database)


@pytest.mark.parametrize(
    ("role", "statement", "idle"),
    [
        ("app", "5s", "15s"),
        ("signin", "5s", "15s"),
        ("editor", "15s", "15s"),
        ("auditor", "5s", "15s"),
        ("jobs", "1min", "15s"),
        ("sealer", "1min", "15s"),
        ("owner", "0", "0"),
    ],
)
def test_no_session_may_hang(running, role, statement, idle):
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "search_path")
    found = [ask(running, role, f"SHOW {name}")[0][0] for name in names]
    assert found == [statement, idle, "public"]


def test_owner_hands_functions_to_definer_without_taking_its_rights(running):
    running.create_database("definer_test")
    try:
        setup = """
            CREATE TABLE secret (x int);
            ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
            ALTER TABLE secret FORCE ROW LEVEL SECURITY;
            INSERT INTO secret SELECT 1 WHERE false;
            CREATE POLICY definer_reads ON secret TO definer USING (true);
            CREATE POLICY write ON secret FOR INSERT WITH CHECK (true);
            INSERT INTO secret VALUES (1);
            GRANT SELECT ON secret TO definer;
            CREATE SCHEMA sec;
            GRANT CREATE, USAGE ON SCHEMA sec TO definer;
            CREATE FUNCTION sec.count() RETURNS bigint SECURITY DEFINER STABLE
                LANGUAGE sql AS 'SELECT count(*) FROM public.secret';
            ALTER FUNCTION sec.count() OWNER TO definer;
        """
        ask(running, "owner", setup, "definer_test")
        seen = "SELECT sec.count(), (SELECT count(*) FROM secret)"
        assert ask(running, "owner", seen, "definer_test") == [(1, 0)]
    finally:
        running.drop_database("definer_test")


def test_a_database_for_tests_is_made_and_dropped_even_while_in_use(running):
    running.create_database("test_made")
    with pytest.raises(psycopg2.errors.DuplicateDatabase):
        running.create_database("test_made")
    in_use = psycopg2.connect(**running.dsn("app", "test_made"))
    owned = "SELECT datdba::regrole::text, (SELECT nspowner::regrole::text FROM pg_namespace "
    owned += "WHERE nspname = 'public') FROM pg_database WHERE datname = 'test_made'"
    assert ask(running, "owner", owned, "test_made") == [("owner", "owner")]
    assert ask(running, "owner", "CREATE EXTENSION pg_trgm", "test_made") == []
    with pytest.raises(InsufficientPrivilege):
        ask(running, "app", "CREATE TEMPORARY TABLE t (x int)", "test_made")
    running.drop_database("test_made")
    running.drop_database("test_made")
    in_use.close()


def test_no_value_of_a_query_reaches_the_log(running):
    canary = "Rosalind-1957"
    for question in (
        f"SELECT '{canary}'::uuid",
        f'SELECT 1/0 AS "{canary}"',
        f"DO $$ BEGIN RAISE EXCEPTION 'x' USING DETAIL = '{canary}'; END $$",
    ):
        with suppress(psycopg2.Error):
            ask(running, "app", question)
    assert canary not in (data_of(running) / "server.log").read_text()


def test_texts_and_times_are_the_same_everywhere(running):
    shown = [ask(running, "app", f"SHOW {name}")[0][0] for name in ("server_encoding", "timezone")]
    assert shown == ["UTF8", "UTC"]
    locale = "SELECT datcollate, datctype FROM pg_database WHERE datname = current_database()"
    assert ask(running, "app", locale) == [("C.UTF-8", "C.UTF-8")]


def test_the_url_says_the_same_as_the_dsn(running):
    with closing(psycopg2.connect(running.url("signin"))) as session:
        assert session.info.user == "signin"
        assert session.info.dbname == "cairn"
