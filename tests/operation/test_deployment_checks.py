"""`manage.py check --deploy` finds each mistake, by the real fault, and names it once."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections

from permissions.health import deployment_checks, heartbeats
from tests.support.ground.live_server import Server
from tests.support.ground.ports import free_port
from tests.support.ground.repository import DEPLOY
from tests.support.servers.nginx_front import NGINX, nginx_before

ALIASES = ["default", "signin", "editor", "auditor", "jobs", "sealer"]


def found() -> set[str]:
    ids = {str(one.id) for one in run_checks(databases=ALIASES, include_deployment_checks=True)}
    return {one.removeprefix("permissions.") for one in ids if one.startswith("permissions.")}


@pytest.fixture
def well(settings: Any, tmp_path: Path) -> Any:
    """A server without a fault, but for what one disk and no providers are."""
    for name in ("home", "keys-copy", "witness", "journal"):
        (tmp_path / name).mkdir()
    settings.HOME = tmp_path / "home"
    settings.KEY_COPY = str(tmp_path / "keys-copy")
    settings.LOG_WITNESS_FILE = str(tmp_path / "witness" / "log.ndjson")
    settings.JOURNAL_FOLDER = str(tmp_path / "journal")
    settings.SANDBOX = False
    settings.SENDERS = {"mail": "smtp", "phone": "twilio"}
    heartbeats.beat("purge", 3600)
    return settings


def test_a_server_that_is_well_has_none_of_them(well: Any) -> None:
    assert found() <= {"W020", "W025"}  # one disk; a developer's may be nearly full


def for_new_sessions(superuser: Any, change: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(change)
    for alias in connections:
        connections[alias].close()


def test_a_database_that_takes_no_writes(well: Any, superuser: Any) -> None:
    for_new_sessions(superuser, "ALTER ROLE app SET default_transaction_read_only = on")
    try:
        assert "E020" in found()
    finally:
        for_new_sessions(superuser, "ALTER ROLE app RESET default_transaction_read_only")


def test_keys_that_are_gone(well: Any) -> None:
    folder = Path(well.BINDING_FOLDER)
    away = folder.with_name("binding-away")
    folder.rename(away)
    try:
        assert "E021" in found()
    finally:
        if folder.exists():
            shutil.rmtree(folder)
        away.rename(folder)


def test_a_log_that_takes_no_entries(well: Any, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(attname::text), ', ') FROM pg_attribute"
            " WHERE attrelid = 'access_entry'::regclass AND attnum > 0"
            " AND has_column_privilege('app', attrelid, attnum, 'INSERT')"
        )
        ((columns,),) = cursor.fetchall()
        cursor.execute("REVOKE INSERT ON access_entry FROM app")
        try:
            assert "E022" in found()
        finally:
            cursor.execute(f"GRANT INSERT ({columns}) ON access_entry TO app")


@pytest.mark.parametrize("fault", ["never", "late", "failing"])
def test_background_work_that_is_not_done(well: Any, superuser: Any, fault: str) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM job_heartbeat")
    if fault == "late":
        heartbeats.beat("purge", -10 * heartbeats.LATE_AFTER_S)
    elif fault == "failing":
        heartbeats.beat("purge", 10, OSError())
    assert "E023" in found()


@pytest.mark.parametrize("name", ["KEY_COPY", "JOURNAL_FOLDER", "HOME", "LOG_WITNESS_FILE"])
def test_a_folder_that_is_missing(well: Any, tmp_path: Path, name: str) -> None:
    setattr(well, name, tmp_path / "nowhere" / "in it")
    assert "E024" in found()


def test_a_disk_that_is_full(well: Any, monkeypatch: Any) -> None:
    """Taken for full by moving the mark: what is left of this machine's disk is read."""
    monkeypatch.setattr(deployment_checks, "LITTLE", 10**12)
    assert "W025" in found()
    monkeypatch.setattr(deployment_checks, "FULL", 10**12)
    assert "E025" in found()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"DEBUG": True}, "E026"),
        ({"LOGGING": {"level": "DEBUG"}}, "E026"),
        ({"HTTPS": True, "PROXIES": 0}, "E027"),
        ({"SENDERS": {"mail": None, "phone": "twilio"}}, "W022"),
        ({"SENDERS": {"mail": "smtp", "phone": None}}, "W023"),
    ],
)
def test_settings_that_are_no_servers(well: Any, change: dict[str, Any], code: str) -> None:
    before = found()
    for name, value in change.items():
        setattr(well, name, value)
    assert found() - before == {code}


def test_a_role_without_a_time_limit(well: Any, superuser: Any) -> None:
    for_new_sessions(superuser, "ALTER ROLE app SET statement_timeout = 0")
    try:
        assert {"E028", "E008"} <= found()
    finally:
        for_new_sessions(superuser, "ALTER ROLE app SET statement_timeout = '5s'")


# -- By its own name -------------------------------------------------------------------------------


def test_a_name_where_nothing_answers(well: Any) -> None:
    well.LOOPBACK, well.BASE_URL = False, f"https://localhost:{free_port()}"
    assert "E029" in found()


@pytest.fixture
def by_nginx(well: Any, server: Server, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    if NGINX is None:
        pytest.skip("there is no nginx on this machine")
    with nginx_before(server.base_url, tmp_path) as front:
        well.LOOPBACK, well.BASE_URL = False, front.base  # type: ignore[attr-defined]
        yield front  # type: ignore[misc]


@contextmanager
def trusted(path: Path) -> Iterator[None]:
    """As the machine's own certificates are."""
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(path)
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]
        if before is not None:
            os.environ["SSL_CERT_FILE"] = before


def test_a_certificate_that_is_not_good_and_one_that_ends_soon(
    by_nginx: Any, tmp_path: Path
) -> None:
    assert "E029" in found()
    with trusted(tmp_path / "fullchain.pem"):
        assert found() & {"E029", "W024"} == {"W024"}  # it is a day's


@pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine")
def test_a_cairn_that_nginx_does_not_reach(well: Any, tmp_path: Path) -> None:
    with (
        nginx_before(f"http://127.0.0.1:{free_port()}", tmp_path) as front,
        trusted(tmp_path / "fullchain.pem"),
    ):
        well.LOOPBACK, well.BASE_URL = False, front.base  # type: ignore[attr-defined]
        assert "E029" in found()


def test_each_has_its_row_in_the_runbook() -> None:
    runbook = (DEPLOY / "RUNBOOK.md").read_text()
    for line in str(deployment_checks.__doc__).splitlines():
        if line.startswith("permissions."):
            assert re.search(rf"^\|.*`{line.split()[0]}`.*\|", runbook, re.MULTILINE), line
