"""Unsafe settings refuse to start, in words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static


def started(
    tmp_path: Path, code: str = "import api.settings", **environment: str
) -> subprocess.CompletedProcess[str]:
    """What a process of this environment, and no other of ours, says of its settings."""
    ours = ("CAIRN_", "DATABASE_URL", "PORT")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=env | {"CAIRN_HOME": str(tmp_path)} | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_password_is_hashed_as_django_ships_it(tmp_path: Path) -> None:
    """The tests themselves hash at a thousandth of the cost (tests/support/ground/hashing.py)."""
    code = "from api.settings import PASSWORD_HASHERS; print(PASSWORD_HASHERS)"
    told = started(tmp_path, code)
    assert told.stdout == "['django.contrib.auth.hashers.ScryptPasswordHasher']\n"


LINES = '[{"name": "Emergency", "phone": "911", "note": "Police"}]'
BARE_SERVER = {"CAIRN_BASE_URL": "https://cairn.example.org", "CAIRN_SECRET_KEY": "x" * 40}
MAIL = {
    "CAIRN_SMTP": "smtp://mail.example.org",
    "CAIRN_MAIL_FROM": "no-reply@example.org",
    "CAIRN_MAIL_COPY_TO": "copies@example.org",
}
SERVER = BARE_SERVER | {"CAIRN_SAFETY_LINES": LINES}


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"CAIRN_BASE_URL": "http://cairn.example.org"}, "plain http"),
        ({"CAIRN_BASE_URL": "cairn.example.org"}, "CAIRN_BASE_URL must be like"),
        ({"CAIRN_BASE_URL": "https://cairn.example.org"}, "CAIRN_SECRET_KEY is needed"),
        (SERVER | {"CAIRN_SECRET_KEY": "short"}, "CAIRN_SECRET_KEY is needed"),
        ({"CAIRN_SECRET_KEY": "short"}, "CAIRN_SECRET_KEY is needed"),
        (SERVER | {"DATABASE_URL": "mysql://app@db/cairn"}, "DATABASE_URL must be like"),
        (SERVER | {"DATABASE_URL": "postgresql://app@db"}, "DATABASE_URL must be like"),
        ({"DATABASE_URL_REPLICA": "postgresql://app@db/cairn"}, "needs DATABASE_URL, its primary"),
        ({"CAIRN_REPLICA_LAG_S": "soon"}, "CAIRN_REPLICA_LAG_S must be a whole number"),
        ({"CAIRN_SAFETY_LINES": "911"}, "CAIRN_SAFETY_LINES must be JSON"),
        ({"CAIRN_SAFETY_LINES": '[{"name": "Emergency"}]'}, "CAIRN_SAFETY_LINES must be JSON"),
        ({"CAIRN_SAFETY_LINES": "[]"}, "CAIRN_SAFETY_LINES is empty"),
        ({"CAIRN_SAFETY_LINES": LINES.replace("911", " ")}, "has no phone number"),
        (BARE_SERVER, "A server needs CAIRN_SAFETY_LINES"),
        (BARE_SERVER | {"CAIRN_SAFETY_LINES": ""}, "A server needs CAIRN_SAFETY_LINES"),
        (SERVER | {"CAIRN_SAFETY_LINES": LINES.replace("911", "(406) 555-0100")}, "555-01xx"),
        (SERVER | {"CAIRN_SAFETY_LINES": LINES.replace("911", "+14065550199")}, "555-01xx"),
        ({"CAIRN_SECURITY_CONTACT": "security@example.org"}, "must be like mailto:"),
        ({"CAIRN_SECURITY_CONTACT": "mailto:a@b.example\nX: y"}, "must be like mailto:"),
        ({"CAIRN_SECURITY_CONTACT": "mailto:a@b.example"}, "belong together"),
        ({"CAIRN_SECURITY_EXPIRES": "2027-06-30"}, "belong together"),
        ({"CAIRN_SECURITY_EXPIRES": "next year"}, "CAIRN_SECURITY_EXPIRES must be a day"),
        ({"PORT": "http"}, "PORT must be a whole number"),
        (SERVER | {"CAIRN_WEBHOOK_LOOPBACK": "127.0.0.1:9000"}, "CAIRN_WEBHOOK_LOOPBACK is for"),
        (SERVER | {"CAIRN_PROVIDER_LOOPBACK": "127.0.0.1:9"}, "CAIRN_PROVIDER_LOOPBACK is for"),
        ({"CAIRN_SMTP": "mail.example.org"}, "CAIRN_SMTP must be like"),
        ({"CAIRN_SMTP": "smtp+plain://mail.example.org"}, "a relay on this machine only"),
        ({"CAIRN_SMTP": "smtp://mail.example.org"}, "CAIRN_SMTP needs CAIRN_MAIL_FROM"),
        ({"CAIRN_MAIL_COPIES": "imap://c@mail.example.org"}, "CAIRN_MAIL_COPIES must be like"),
        ({"CAIRN_MAIL_COPIES": "imaps://mail.example.org"}, "CAIRN_MAIL_COPIES must be like"),
        ({"CAIRN_MAIL_COPIES": "imap+plain://c@mail.example.org"}, "for this machine only"),
        ({"CAIRN_MAIL_COPIES": "imaps://c@mail.example.org"}, "CAIRN_MAIL_COPY_TO and CAIRN_SMTP"),
        ({"CAIRN_TWILIO_ACCOUNT": "AC"}, "needs CAIRN_TWILIO_FROM and CAIRN_TWILIO_TOKEN_FILE"),
        (
            {"CAIRN_TWILIO_ACCOUNT": "AC", "CAIRN_TWILIO_BASE": "https://elsewhere.example.org"},
            "a stand-in on this machine only",
        ),
        ({"CAIRN_LOG_YEARS": "0"}, "CAIRN_LOG_YEARS is 6 or more"),
        ({"CAIRN_LOG_YEARS": "5"}, "CAIRN_LOG_YEARS is 6 or more"),
        ({"CAIRN_PROXIES": "-1"}, "CAIRN_PROXIES must be a whole number"),
        ({"PORT": "²"}, "PORT must be a whole number"),
        ({"PORT": "9" * 5000}, "PORT must be a whole number"),
        ({"PORT": "99999"}, "PORT must be a whole number, 65535 at most"),
        ({"CAIRN_BASE_URL": "http://127.0.0.1:99999"}, "CAIRN_BASE_URL must be like"),
        ({"CAIRN_BASE_URL": "http://[::1"}, "CAIRN_BASE_URL must be like"),
        ({"DATABASE_URL": "postgresql://app@db:port/cairn"}, "DATABASE_URL must be like"),
        ({"DATABASE_URL_JOBS": "postgresql://jobs@db:1e3/cairn"}, "DATABASE_URL_JOBS must be like"),
        (MAIL | {"CAIRN_SMTP": "smtp://mail.example.org:post"}, "CAIRN_SMTP must be like"),
        (
            MAIL | {"CAIRN_MAIL_COPIES": "imaps://c@mail.example.org:99999"},
            "CAIRN_MAIL_COPIES must be like",
        ),
        (
            {"CAIRN_TWILIO_ACCOUNT": "AC", "CAIRN_TWILIO_BASE": "http://[::1"},
            "CAIRN_TWILIO_BASE must be like",
        ),
        ({"CAIRN_LOG_LEVEL": "loud"}, "CAIRN_LOG_LEVEL must be one of DEBUG, INFO"),
    ],
)
def test_unsafe_settings_refuse_to_start_in_words(
    tmp_path: Path, environment: dict[str, str], says: str
) -> None:
    said = started(tmp_path, **environment)
    assert said.returncode != 0
    last = said.stderr.strip().splitlines()[-1]
    assert ImproperlyConfigured.__name__ in last
    assert says in last


def test_safe_settings_start(tmp_path: Path) -> None:
    assert started(tmp_path).returncode == 0
    said = started(tmp_path, "import api.wsgi", CAIRN_LOG_LEVEL="info")
    assert said.returncode == 0, said.stderr
    invented = LINES.replace("911", "406-555-0100")
    assert started(tmp_path, CAIRN_SAFETY_LINES=invented).returncode == 0, "the demo's own"
    said = started(tmp_path, **SERVER, DATABASE_URL="postgresql://app:p%2Fw@db/cairn")
    assert said.returncode == 0, said.stderr


def test_the_secret_key_of_the_demo_is_its_owners_alone(tmp_path: Path) -> None:
    assert started(tmp_path).returncode == 0
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
