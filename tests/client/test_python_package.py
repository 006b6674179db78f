"""The Python package by itself: the contract in it, how it waits, how it checks webhooks."""

import ast
import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cairn_client import Client, Message, NotGenuine, Problem, verify
from cairn_client._exchange import retry_after_s, takes_key
from referrals.webhooks import signatures
from tests.support.ground.repository import REPOSITORY, contract
from tests.support.servers.webhook_receiver import Had, Receiver, ok

PACKAGE = REPOSITORY / "openapi" / "clients" / "python"
MOST_CODE = 600
ID = UUID("01930000-0000-7000-8000-000000000001")
NOW = 1_795_000_000

# -- What it says of the contract ------------------------------------------------------------------


@pytest.mark.static
def test_its_keyed_writes_are_the_contracts() -> None:
    for path, item in contract()["paths"].items():
        filled = path.replace("{", "").replace("}", "")
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            keyed = item[method].get("x-repeat") == "keyed"
            assert takes_key(method.upper(), filled) == keyed, (method, path)
            counted = item[method].get("x-repeat") == "counted"
            assert counted == ((method, path) == ("post", "/v1/agreement-tally"))


@pytest.mark.static
def test_it_is_ready_to_publish() -> None:
    ours = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    its = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    said = contract()["info"]["version"]
    assert its["name"] == "cairn-client"
    assert its["version"] == said or its["version"].startswith(f"{said}.")
    assert (its["license"], its["requires-python"]) == (ours["license"], ours["requires-python"])
    assert (PACKAGE / "LICENSE").read_bytes() == (REPOSITORY / "LICENSE").read_bytes()
    assert (PACKAGE / "cairn_client" / "py.typed").exists()
    assert {one.partition(">")[0] for one in its["dependencies"]} == {"httpx2", "pyjwt[crypto]"}


@pytest.mark.static
def test_it_stays_thin() -> None:
    """Lines of code, without comments and docstrings."""
    assert sum(map(code_lines, (PACKAGE / "cairn_client").glob("*.py"))) <= MOST_CODE


def code_lines(path: Any) -> int:
    source = path.read_text()
    told: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                told |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(
        1 for number, one in lines if one.strip() and one.strip()[0] != "#" and number not in told
    )


@pytest.mark.static
def test_its_readme_has_an_example_of_ten_lines() -> None:
    readme = (PACKAGE / "README.md").read_text()
    example = readme.split("```python\n")[1].split("```")[0]
    ast.parse(example)
    assert len(example.strip().splitlines()) <= 10


# -- How it waits ----------------------------------------------------------------------------------


class Script(Receiver):
    """Answers in turn; the last one again and again."""

    def __init__(self, *answers: bytes) -> None:
        self.left = list(answers)
        super().__init__(answers[0])

    def took(self, message: Had) -> None:
        self.answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]


@contextmanager
def scripted(*answers: bytes, **options: Any) -> Iterator[tuple[Script, Client]]:
    server = Script(*answers)
    try:
        with Client(f"http://{server.authority}", **options) as client:
            yield server, client
    finally:
        server.end()


def json_answer(status: str, body: dict[str, Any], *fields: str) -> bytes:
    content = json.dumps(body).encode()
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


MADE = json_answer("201 Created", {"id": str(ID)}, 'ETag: "7-abc"')
BUSY = json_answer("503 Service Unavailable", {"code": "unavailable"}, "Retry-After: 0")
LIMITED = json_answer("429 Too Many Requests", {"code": "too_many_requests"}, "Retry-After: 0")
IN_FLIGHT = json_answer("409 Conflict", {"code": "in_flight"}, "Retry-After: 0")
WRONG_STATE = json_answer("409 Conflict", {"code": "wrong_state", "current_state": "accepted"})


@pytest.mark.no_database
def test_each_try_of_a_request_has_its_one_key() -> None:
    with scripted(BUSY, LIMITED, IN_FLIGHT, MADE) as (server, client):
        made = client.refer({"urgency": "urgent"})
        assert (made["id"], made.etag) == (str(ID), '"7-abc"')
        client.act(str(ID), "add_note", {"text": "An invented note."})
        client.act(str(ID), "accept", if_match=made.etag)
    keys = [one.headers.get("idempotency-key") for one in server.had]
    assert len(set(keys[:4])) == 1
    assert keys[0]
    assert keys[4] not in (None, keys[0]), "another request, another key"
    assert keys[5] is None, "accept is safe to repeat, and a key would be refused"
    assert server.had[5].headers["if-match"] == '"7-abc"'


@pytest.mark.no_database
def test_what_will_not_change_is_raised_at_once() -> None:
    with scripted(WRONG_STATE) as (server, client):
        with pytest.raises(Problem) as refused:
            client.act(str(ID), "accept")
        assert (refused.value.code, refused.value.current_state) == ("wrong_state", "accepted")
        assert len(server.had) == 1


@pytest.mark.no_database
def test_a_long_wait_is_for_the_caller_to_decide() -> None:
    spent = json_answer("429 Too Many Requests", {"code": "budget_spent"}, "Retry-After: 3600")
    with scripted(spent) as (server, client):
        with pytest.raises(Problem) as refused:
            client.act(str(ID), "open_packet", {"purpose": "intake"})
        assert (refused.value.code, refused.value.retry_after) == ("budget_spent", "3600")
        assert len(server.had) == 1


@pytest.mark.no_database
def test_tries_end_and_a_page_of_a_proxy_is_no_surprise() -> None:
    with scripted(ok("502 Bad Gateway"), tries=2) as (server, client):
        with pytest.raises(Problem) as refused:
            client.act(str(ID), "accept")
        assert (refused.value.status, refused.value.code) == (502, "http_502")
        assert len(server.had) == 2


@pytest.mark.static
def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_s({"Retry-After": "7"}, 1) == 7
    assert retry_after_s({}, 1) == 1
    assert retry_after_s({"Retry-After": "soon"}, 1) == 1
    assert retry_after_s({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 1) == 0


# -- How it checks webhooks ------------------------------------------------------------------------


def message(*secrets: str) -> tuple[dict[str, str], bytes]:
    """A message as the product sends it."""
    at = datetime.fromtimestamp(NOW, UTC)
    body = signatures.body("referral.event", at, event_id=ID, referral_id=ID, act="accept")
    return signatures.headers(list(secrets), str(ID), NOW, body), body


@pytest.mark.no_database
def test_a_good_message_is_read() -> None:
    secret = signatures.new_secret()
    headers, body = message(secret)
    read = verify(secret, headers, body, now_s=NOW + 300)
    assert isinstance(read, Message)
    assert (read.id, read.type, read.at) == (
        str(ID),
        "referral.event",
        datetime.fromtimestamp(NOW, UTC),
    )
    assert (read.event_id, read.referral_id, read.act) == (str(ID), str(ID), "accept")
    loud = {name.title(): value for name, value in headers.items()}
    assert verify(secret, loud, body, now_s=NOW) == read


@pytest.mark.no_database
def test_either_of_two_secrets_will_do_while_one_replaces_the_other() -> None:
    old, new = signatures.new_secret(), signatures.new_secret()
    headers, body = message(new, old)
    for known in (old, new, [old, new], [signatures.new_secret(), new]):
        assert verify(known, headers, body, now_s=NOW)
    headers, body = message(new)
    with pytest.raises(NotGenuine, match="No signature fits"):
        verify(old, headers, body, now_s=NOW)


@pytest.mark.no_database
def test_a_message_that_is_forged_altered_or_old_is_not_read() -> None:
    secret = signatures.new_secret()
    headers, body = message(secret)
    for wrong in (NOW + 301, NOW - 301):
        with pytest.raises(NotGenuine, match="too old"):
            verify(secret, headers, body, now_s=wrong)
    with pytest.raises(NotGenuine, match="No signature fits"):
        verify(secret, headers, body.replace(b"accept", b"reject"), now_s=NOW)
    for name in headers:
        left_out = {one: value for one, value in headers.items() if one != name}
        with pytest.raises(NotGenuine):
            verify(secret, left_out, body, now_s=NOW)
    for bad in ("", "v1,", "v1a,AAAA", headers["webhook-signature"][:-2], "v1,\u00e9"):
        with pytest.raises(NotGenuine):
            verify(secret, headers | {"webhook-signature": bad}, body, now_s=NOW)
    for bad in ("", "whsec_", "whsec_\u00e9", "whsec_=", "not base64!"):
        with pytest.raises(ValueError, match="whsec_"):
            verify(bad, headers, body, now_s=NOW)


@pytest.mark.no_database
@given(
    name=st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
    value=st.text(max_size=80) | st.integers().map(str),
)
def test_it_judges_as_the_products_own_check(name: str, value: str) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # published with the standard
    headers, body = message(secret)
    headers[name] = value
    try:
        verify(secret, headers, body, now_s=NOW)
        good = True
    except NotGenuine:
        good = False
    assert good == signatures.verify(secret, headers, body, NOW)
