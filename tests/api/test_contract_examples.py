"""The contract has an example of each request, each answer and each refusal, and each one is
right."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.contract import example_values, refusals
from api.desk.problem_texts import PROBLEMS
from api.dev import demo
from api.dev.cast import CAST
from tests.support.ground.repository import contract
from tests.support.proofs.contract_shapes import faults_of, operations
from tests.support.proofs.example_bodies import example_of

pytestmark = pytest.mark.static


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each body of a request and each answer that succeeds, with its media type."""
    for _path, _method, operation in operations():
        name = operation["operationId"]
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{name} request {media_type}", media
        for status, answer in operation["responses"].items():
            for media_type, media in answer.get("content", {}).items():
                if status.startswith("2"):
                    yield f"{name} {status} {media_type}", media


def test_each_body_has_an_example_that_is_right() -> None:
    wrong = {}
    for where, media in contents():
        faults = faults_of(media["schema"], example_of(media))
        if faults:
            wrong[where] = faults
    assert wrong == {}
    assert sum(1 for _ in contents()) > 200


def test_a_wrong_example_is_found() -> None:
    shape = contract()["components"]["schemas"]["NoticeIn"]
    right = contract()["components"]["examples"]["NoticeIn"]["value"]
    assert faults_of(shape, right) == []
    for wrong in (
        right | {"no_such": 1},
        right | {"urgency": "soon"},
        right | {"needs": []},
        right | {"callback": "x" * 33},
        right | {"callback": " "},
        right | {"callback": "406\u200b555"},
        right | {"with_worker_until": "0001-01-01T00:00:00Z"},
    ):
        assert faults_of(shape, wrong) != [], wrong


def test_each_refusal_has_an_example_that_is_right() -> None:
    said = contract()["components"]
    of_no_operation = {"method_not_allowed", "server_error"}  # another method, and a bug
    codes = sorted({*refusals.codes()} - of_no_operation)
    assert of_no_operation & {*said["examples"]} == set()
    assert {"unknown_parameter", "scope_missing", "sealed", "wrong_state", "log"} <= set(codes)
    assert said["schemas"]["ProblemCode"]["enum"] == sorted(PROBLEMS)
    for code in codes:
        value = said["examples"][code]["value"]
        assert faults_of(said["schemas"]["Problem"], value) == [], code
        answer = said["responses"][f"Refused{value['status']}"]
        examples = answer["content"]["application/problem+json"]["examples"]
        assert examples[code] == {"$ref": f"#/components/examples/{code}"}


def test_the_examples_are_of_the_casts_agencies_and_of_nobody_in_them() -> None:
    units = {unit.key: unit for unit in CAST}
    assert example_values.NAMESPACE == demo.NAMESPACE
    people = {person[0] for unit in CAST for person in unit.people.values()}
    for key, name in example_values.NAMES.items():
        assert name == units[key].name if key in units else name not in people


def test_the_examples_are_of_invented_people() -> None:
    texts = list(_texts(contract()["components"]["examples"]))
    for text in texts:
        digits = "".join(one for one in text if one.isdigit())
        assert not text.startswith("406-") or "55501" in digits, text
    assert "Invented Name" in texts


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _texts(one)
