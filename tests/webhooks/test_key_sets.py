"""A partner system's keys are fetched from where its agency says: when a member asks, where a
webhook may go, and shown before they are stored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from permissions.identity.client_keys import keys_of
from permissions.models import Client
from referrals.webhooks import key_sets
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.own_systems import NEW, SYSTEMS, added, form_of, newest, pair, public
from tests.support.people.own_systems import as_before as as_before  # a fixture
from tests.support.servers.key_servers import KeyServer, key_server, of

pytestmark = pytest.mark.usefixtures("as_before")
NO_KEYS = "No key set was found there."


@pytest.fixture
def keys_at(settings: Any) -> Iterator[KeyServer]:
    with key_server(settings) as found:
        yield found


def set_of(*keys: Any) -> bytes:
    return f'{{"keys": [{", ".join(map(public, keys))}]}}'.encode()


def test_keys_at_an_address_are_shown_and_then_stored(keys_at: KeyServer, superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    key, other = pair(kid="a"), pair(kid="b")
    keys_at.answer = of(set_of(key))
    given = form_of("", keys=None, keys_url=keys_at.url)
    shown = pages.submit(NEW, given)
    assert shown.status_code == 200
    page = shown.content.decode()
    assert "Nothing is stored yet. Are these its keys?" in text_of(page)
    assert key.thumbprint() in page
    assert not Client.objects.filter(name="Campus records").exists()
    system = added(pages, key, keys_url=keys_at.url)
    assert system.keys_url == keys_at.url
    assert keys_at.asked == 1, "what was seen is stored, not what is there by then"

    keys_at.answer = of(set_of(key, other))
    one = f"{SYSTEMS}/{system.id}"
    again = pages.submit(one, {}, action=f"{one}/keys", follow=False)
    shown_again = text_of(again.content)
    assert f"{key.thumbprint()} EC P-256, already here" in shown_again
    assert f"{other.thumbprint()} EC P-256, new" in shown_again
    assert len(keys_of(Client.objects.get(id=system.id).public_keys)) == 1
    fetched = {"keys": json.dumps(json.loads(set_of(key, other))), "keys_url": keys_at.url}
    pages.submit(f"{one}/keys", fetched)
    assert len(keys_of(Client.objects.get(id=system.id).public_keys)) == 2

    keys_at.answer = of(set_of(other))
    known = pages.submit(one, {}, action=f"{one}/keys")
    assert "The system has these keys already." in text_of(known.content)
    keys_at.answer = of(set_of(third := pair()))
    assert (
        key.thumbprint()
        in (
            pages.submit(one, {}, action=f"{one}/keys", follow=False)
            .content.decode()
            .partition("not there any more")[2]
        )
    )
    assert third.thumbprint() not in text_of(pages.get(one).content)
    pages.submit(f"{one}/keys", {"keys_url": ""})
    assert Client.objects.get(id=system.id).keys_url is None
    assert newest(superuser, "partner.set_keys_url")["fields"][1] == "no_keys_url"


@pytest.mark.parametrize(
    "framed",
    [
        lambda body: of(body),
        lambda body: b"HTTP/1.1 200 OK\r\n\r\n" + body,
        lambda body: (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
            + body[:5]
            + b"\r\n%X;x=y\r\n" % len(body[5:])
            + body[5:]
            + b"\r\n0\r\n\r\n"
        ),
        lambda body: b"HTTP/1.1 103 Early Hints\r\n\r\n" + of(body),
    ],
)
def test_an_answer_is_read_however_it_is_framed(keys_at: KeyServer, framed: Any) -> None:
    key = pair()
    keys_at.answer = framed(set_of(key))
    answer = at_the_desk("ywca.admin").submit(NEW, form_of("", keys=None, keys_url=keys_at.url))
    assert answer.status_code == 200, text_of(answer.content)
    assert key.thumbprint() in answer.content.decode()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 64001\r\n\r\n" + b"x" * 64_001,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFF\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 20_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
        b"no answer of HTTP",
        b"",
        None,
    ],
    ids=lambda one: repr(one)[:60],
)
def test_what_is_no_key_set_gets_one_answer(
    keys_at: KeyServer, answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "WITHIN_S", 0.5)
    keys_at.answer = answer
    pages = at_the_desk("ywca.admin")
    refused = pages.submit(NEW, form_of("", keys=None, keys_url=keys_at.url))
    assert refused.status_code == 400
    shown = text_of(refused.content)
    assert NO_KEYS in shown or "cannot be read as a public key" in shown
    assert not Client.objects.filter(name="Campus records").exists()


def test_a_private_key_there_is_refused_and_not_kept(keys_at: KeyServer, superuser: Any) -> None:
    key = pair()
    keys_at.answer = of(key.export_private().encode())
    refused = at_the_desk("ywca.admin").submit(NEW, form_of("", keys=None, keys_url=keys_at.url))
    assert refused.status_code == 400
    page = refused.content.decode()
    assert "contains a private key" in text_of(page)
    assert key.export_private(as_dict=True)["d"] not in page
    entry = newest(superuser, "partner.add")
    assert (entry["decision"], entry["rule"]) == ("refused", "private_key")


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/keys", "https://127.0.0.1/keys", "https://10.0.0.1/", "file:///etc"),
        *("https://user@example.org/", "https://example.org:22/", "https://[::1]/keys"),
        *("https://example.org/a b", "https://localhost/keys", "https://example.org/#x", "keys"),
    ],
)
def test_an_address_inside_is_refused_without_a_look(url: str) -> None:
    pages = at_the_desk("ywca.admin")
    refused = pages.submit(NEW, form_of("", keys=None, keys_url=url))
    assert refused.status_code == 400
    shown = text_of(refused.content)
    assert "Keys are fetched from https addresses of public hosts, port 443 or 8443." in shown


def test_look_ups_are_counted_with_those_of_webhooks() -> None:
    pages = at_the_desk("ywca.admin")
    given = form_of("", keys=None, keys_url="https://receiver.invalid/keys")
    answers = [pages.submit(NEW, given).status_code for _ in range(21)]
    assert answers == [400] * 20 + [429]


def test_no_one_else_makes_the_server_look(keys_at: KeyServer) -> None:
    system = Client.objects.get(agency_id=agency_id("ywca"))
    for who in ("ywca.worker", "ywca.lead", "police.admin"):
        pages = at_the_desk(who, csrf=False)
        for path in (NEW, f"{SYSTEMS}/{system.id}/keys"):
            given = form_of("", keys=None, keys_url=keys_at.url)
            if who != "police.admin" or path != NEW:
                assert pages.http.post(path, given).status_code in (403, 404)
    assert keys_at.asked == 0
