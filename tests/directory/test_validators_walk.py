"""The directory is read as the validator of Open Referral UK reads an API (docs/guides/hsds.md):
from its root to the file that `openapi_url` names, then each operation of that file.

It does what that validator does, which needs .NET to run: lists first, each at its
first, middle and last page, then details by the ids that the lists gave, ten at most. Each answer
has to be 2xx and to fit the schema that the file has for it.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator

from tests.support.ground.http_client import HttpClient
from tests.support.ground.repository import contract

MOST_IDS = 10
COLLECTIONS = ("data", "items", "results", "content", "contents")  # where it looks for rows


@pytest.fixture
def file(network: Any) -> dict[str, Any]:
    root = HttpClient().get("/v1/directory").json()
    assert re.fullmatch(r"\d+\.\d+\.\d+", root["version"])  # "3.2" would be the UK's own file
    url = root["openapi_url"].removeprefix(settings.BASE_URL.rstrip("/"))
    found: dict[str, Any] = HttpClient().get(url).json()
    return found


def test_each_operation_answers_what_the_file_says(file: dict[str, Any]) -> None:
    base = file["servers"][0]["url"].removeprefix(settings.BASE_URL.rstrip("/"))
    ids: dict[str, list[str]] = {}
    tried, untried = set(), set()
    for path, item in file["paths"].items():  # lists stand before their details
        root = path.partition("/{")[0]
        for method, operation in item.items():
            if "{" in path:
                for one in ids.get(root, [])[:MOST_IDS]:
                    ask(base + re.sub(r"\{\w+\}", one, path), method, operation)
                (tried if ids.get(root) else untried).add(path)
            elif method == "get":
                pages = list(paged(base + path, operation))
                ids[root] = [row["id"] for page in pages for row in rows_of(page) if "id" in row]
                tried.add(path)
    assert untried == {"/profile/{name}.json", "/schema/{name}.json"}, "named by no list of rows"
    assert {f"/{kind}" for kind in ("services", "organizations", "taxonomy_terms")} < tried
    assert "/service_at_locations/{place_id}" in tried


def paged(url: str, operation: dict[str, Any]) -> Iterator[Any]:
    """The first, the middle and the last page; of what has no pages the only answer."""
    first = ask(url, "get", operation)
    yield first
    if any(resolved(one).get("name") == "page" for one in operation.get("parameters", ())):
        assert rows_of(first), url
        last = first["total_pages"]
        for page in sorted({last // 2, last} - {0, 1}):
            yield ask(f"{url}?page={page}", "get", operation)


def ask(url: str, method: str, operation: dict[str, Any]) -> Any:
    answer = HttpClient().get(url, follow=True)  # from "/", the root as HSDS calls it, by a 301
    assert method == "get", "nothing that changes an entry is named with an id"
    assert 200 <= answer.status_code < 300, (method, url, answer.content)
    (said,) = (
        one
        for kind, one in operation["responses"][str(answer.status_code)]["content"].items()
        if kind == "application/json"
    )
    found = answer.json()
    errors = [error.message for error in checker(json.dumps(said["schema"])).iter_errors(found)]
    assert not errors, (url, errors[:3])
    return found


@lru_cache
def checker(schema: str) -> Draft202012Validator:
    whole = json.loads(schema) | {"components": contract()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def resolved(parameter: dict[str, Any]) -> dict[str, Any]:
    found: Any = parameter
    if "$ref" in parameter:
        found = contract()
        for step in parameter["$ref"].removeprefix("#/").split("/"):
            found = found[step]
    return dict(found)


def rows_of(page: Any) -> list[dict[str, Any]]:
    if isinstance(page, list):
        return page
    return next((page[name] for name in COLLECTIONS if isinstance(page.get(name), list)), [])
