"""Whatever Cairn asks over a network has a limit of time. One row for each; a module that is new to
the network is not in the table, and fails here."""

import ast
import socket
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connections
from django.db.utils import ConnectionHandler
from django.test import override_settings

from api.agency_sign_in import provider_client
from api.drill import web_server
from api.health import edge_checks
from api.http import slow_clients
from permissions.health import own_address
from permissions.keys import vault
from permissions.management.commands import migrate
from referrals.notifications import mail_copies, transports
from referrals.push import web_push
from referrals.webhooks import delivery, key_sets, name_lookups
from tests.support.ground.repository import REPOSITORY

NETWORK = {"socket", "ssl", "smtplib", "imaplib", "ftplib", "http.client", "urllib.request"} | {
    *("requests", "hvac", "twilio", "psycopg2", "urllib3", "httpx", "aiohttp", "redis"),
}

# What each module that meets the network is limited by, in seconds.
CLIENTS: dict[str, dict[str, float]] = {
    "permissions/keys/vault.py": {"Vault": vault.TIMEOUT_S},
    "referrals/notifications/transports.py": {"SMTP, Twilio": transports.TIMEOUT_S},
    "referrals/notifications/mail_copies.py": {"IMAP": mail_copies.TIMEOUT_S},
    "referrals/webhooks/name_lookups.py": {"names": name_lookups.LIMIT_S},
    "referrals/webhooks/ssrf_guard.py": {
        "webhooks": delivery.MESSAGE_S,
        "key sets": key_sets.WITHIN_S,
        "push": web_push.WITHIN_S,
        "an agency's own sign-in": provider_client.WITHIN_S,
    },
    "api/http/slow_clients.py": {"those who ask": slow_clients.BODY_S},
    "api/drill/web_server.py": {"its own web server": web_server.TIMEOUT_S},
    "api/drill/smoke_test.py": {"its own web server": web_server.TIMEOUT_S},
    "permissions/health/own_address.py": {"its own address": own_address.MOST_S},
}
# They name types and errors of the driver, or this machine, and open nothing; or the demo alone.
OPEN_NOTHING = {
    "permissions/database/backend/base.py",
    "permissions/health/heartbeats.py",
    "permissions/keys/key_folder.py",
    "permissions/health/service_manager.py",  # the socket of systemd on this machine
    "api/sandbox/reset.py",  # the demo alone
    "api/backup/isolation.py",  # tries that there is no way out, for a second
    "api/backup/restored_cluster.py",  # the socket of the cluster that a drill throws away
}
LONGEST_S = 60


def imported(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return {one for one in NETWORK for name in found if name == one or name.startswith(f"{one}.")}


@pytest.mark.no_database
def test_each_module_that_meets_the_network_has_a_limit() -> None:
    found = set()
    for floor in ("permissions", "directory", "referrals", "api"):
        for path in sorted((REPOSITORY / floor).rglob("*.py")):
            name = str(path.relative_to(REPOSITORY))
            if not name.startswith(("api/dev/", "api/management/")) and imported(path.read_text()):
                found.add(name)
    assert found - OPEN_NOTHING - set(CLIENTS) <= _only_types(), "say what limits it"
    for module, limits in CLIENTS.items():
        for what, seconds in limits.items():
            assert 0 < seconds <= LONGEST_S, (module, what)


def _only_types() -> set[str]:
    """Modules that import names of the driver for annotations and errors, and call no connect."""
    return {
        str(path.relative_to(REPOSITORY))
        for floor in ("permissions", "directory", "referrals", "api")
        for path in (REPOSITORY / floor).rglob("*.py")
        if imported(text := path.read_text()) <= {"psycopg2"} and "psycopg2.connect(" not in text
    }


@pytest.mark.parametrize("alias", sorted(settings.DATABASES))
def test_each_connection_to_the_database_is_limited(alias: str) -> None:
    options = settings.DATABASES[alias]["OPTIONS"]
    assert 0 < int(options["connect_timeout"]) <= 10
    kept_s = int(options["keepalives_idle"]) + int(options["keepalives_interval"]) * int(
        options["keepalives_count"]
    )
    assert kept_s <= LONGEST_S
    assert 0 < int(options["tcp_user_timeout"]) <= LONGEST_S * 1000
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT name, setting::int FROM pg_settings WHERE name IN"
            " ('statement_timeout', 'idle_in_transaction_session_timeout')"
        )
        given = dict(cursor.fetchall())
    if alias == "owner":  # migrations may take long; their locks may not, and nothing serves by it
        assert 0 < migrate.LOCK_MS <= 1000
        return
    # A statement that waits for a lock ends with its own time: no limit of its own is needed.
    assert 0 < given["statement_timeout"] <= LONGEST_S * 1000
    assert 0 < given["idle_in_transaction_session_timeout"] <= LONGEST_S * 1000


@pytest.mark.no_database
def test_a_database_that_takes_connections_and_says_nothing_is_away_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        theirs: dict[str, Any] = settings.DATABASES["default"] | {
            "HOST": "127.0.0.1",
            "PORT": str(silent.getsockname()[1]),
            "OPTIONS": settings.DATABASES["default"]["OPTIONS"] | {"connect_timeout": "2"},
        }
        connection = ConnectionHandler({"default": theirs})["default"]
        began = time.monotonic()
        with pytest.raises(OperationalError, match="timeout"):
            connection.ensure_connection()
        assert time.monotonic() - began < LONGEST_S


@pytest.mark.no_database
def test_the_check_names_a_connection_without_a_limit_and_a_server_without_limits() -> None:
    assert edge_checks.connections_are_limited() == []
    for given in ("0", "300", "soon"):
        one = settings.DATABASES["auditor"] | {"OPTIONS": {"connect_timeout": given}}
        assert edge_checks.unlimited({"auditor": one, "jobs": settings.DATABASES["jobs"]}) == [
            "auditor"
        ]
    assert edge_checks.requests_are_limited() == []
    with override_settings(LOOPBACK=False, REQUESTS_OF_CALLER=0, REQUESTS_OF_NETWORK=40):
        assert [one.id for one in edge_checks.requests_are_limited()] == ["permissions.W031"]
    with override_settings(LOOPBACK=False, REQUESTS_OF_CALLER=20, REQUESTS_OF_NETWORK=40):
        assert edge_checks.requests_are_limited() == []
