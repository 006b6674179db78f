"""Compares openapi/v1.yaml with what the server does: who has to sign in, how it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from directory.demo import loader
from directory.vocabulary import taxonomy_id, term_id
from tests.support.ground import repository
from tests.support.people.directory_entries import LIST, ORGANIZATIONS, PLACES, TAXONOMIES, TERMS

METHODS = ("get", "post", "put", "patch", "delete")
TOKEN = "/oauth/token"  # the library's: it answers as RFC 6749 says
ALWAYS = {"400", "401", "503"}  # a query it does not know, a token that has ended, no database
WITH_BODY = {"413", "415"}


@pytest.fixture(scope="module")
def contract() -> Any:
    return repository.contract()


def operations(contract: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in contract["paths"].items():
        yield from ((path, method, item[method]) for method in METHODS if method in item)


@pytest.mark.no_database
def test_every_security_scheme_that_is_named_is_defined(contract: Any) -> None:
    defined = set(contract["components"]["securitySchemes"])
    for path, method, operation in operations(contract):
        named = {name for one in operation.get("security", []) for name in one}
        assert named <= defined, (method, path)


@pytest.mark.no_database
def test_whatever_changes_something_asks_who_it_is(contract: Any) -> None:
    for path, method, operation in operations(contract):
        if method != "get" and path != TOKEN and not operation["operationId"].endswith("_search"):
            assert operation["security"], (method, path)
            assert {} not in operation["security"], (method, path)


@pytest.mark.no_database
def test_every_operation_says_how_it_may_refuse(contract: Any) -> None:
    wrong = [
        (method, path, sorted(missing))
        for path, method, operation in operations(contract)
        if path != TOKEN
        and (
            missing := (ALWAYS | WITH_BODY if "requestBody" in operation else ALWAYS)
            - set(operation["responses"])
        )
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/v1/directory", "/v1/directory"),
        *((one, one) for one in (LIST, PLACES, ORGANIZATIONS, TAXONOMIES, TERMS)),
        (f"{LIST}/{{service_id}}", f"{LIST}/{loader.service_id('ndvh-line')}"),
        (f"{TAXONOMIES}/{{taxonomy_id}}", f"{TAXONOMIES}/{taxonomy_id('needs')}"),
        (f"{TERMS}/{{term_id}}", f"{TERMS}/{term_id('needs', 'food')}"),
        *((f"/v1/access-log/{one}", f"/v1/access-log/{one}") for one in ("keys", "verifier.py")),
    ],
)
def test_what_a_public_address_answers_is_in_the_contract(
    api: Any, contract: Any, path: str, address: str
) -> None:
    http = api(None).http
    item = contract["paths"][path]

    def listed(method: str, answer: Any, status: int) -> None:
        assert answer.status_code == status, answer.content
        assert str(status) in item[method]["responses"], (method, status)

    client = api("police.client")
    stranger = client.headers({"Acting-Member": str(loader.service_id("ndvh-line"))})
    listed("get", http.get(address), 200)
    listed("get", http.get(address, {"no_such": "x"}), 400)
    listed("get", http.get(address, headers={"Authorization": "Bearer x"}), 401)
    if path.startswith("/v1/directory"):
        listed("get", http.get(address, headers=stranger), 403)
    if "{" in path:
        known = http.get(address, headers={"If-None-Match": "*"})
        listed("get", known, 304)
        gone = address.rpartition("/")[0] + "/01890000-0000-7000-8000-00000000000c"
        listed("get", http.get(gone), 404)
    if "post" in item:
        listed("post", http.post(address, "{}", content_type="application/json"), 200)
        listed("post", http.post(address, '{"x": 1}', content_type="application/json"), 400)
        listed("post", http.post(address, "x", content_type="text/plain"), 415)
        huge = '{"search": "' + "x" * 300_000 + '"}'
        listed("post", http.post(address, huge, content_type="application/json"), 413)
