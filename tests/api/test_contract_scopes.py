"""A system whose token lacks a scope that the contract names is refused each write for want of it,
and one that has them all is refused what the contract keeps for people."""

from typing import Any
from uuid import uuid4

import pytest

from api.accounts.oauth import SCOPES
from tests.support.people.callers import Caller, scoped
from tests.support.proofs.contract_shapes import operations
from tests.support.proofs.example_bodies import example_body

WRITES = [
    (path, method, one)
    for path, method, one in operations()
    if method != "get" and "{referral_id}" not in path and path != "/oauth/token"
]
OF_SYSTEMS = [one for one in WRITES if any(each.get("token") for each in one[2]["security"])]
OF_PEOPLE = [one for one in WRITES if one[2]["security"] == [{"session": []}]]


def ask(caller: Caller, path: str, method: str, operation: dict[str, Any]) -> Any:
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(uuid4()))
    return caller.http.generic(
        method.upper(),
        path,
        example_body(operation),
        content_type="application/json",
        headers=caller.headers({"If-Match": "*"}),
    )


def test_both_kinds_of_writes_are_there() -> None:
    assert len(OF_SYSTEMS) > 15
    assert len(OF_PEOPLE) > 8


@pytest.mark.parametrize("write", OF_SYSTEMS, ids=lambda one: one[2]["operationId"])
def test_each_scope_that_is_named_is_needed(write: Any, api: Any) -> None:
    path, method, operation = write
    if {} in operation["security"]:
        return  # a search: public, and a scope shows more
    [named] = [one["token"] for one in operation["security"] if "token" in one]
    for scope in named:
        caller = scoped(api, *(set(SCOPES) - {scope}), acting="ywca.lead")
        answer = ask(caller, path, method, operation)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), scope


@pytest.mark.parametrize("write", OF_PEOPLE, ids=lambda one: one[2]["operationId"])
def test_no_system_does_what_is_for_people(write: Any, api: Any) -> None:
    path, method, operation = write
    answer = ask(scoped(api, *SCOPES, acting="ywca.lead"), path, method, operation)
    assert answer.status_code in (403, 404), answer.content  # 404: its own channels, of none
