"""A server has no sandbox: no route, no webhook to this machine; and a check refuses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.health import edge_checks
from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static

SERVER = {
    "CAIRN_BASE_URL": "https://cairn.example.org",
    "CAIRN_SECRET_KEY": "x" * 40,
    "CAIRN_SAFETY_LINES": '[{"name": "Emergency", "phone": "911", "note": "Police"}]',
}
DATABASE = {"DATABASE_URL": "postgresql://app@db/cairn"}
ASKED = """
import sys, django
from django.conf import settings
from django.test import Client
django.setup()
http = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
paths = ("", "/clock", "/reset", "/scenarios/waiting", "/webhooks", "/webhooks/mine")
for method in ("get", "post"):
    for path in paths:
        answer = getattr(http, method)(f"/demo{path}", {}, "application/json", secure=True)
        assert answer.status_code == 404, (method, path, answer.status_code)
assert settings.SANDBOX is False
assert not settings.WEBHOOK_LOOPBACK
assert [name for name in sys.modules if name.startswith("api.sandbox")] == []
"""


def asked(tmp_path: Path, code: str, environment: dict[str, str]) -> str:
    """What a process of this environment says when it fails."""
    ours = ("CAIRN_", "DATABASE_URL", "PORT")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    given = {"CAIRN_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "api.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env | given | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    "environment",
    [SERVER, DATABASE],
    ids=["a server", "this machine, another database"],
)
def test_only_the_demo_on_this_machine_has_a_sandbox(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    assert asked(tmp_path, ASKED, environment) == ""


def test_no_variable_turns_it_on(tmp_path: Path) -> None:
    tried = dict.fromkeys(("CAIRN_SANDBOX", "SANDBOX", "CAIRN_DEMO"), "1")
    assert asked(tmp_path, "import api.settings as s; assert not s.SANDBOX", SERVER | tried) == ""


def test_a_check_refuses_the_sandbox(settings: Any) -> None:
    settings.SANDBOX = True
    assert [one.id for one in edge_checks.no_sandbox()] == ["permissions.E034"]
    settings.SANDBOX = False
    assert edge_checks.no_sandbox() == []
