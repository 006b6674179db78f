"""What only a real server shows of a request: its length, and the words of its headers."""

import json
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from api.http.middleware import TAKEN_IN
from permissions.database.uuid7 import uuid7
from tests.support.ground.database import forget_edits
from tests.support.ground.live_server import Server
from tests.support.people.callers import Caller
from tests.support.people.client_assertions import assertion, token_request
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.directory_entries import LOCATIONS, a_location
from tests.support.people.stories import Story

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BOUNDED = {"Content-Type": "multipart/form-data; boundary=x"}
Ask = Callable[..., requests.Response]


@pytest.fixture
def chunked(server: Server) -> Ask:
    """`chunked("POST", path, body, headers)`: the body in two chunks, and no length."""

    def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        parts = iter([body[:7], body[7:]])
        return requests.request(
            method, server.base_url + path, data=parts, headers=headers, timeout=30
        )

    return ask


# -- A body in chunks ------------------------------------------------------------------------------


def test_an_act_in_chunks_says_what_it_says(story: Story, api: Any, chunked: Ask) -> None:
    story.send()
    police = api("police.worker")
    path, body = f"/v1/referrals/{story.id}/set_callback", b'{"callback": "406-555-0178"}'
    answer = chunked("POST", path, body, police.headers(JSON))
    assert answer.status_code == 200, answer.text
    assert answer.json()["notice"]["callback"] == "406-555-0178"
    nothing = chunked("POST", path, b"       {", police.headers(JSON))
    assert (nothing.status_code, nothing.json()["code"]) == (400, "not_json")


def test_an_entry_in_chunks_keeps_what_it_names(api: Any, chunked: Ask) -> None:
    editor: Caller = api("ywca.editor")
    path = f"{LOCATIONS}/{uuid7()}"
    try:
        made = chunked("PUT", path, json.dumps(a_location()).encode(), editor.headers(JSON))
        assert made.status_code == 201, made.text
        match = {"If-Match": made.headers["ETag"]}
        changed = chunked("PATCH", path, b'{"name": "Changed"}', editor.headers(JSON | match))
        assert (changed.status_code, changed.json()["name"]) == (200, "Changed")
        assert changed.json()["addresses"] == made.json()["addresses"]
        whole = made.json() | {"name": "Replaced"}
        match = {"If-Match": changed.headers["ETag"]}
        chunked("PUT", path, json.dumps(whole).encode(), editor.headers(JSON | match))
        now = editor.get(path).json()
        assert (now["name"], now["addresses"]) == ("Replaced", made.json()["addresses"])
    finally:
        forget_edits()


def test_a_form_of_the_desk_in_chunks_is_read(story: Story, chunked: Ask) -> None:
    story.send()
    desk = at_the_desk("ywca.worker")
    page = f"/desk/referrals/{story.id}"
    fields = desk.hidden(page, f"{page}/acknowledge")
    cookies = "; ".join(f"{name}={one.value}" for name, one in desk.http.cookies.items())
    body = urlencode(fields).encode()
    assert chunked("POST", f"{page}/acknowledge", body, FORM | {"Cookie": cookies}).ok
    assert story.api("ywca.worker").get(f"/v1/referrals/{story.id}").json()["acknowledged_at"]


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_a_token_is_issued_for_a_form_in_chunks(server: Server, chunked: Ask, kind: str) -> None:
    form = token_request(assertion(server.client("police"), server.demo["token_url"]))
    body, headers = urlencode(form), FORM
    if kind == "multipart":
        part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
        body, headers = "".join(part.format(*one) for one in form.items()) + "--x--\r\n", BOUNDED
    answer = chunked("POST", "/oauth/token", body.encode(), headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"]


@pytest.mark.parametrize(
    ("path", "headers"), [("/v1/referrals", JSON), ("/accounts/login", FORM), ("/", BOUNDED)]
)
def test_too_much_in_chunks_is_refused_as_it_is_with_a_length(
    api: Any, chunked: Ask, path: str, headers: dict[str, str]
) -> None:
    caller = api("police.worker") if path.startswith("/v1") else api(None)
    answer = chunked("POST", path, b"a" * 300_000, caller.headers(headers))
    assert answer.status_code == 413
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("size", [300_000, 1_000_000, 8_000_000])
@pytest.mark.parametrize(
    ("path", "headers"),
    [("/v1/referrals", JSON), ("/oauth/token", FORM), ("/accounts/login", FORM), ("/", BOUNDED)],
)
def test_too_much_is_taken_in_and_then_refused(
    server: Server, api: Any, path: str, headers: dict[str, str], size: int
) -> None:
    caller = api("police.worker") if path.startswith("/v1") else api(None)
    headers, body = caller.headers(headers), b"a" * size
    for chunks in (False, True):
        status, found = sent_whole(server, path, headers, iter([body]) if chunks else body)
        assert (status, bool(found["X-Request-Id"])) == (413, True)


def sent_whole(
    server: Server, path: str, headers: dict[str, str], body: bytes | Iterator[bytes]
) -> tuple[int, HTTPMessage]:
    """As most senders do: nothing is read before all is sent. A line that breaks meanwhile is a
    ConnectionError here, and its refusal is lost."""
    with closing(HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)) as line:
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.headers


def test_more_than_is_taken_in_is_not_waited_for(server: Server, api: Any) -> None:
    at, told = urlsplit(server.base_url), f"Content-Length: {10**12}\r\n"
    with socket.create_connection((at.hostname, at.port), 20) as line:
        line.sendall(f"POST /v1/referrals HTTP/1.1\r\nHost: {at.netloc}\r\n{told}\r\n".encode())
        answer = line.makefile("rb")
        sent = 0
        with suppress(BrokenPipeError):  # it answers and closes between a look and a send, too
            while sent < 2 * TAKEN_IN and not select.select([line], [], [], 0)[0]:
                sent += line.send(b"a" * 65_536)
        assert answer.readline().split()[1] == b"413"


def test_chunks_that_break_off_are_no_body(server: Server, api: Any) -> None:
    caller, at = api("police.worker"), urlsplit(server.base_url)
    headers = caller.headers(JSON | {"Host": at.netloc, "Transfer-Encoding": "chunked"})
    lines = ["POST /v1/referrals HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    for rest in ("2\r\n{}\r\nzz\r\n", "9\r\n{}"):
        with socket.create_connection((at.hostname, at.port), 20) as line:
            line.sendall(("\r\n".join(lines) + "\r\n\r\n" + rest).encode())
            line.shutdown(socket.SHUT_WR)
            assert line.makefile("rb").readline().split()[1] == b"400"


def test_where_the_end_of_a_body_is_not_known_its_length_is_needed(api: Any) -> None:
    """On a server other than ours, which does not set `wsgi.input_terminated`."""
    answer = api("police.worker").post("/v1/referrals", {}, Transfer_Encoding="chunked")
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


# -- What its headers say --------------------------------------------------------------------------

# Codecs of Python's: those that are for no text, one that always fails, one that runs escapes.
CHARSETS = ["hex", "rot13", "undefined", "punycode", "unicode_escape", "idna", "utf-16", "no-such"]
# RFC 2231: a charset of one parameter; a part that has no number, or too long a one.
ODD = ["x*=undefined''%41", "x*=no-such''a", "x*=utf-8''a; x*0*=b", "x*" + "9" * 4400 + "=1"]
PARAMETERS = [f"charset={one}" for one in CHARSETS] + ODD


@pytest.mark.parametrize("said", PARAMETERS, ids=lambda said: said[:20])
def test_no_charset_of_the_callers_choice_is_taken(server: Server, api: Any, said: str) -> None:
    def ask(method: str, path: str, kind: str, body: str = "") -> requests.Response:
        headers = {"Content-Type": f"{kind}; {said}", "Cookie": "csrftoken=a"}
        url = server.base_url + path
        answer = requests.request(method, url, data=body, headers=headers, timeout=30)
        assert answer.headers["X-Request-Id"], answer.text
        return answer

    found = ask("GET", "/v1/directory/services?search=refugio+a\\ud800", "text/plain")
    assert found.status_code == 200
    part = f'--x\r\nContent-Disposition: form-data; name="a"; {said}\r\n\r\nb\r\n--x--\r\n'
    for path in ("/oauth/token", "/accounts/login", "/directory"):
        assert 400 <= ask("POST", path, "multipart/form-data; boundary=x", part).status_code < 500
        kind = "application/x-www-form-urlencoded"
        assert 400 <= ask("POST", path, kind, "a=%ff%fe&csrfmiddlewaretoken=b").status_code < 500
    refused = ask("POST", "/v1/referrals", "application/json", "{}")
    assert refused.status_code == 401


def test_a_form_whose_parts_have_odd_headers_is_refused(server: Server) -> None:
    headers = BOUNDED | {"Cookie": "csrftoken=a"}
    for said in PARAMETERS:
        part = f'--x\r\nContent-Disposition: form-data; name="a"; {said}\r\n\r\nb\r\n--x--\r\n'
        for path in ("/oauth/token", "/accounts/login"):
            answer = requests.post(server.base_url + path, part, headers=headers, timeout=30)
            assert 400 <= answer.status_code < 500, (said[:20], path)


def test_texts_are_utf_8_whatever_is_said(server: Server, api: Any) -> None:
    caller, body = api(None), json.dumps({"search": "niños"}, ensure_ascii=False).encode()
    url = f"{server.base_url}/v1/directory/services"
    plain = requests.post(url, body, headers=caller.headers(JSON), timeout=30)
    for charset in ("latin-1", "utf-16", "hex"):
        said = {"Content-Type": f"application/json; charset={charset}"}
        answer = requests.post(url, body, headers=caller.headers(said), timeout=30)
        assert (answer.status_code, answer.content) == (200, plain.content)
