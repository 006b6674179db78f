"""What the contract promises once for all operations: closed bodies, scopes, headers, messages."""

import json
import re
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from drf_spectacular.generators import SchemaGenerator

from api.accounts.oauth import SCOPES
from api.contract import messages, prose
from api.http.fields import Text
from permissions import displayed_text
from referrals.act_registry.registry import RULES
from referrals.webhooks import signatures
from tests.support.ground.repository import contract
from tests.support.proofs.body_shapes import shapes
from tests.support.proofs.contract_shapes import answer_of, faults_of, operations

pytestmark = pytest.mark.static


def test_a_process_makes_it_twice_alike() -> None:
    """As `manage.py check --deploy` does, and what asks for it afterwards."""
    first, second = (json.dumps(SchemaGenerator().get_schema(public=True)) for _ in range(2))
    assert first == second


def test_a_request_body_takes_no_member_that_it_does_not_name() -> None:
    named = contract()["components"]["schemas"]
    closed = {name for name, one in named.items() if one.get("additionalProperties") is False}
    ours = {shape.__name__ for shape in shapes()} | {"PatchedWebhookChangeIn"}
    assert {name for name in named if name in ours} <= closed
    assert len(closed) > 45


@pytest.mark.parametrize("lines", [1, 2])
def test_a_text_is_visible_for_the_contract_if_it_is_for_the_server(lines: int) -> None:
    """A pattern cannot say: what depends on the sign before, and signs beyond U+FFFF."""
    pattern = re.compile(Text(lines=lines).contract["pattern"])
    for number in range(0x10000):
        sign = chr(number)
        if 0xD800 <= number <= 0xDFFF or sign in "\u200c\u200d":
            continue
        text = displayed_text.normalized(f"a{sign}b")
        taken = displayed_text.fault_of(text, lines=lines > 1) is None and sign != "\x00"
        assert bool(pattern.search(f"a{sign}b")) == taken, hex(number)
    assert sys.maxunicode > 0x10000
    assert not pattern.search("   ")


def test_an_act_says_the_scope_of_its_rule() -> None:
    said = {one["operationId"]: one["security"] for _path, _method, one in operations()}
    for name, rule in RULES.items():
        if name in said:
            assert said[name] == [{"token": [rule.scope]}, {"session": []}], name
    assert said["create_referral"][0]["token"] == ["referrals:write", "referrals:read"]


def test_scopes_are_defined_where_tokens_are() -> None:
    flow = contract()["components"]["securitySchemes"]["token"]["flows"]["clientCredentials"]
    assert flow["scopes"] == SCOPES
    for _path, _method, operation in operations():
        for one in operation["security"]:
            assert set(one.get("token", ())) <= set(SCOPES)


def test_each_answer_says_its_headers() -> None:
    for path, method, operation in operations():
        for status in operation["responses"]:
            answer = answer_of(operation, status)
            assert answer is not None
            assert {"X-Request-Id", "RateLimit"} <= set(answer["headers"]), (method, path, status)
            if status in ("429", "503"):
                assert "Retry-After" in answer["headers"]
            assert answer["description"]


def test_each_group_of_operations_is_explained() -> None:
    used = {tag for _path, _method, one in operations() for tag in one["tags"]}
    assert used == {one["name"] for one in contract()["tags"]} == set(prose.TAGS)
    assert contract()["servers"] == prose.SERVERS


def test_a_message_is_what_the_contract_says() -> None:
    at = datetime(2026, 11, 30, 3, 15, tzinfo=UTC)
    some = UUID(int=7)
    sent = {
        "referral.event": {"event_id": some, "referral_id": some, "act": "accept"},
        "log.checkpoint": {"seq": 12, "sha256": "a" * 64},
        "ping": {},
    }
    said = contract()["webhooks"]
    assert set(said) == set(sent) == set(messages.webhooks())
    for kind, data in sent.items():
        media = said[kind]["post"]["requestBody"]["content"]["application/json"]
        values: Any = data
        body = json.loads(signatures.body(kind, at, **values))
        assert faults_of(media["schema"], body) == []
        assert faults_of(media["schema"], media["example"]) == []
        assert set(body["data"]) == set(media["schema"]["properties"]["data"]["properties"])
        assert faults_of(media["schema"], body | {"type": "other"}) != []
