"""What a server on https asks of browsers: its headers on each kind of answer, and its cookies."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.ground.repository import REPOSITORY

pytestmark = pytest.mark.static

SERVER = {
    "CAIRN_BASE_URL": "https://cairn.example.org",
    "CAIRN_SECRET_KEY": "x" * 40,
    "CAIRN_SAFETY_LINES": '[{"name": "Emergency", "phone": "911", "note": "Police"}]',
}
# As nginx passes it on. Without a database: none of these pages reads one.
ASK = """
import json, sys
from api.wsgi import application
from django.conf import settings
from django.test import Client
answers = {}
for path in ("/safety", "/v1/codes", "/static/desk/safety.css", "/no-such-page", "/v1/no-such"):
    said = Client().get(path, headers={"host": "cairn.example.org"}, secure=True)
    answers[path] = {"status": said.status_code, **dict(said.headers)}
names = ("SESSION", "CSRF", "LANGUAGE")
kinds = ("NAME", "SECURE", "HTTPONLY", "SAMESITE")
cookies = {one: [getattr(settings, f"{one}_COOKIE_{kind}") for kind in kinds] for one in names}
own = [getattr(settings, f"{one}_COOKIE_NAME") for one in ("CARD", "SLIP", "SIGNING", "DEVICE")]
print(json.dumps({"answers": answers, "cookies": cookies, "own": own}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    ours = ("CAIRN_", "DATABASE_URL", "PORT")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env |= SERVER | {"CAIRN_HOME": str(tmp_path_factory.mktemp("home"))}
    env |= {"CAIRN_KEY_FOLDER": "", "DATABASE_URL": "postgresql://app@127.0.0.1:1/none"}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env=env,
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_each_kind_of_answer_has_the_headers(seen: Any) -> None:
    assert {one["status"] for one in seen["answers"].values()} >= {200, 404}
    for path, said in seen["answers"].items():
        assert said["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains", path
        assert said["X-Content-Type-Options"] == "nosniff", path
        assert said["Referrer-Policy"] == "same-origin", path
        assert said["Cross-Origin-Resource-Policy"] == "same-origin", path
        assert said["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert "frame-ancestors 'none'" in said["Content-Security-Policy"], path
        assert "Access-Control-Allow-Origin" not in said, path


def test_cookies_are_for_this_host_and_for_no_script(seen: Any) -> None:
    for name, secure, httponly, samesite in seen["cookies"].values():
        assert name.startswith("__Host-")
        assert secure
        assert httponly
        assert samesite in ("Strict", "Lax")
    card, slip, signing, device = seen["own"]
    assert slip.startswith("__Host-")
    assert device.startswith("__Host-")
    assert card.startswith("__Secure-")  # bound to a path, which __Host- forbids
    assert signing.startswith("__Secure-")
