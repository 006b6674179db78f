"""What the system checks refuse: psycopg 3, and mistakes of a deployment that a database shows."""

import importlib.util
import os
import secrets
from collections.abc import Callable, Iterator

import psycopg2
import pytest
from django.core.checks import run_checks
from django.db import connections
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from structlog.testing import capture_logs

from permissions.audit import counters
from permissions.database import checks

pytestmark = pytest.mark.no_database


# -- What refuses to start -------------------------------------------------------------------------


def test_psycopg_3_is_not_there() -> None:
    """Django would silently prefer it, and nothing here was proved with it."""
    assert importlib.util.find_spec("psycopg") is None
    assert is_psycopg3 is False


def test_a_psycopg_3_that_is_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    assert [error.id for error in checks.only_psycopg2()] == ["permissions.E001"]


# -- Deploy mistakes that only a database can show -------------------------------------------------


@pytest.fixture
def careless(
    superuser: psycopg2.extensions.connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """`careless("SUPERUSER")`: the connection `default` logs in as a role with that attribute."""
    role, password = f"careless_{os.getpid()}", secrets.token_urlsafe()
    ours = connections["default"].settings_dict

    def log_in(attribute: str) -> None:
        with superuser.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {role} LOGIN {attribute} PASSWORD %s", [password])
            cursor.execute(f"GRANT app TO {role}")
        connections["default"].close()
        monkeypatch.setitem(ours, "USER", role)
        monkeypatch.setitem(ours, "PASSWORD", password)

    yield log_in
    connections["default"].close()
    with superuser.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {role}")


def problems() -> list[str]:
    found = run_checks(databases=["default", "signin", "editor", "auditor", "jobs", "sealer"])
    return [str(error.id) for error in found if str(error.id).startswith("permissions.")]


def test_the_roles_as_made_pass_the_checks(django_db_setup: str) -> None:
    assert problems() == []


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS"])
def test_a_role_that_goes_around_row_security_is_an_error(
    careless: Callable[[str], None], attribute: str
) -> None:
    careless(attribute)
    assert problems() == ["permissions.E002", "permissions.E006"]


def test_a_shifted_clock_is_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE clock_offset SET shift = '1 day'")
        try:
            assert problems() == ["permissions.E003"]
        finally:
            cursor.execute("UPDATE clock_offset SET shift = '0'")


def for_new_sessions(superuser: psycopg2.extensions.connection, change: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(f"ALTER {change}")
    for alias in connections:
        connections[alias].close()


def test_a_commit_that_does_not_wait_for_the_disk_is_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    for_new_sessions(superuser, f"DATABASE {django_db_setup} SET synchronous_commit = off")
    try:
        assert set(problems()) == {"permissions.E005"}
    finally:
        for_new_sessions(superuser, f"DATABASE {django_db_setup} RESET synchronous_commit")


def test_sessions_that_read_one_anothers_queries_are_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    for_new_sessions(superuser, "ROLE signin SET track_activities = on")
    try:
        assert set(problems()) == {"permissions.E006", "permissions.E008"}
    finally:
        for_new_sessions(superuser, "ROLE signin SET track_activities = off")


def test_a_memory_of_what_was_run_is_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    """It shows a role the texts of its own sessions, whatever `track_activities` says."""
    with superuser.cursor() as cursor:
        cursor.execute("CREATE EXTENSION pg_stat_statements")
        superuser.commit()
        try:
            assert set(problems()) == {"permissions.E006"}
        finally:
            cursor.execute("DROP EXTENSION pg_stat_statements")
            superuser.commit()


def test_a_server_with_a_known_hole_is_an_error(
    django_db_setup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "SAFE_VERSIONS", dict.fromkeys(range(10, 40), 999_999))
    assert set(problems()) == {"permissions.E004"}


@pytest.mark.parametrize("role", ["app", "signin", "jobs"])
@pytest.mark.parametrize("place", ["", "IN DATABASE {}"])
def test_an_injected_query_that_changes_its_roles_defaults_is_found(
    django_db_setup: str, superuser: psycopg2.extensions.connection, role: str, place: str
) -> None:
    """PostgreSQL lets each role do so, and no trigger sees it."""
    alias = "default" if role == "app" else role
    change = f"ALTER ROLE {role} {place.format(django_db_setup)}"
    with connections[alias].cursor() as cursor:
        cursor.execute(f"{change} SET default_transaction_read_only = on")
    try:
        assert problems() == ["permissions.E008"]
        with capture_logs() as logs:
            counters.step()
        assert [(one["event"], one["error"]) for one in logs] == [("role_settings_changed", role)]
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(f"{change} RESET default_transaction_read_only")
        for one in connections:
            connections[one].close()
    assert problems() == []


def test_a_server_that_lets_roles_end_one_another_is_an_error(
    django_db_setup: str, superuser: psycopg2.extensions.connection
) -> None:
    every = "ON FUNCTION pg_terminate_backend(int, bigint)"
    with superuser.cursor() as cursor:
        cursor.execute(f"GRANT EXECUTE {every} TO PUBLIC")
        try:
            assert set(problems()) == {"permissions.E009"}
        finally:
            cursor.execute(f"REVOKE EXECUTE {every} FROM PUBLIC")
