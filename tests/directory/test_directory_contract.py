"""`openapi_url`: what anybody may ask of the directory, in JSON, with paths from the root of the
API, as validators of HSDS read it."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from openapi import directory_part
from tests.support.ground.http_client import HttpClient
from tests.support.ground.repository import contract

SAMPLES = os.environ.get("HSDS_SAMPLES")
METHODS = ("get", "post", "put", "patch", "delete")


def served() -> dict[str, Any]:
    root = HttpClient().get("/v1/directory").json()
    path = root["openapi_url"].removeprefix(settings.BASE_URL.rstrip("/"))
    answer = HttpClient().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json()
    return found


def test_it_is_what_the_contract_lets_anybody_ask_of_the_directory(network: Any) -> None:
    found, whole = served(), contract()
    (server,) = found["servers"]
    assert server["url"] == f"{settings.BASE_URL.rstrip('/')}/v1/directory"
    said = {
        directory_part.PREFIX + ("" if path == "/" else path): item
        for path, item in found["paths"].items()
    }
    public = {
        path: {method: one for method, one in item.items() if {} in one["security"]}
        for path, item in whole["paths"].items()
        if re.match(r"/v1/directory(/|$)", path)
    }
    assert said == {path: item for path, item in public.items() if item}
    assert {method for item in said.values() for method in item} == {"get", "post"}, (
        "a validator sends what is named, with the token that it has: nothing that changes an entry"
    )
    named = set(re.findall(r"#/components/(\w+)/([^\"]+)\"", json.dumps(found)))
    assert named
    assert all(
        found["components"][kind][name] == whole["components"][kind][name] for kind, name in named
    ), "each reference leads to what the contract has there"
    assert set(found["components"]["schemas"]) < set(whole["components"]["schemas"])


@pytest.mark.no_database
@pytest.mark.skipif(not SAMPLES, reason="HSDS_SAMPLES names no folder of the standard")
def test_each_operation_of_the_standard_is_there() -> None:
    standard = json.loads((Path(str(SAMPLES)) / "openapi.json").read_text())
    committed = json.loads(
        (Path(settings.BASE_DIR) / "openapi" / "hsds.json").read_text(encoding="utf-8")
    )
    ours = {
        (re.sub(r"{\w+}", "{}", path), method)
        for path, item in committed["paths"].items()
        for method in METHODS
        if method in item
    }
    theirs = {
        (re.sub(r"{\w+}", "{}", path), method)
        for path, item in standard["paths"].items()
        for method in METHODS
        if method in item
    }
    assert len(theirs) >= 16
    assert theirs - ours == set()
