"""The sandbox receives webhooks, and says of each what a receiver's own check would say."""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from api.sandbox import received
from referrals.webhooks import signatures
from tests.support.ground.http_client import HttpClient
from tests.support.people.desk_pages import text_of

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
