"""A contract that was released is kept: what would break its clients is red until it is listed in
openapi/CHANGES.md."""

import copy
import json
import re
from typing import Any

import pytest

from openapi import breaking_changes
from tests.support.ground.repository import REPOSITORY, contract

pytestmark = pytest.mark.static

RELEASED = sorted((REPOSITORY / "openapi" / "released").glob("*.json"))
LISTED = set(re.findall(r"^- `(.+)`$", (REPOSITORY / "openapi" / "CHANGES.md").read_text(), re.M))


def read(path: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_what_is_deprecated_is_listed_with_its_end_and_nothing_else_is() -> None:
    ends = {line for line in LISTED if re.search(r": ends \S+$", line)}
    assert set(breaking_changes.endings(contract())) == ends


def test_what_breaks_a_client_is_listed_and_nothing_else_is() -> None:
    found = {line for path in RELEASED for line in breaking_changes.between(read(path), contract())}
    assert found - LISTED == set(), "List it in openapi/CHANGES.md, with its date, or keep it."
    listed = LISTED - set(breaking_changes.endings(contract()))
    assert listed - found == set(), "It is listed, and does not break anything."


OLD: dict[str, Any] = {
    "paths": {
        "/one": {
            "post": {
                "parameters": [{"in": "query", "name": "q", "schema": {"type": "string"}}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "a": {"type": "string", "enum": ["x", "y"]},
                                    "b": {"type": ["string", "null"]},
                                },
                            }
                        }
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Out"}}
                        }
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Out": {
                "type": "object",
                "required": ["c"],
                "properties": {"c": {"type": "string", "enum": ["u", "v"]}},
            }
        }
    },
}
POST = "/paths/~1one/post"
BODY = f"{POST}/requestBody/content/application~1json/schema"
OUT = "/components/schemas/Out"


@pytest.mark.parametrize(
    ("at", "value", "line"),
    [
        ("/paths/~1one", None, "POST /one: removed"),
        (f"{POST}/parameters", [], "POST /one: no parameter q"),
        (
            f"{POST}/parameters",
            [{"in": "query", "name": "q", "required": True, "schema": {"type": "string"}}],
            "POST /one: parameter q is needed",
        ),
        (f"{POST}/requestBody/required", True, "POST /one: a body is needed"),
        (f"{BODY}/required", ["a"], "POST /one body a: is needed"),
        (f"{BODY}/properties/a/enum", ["x"], "POST /one body a: no y"),
        (f"{BODY}/properties/b/type", "string", "POST /one body b: null is refused"),
        (f"{BODY}/properties/b", None, "POST /one body b: removed"),
        (f"{POST}/responses/200", None, "POST /one 200: removed"),
        (f"{OUT}/required", [], "POST /one 200 c: may be absent"),
        (f"{OUT}/properties/c/enum", ["u"], "POST /one 200 c: no v"),
        (f"{OUT}/properties/c/type", ["string", "null"], "POST /one 200 c: null is new"),
    ],
)
def test_each_kind_of_break_is_found(at: str, value: Any, line: str) -> None:
    new = copy.deepcopy(OLD)
    *way, last = [one.replace("~1", "/") for one in at.split("/")[1:]]
    place = new
    for one in way:
        place = place[one]
    if value is None:
        del place[last]
    else:
        place[last] = value
    assert breaking_changes.between(OLD, new) == [line]


def test_what_is_added_breaks_nothing() -> None:
    new = copy.deepcopy(OLD)
    new["paths"]["/two"] = new["paths"]["/one"]
    new["components"]["schemas"]["Out"]["properties"]["d"] = {"type": "string"}
    new["components"]["schemas"]["Out"]["properties"]["c"]["enum"].append("w")
    assert breaking_changes.between(OLD, new) == []
