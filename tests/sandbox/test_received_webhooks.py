"""The sandbox receives webhooks, and says of each what a receiver's own check would say."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests
from django.conf import settings

from api.dev.parties import PartnerSystem
from api.sandbox import received
from referrals.webhooks import signatures
from tests.support.cluster import HOME
from tests.support.database import all_in_the_feed
from tests.support.desk_pages import text_of
from tests.support.http_client import HttpClient
from tests.support.live_server import Server

PATH = "/demo/webhooks/mine"


@pytest.fixture(autouse=True)
def none_yet() -> Iterator[None]:
    received.forget()
    yield
    received.forget()


@pytest.fixture
def secret(api: Any) -> str:
    """The secret of a webhook to the sandbox's own address, which no setting names."""
    made = api("police.admin").post("/v1/webhooks", {"url": f"{settings.BASE_URL}{PATH}"})
    assert made.status_code == 201, made.content
    return str(made.json()["secret"])


def send(secret: str, content: bytes = b'{"type":"ping"}', at: float = 0, path: str = PATH) -> Any:
    now_s = int(at or time.time())
    headers = signatures.headers([secret], str(uuid4()), now_s, content)
    return HttpClient().post(path, content, content_type="application/json", headers=headers)


def page() -> str:
    return text_of(HttpClient().get("/demo/webhooks").content)


def test_events_are_received_and_verified_and_nothing_was_set(
    server: Server, network: dict[str, Any]
) -> None:
    """As with `make run`: a server, the background work, and a partner system of the demo."""
    staff, token_url = server.member("police.worker")["id"], server.demo["token_url"]
    police = PartnerSystem("police", server.base_url, server.client("police"), token_url, staff)
    made, _ms = police.ask("POST", "/v1/webhooks", {"url": f"{server.base_url}{PATH}"})
    assert made.status_code == 201, made.text
    pinged, _ms = police.ask("POST", f"/v1/webhooks/{made.json()['id']}/ping")
    assert pinged.status_code == 202, pinged.text
    played = requests.post(f"{server.base_url}/demo/scenarios/declined", json={}, timeout=30)
    assert played.status_code == 201, played.text
    all_in_the_feed()
    ours = {"CAIRN_HOME": str(HOME), "CAIRN_DATABASE": os.path.basename(str(_database()))}
    subprocess.run(
        [sys.executable, "manage.py", "worker", "run", "--only", "webhooks", "--once"],
        env=os.environ | ours | {"CAIRN_BASE_URL": server.base_url},
        check=True,
    )
    found = received.newest()
    assert {(one.verdict, one.agency) for one in found} == {("valid", "Demo City Police")}
    bodies = [json.loads(one.body) for one in found]
    assert bodies[-1]["type"] == "ping"
    assert {one["data"]["referral_id"] for one in bodies[:-1]} == {played.json()["referral_id"]}
    assert "decline" in {one["data"]["act"] for one in bodies[:-1]}
    shown = requests.get(f"{server.base_url}/demo/webhooks", timeout=30).text
    assert shown.count("Signature valid") == len(found)


def _database() -> Any:
    return settings.DATABASES["default"]["NAME"]


def test_a_signature_that_is_not_right_is_refused_and_shown(secret: str) -> None:
    assert send(secret).status_code == 204
    assert send(signatures.new_secret()).status_code == 401
    assert send(secret, at=time.time() - 301).status_code == 401, "too old"
    unsigned = HttpClient().post(PATH, b"{}", content_type="application/json")
    assert unsigned.status_code == 401
    assert [one.verdict for one in received.newest()] == [*["invalid"] * 3, "valid"]
    assert page().count("Signature invalid") == 3


def test_nothing_is_kept_of_what_comes_to_an_address_of_no_webhook(secret: str) -> None:
    elsewhere = "/demo/webhooks/other"
    assert send(secret, b'{"name": "anything"}', path=elsewhere).status_code == 404
    ((_at, path, *rest),) = received.newest()
    assert (path, rest) == (elsewhere, ["unknown", "", [], ""])
    assert "No webhook is registered to this address" in page()


def test_a_body_of_any_kind_is_shown_as_text(secret: str) -> None:
    for content in (b"", b"\xff\xfe", b"<script>alert(1)</script>", b"[" * 5000, b"{}" * 9000):
        assert send(secret, content).status_code == 204 if content[:1] != b"\xff" else True
    assert HttpClient().get("/demo/webhooks").status_code == 200
    assert "<script>alert" not in HttpClient().get("/demo/webhooks").content.decode()
    assert max(len(one.body) for one in received.newest()) <= received.LONGEST


def test_only_the_last_are_kept_and_a_torn_line_hides_no_other(secret: str) -> None:
    for number in range(received.MOST + 2):
        assert send(secret, b'{"number": %d}' % number).status_code == 204
    found = received.newest()
    assert len(found) == received.MOST
    assert json.loads(found[0].body) == {"number": received.MOST + 1}
    with open(settings.HOME / received.FILE, "a") as file:
        file.write('["2026')
    assert received.newest() == found


def test_the_page_says_how_to_begin(network: Any) -> None:
    assert f"curl {settings.BASE_URL}/v1/webhooks" in page()
    assert HttpClient().get(PATH).status_code == 405
