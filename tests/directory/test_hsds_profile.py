"""The victim services profile: merge patches, merged schemas, where they are published."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator

from directory.hsds.profile import described
from directory.hsds.published_schemas import PATCHES, SCHEMAS, patches, schema
from tests.support.people.hsds_source import validator

SAMPLES = os.environ.get("HSDS_SAMPLES")
standard = pytest.mark.skipif(
    not SAMPLES, reason="HSDS_SAMPLES names no folder with the standard's schemas and examples"
)
no_database = pytest.mark.no_database
ROUTE = "/v1/directory"
LISTS = ("service_list", "organization_list", "service_at_location_list")


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = merge_patch(found.get(name), value)
    return found


def sample(path: str) -> Any:
    return json.loads((Path(str(SAMPLES)) / path).read_text())


# -- By meaning ------------------------------------------------------------------------------------


def standards(name: str) -> Any:
    """A schema of the standard's with our patches in every object, by meaning."""
    ours = patches()
    if name in LISTS:  # items of lists have no lists of objects, so no holidays
        for patch in ours.values():
            patch.get("properties", {}).pop("holiday_schedules", None)
    compiled = Path(str(SAMPLES)) / "schema" / f"{name}.json"
    where = "schema" if compiled.exists() else "schema/objects"
    return patched(sample(f"{where}/{name}.json"), ours)


def patched(node: dict[str, Any], ours: dict[str, Any]) -> Any:
    """`$ref` is followed to the standard's objects, or to the one that is ours."""
    if "$ref" in node:
        name = node["$ref"].removesuffix(".json")
        node = (
            ours.get(name) if name == "holiday_schedule" else sample(f"schema/objects/{name}.json")
        )
    # The standard calls each object by its name.
    if node.get("type") == "object" and node.get("name") in ours:
        node = merge_patch(node, ours[node["name"]])
    return meaning(node, lambda member: patched(member, ours))


def resolved(node: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """One of our schemas; `$ref` is followed to its own `$defs`."""
    if "$ref" in node:
        node = definitions[node["$ref"].removeprefix("#/$defs/")]
    return meaning(node, lambda member: resolved(member, definitions))


def meaning(node: dict[str, Any], below: Callable[[dict[str, Any]], Any]) -> Any:
    """Types, formats, enumerations, what is required and what is nested; no titles, sentences."""
    found = {key: node[key] for key in ("type", "format", "enum") if key in node}
    if "required" in node:
        found["required"] = sorted(node["required"])
    if "items" in node:
        found["items"] = below(node["items"])
    if "properties" in node:
        found["properties"] = {name: below(member) for name, member in node["properties"].items()}
    return found


@no_database
@standard
@pytest.mark.parametrize("name", [name for name in SCHEMAS if name not in ("page", "root")])
def test_the_standards_schema_with_our_patch_is_our_merged_schema(name: str) -> None:
    ours = schema(name)
    assert resolved(ours, ours.get("$defs", {})) == standards(name)


@no_database
@standard
@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("page", "components schemas Page"),
        ("root", "paths / get responses 200 content application/json schema"),
    ],
)
def test_the_standards_contract_with_our_patch_has_our_page_and_root(name: str, where: str) -> None:
    found = merge_patch(sample("openapi.json"), patches()["openapi"])
    for step in where.split():
        found = found[step]
    ours = schema(name)
    if name == "page":  # the standard adds them at each list
        ours["properties"].pop("contents")
    assert resolved(ours, {}) == resolved(found, {})


# -- The standard's examples -----------------------------------------------------------------------

EXAMPLES = {
    "base.json": "root",
    "organization_full.json": "organization",
    "organization_list.json": "organization_list",
    "service_at_location_full.json": "service_at_location",
    "service_at_location_list.json": "service_at_location_list",
    "service_full.json": "service",
    "service_list.json": "service_list",
    "taxonomy.json": "taxonomy",
    "taxonomy_list.json": "taxonomy",
    "taxonomy_term.json": "taxonomy_term",
    "taxonomy_term_list.json": "taxonomy_term",
}


@no_database
@standard
@pytest.mark.parametrize(("file", "name"), EXAMPLES.items())
def test_every_official_example_fits_our_schemas(file: str, name: str) -> None:
    example = sample(f"examples/{file}")
    if "contents" in example:
        validator("page", closed=True).validate(example)
        items = example["contents"]
        assert items
    else:
        items = [example]
    for item in items:
        validator(name, closed=True).validate(item)


@no_database
@standard
def test_no_example_is_left_out() -> None:
    files = {path.name for path in (Path(str(SAMPLES)) / "examples").glob("*.json")}
    # A location is no document of the API; the tabular one is a package.
    assert files - set(EXAMPLES) == {"location.json", "tabular.json"}


# -- Without the standard's files ------------------------------------------------------------------


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


@no_database
@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_one_and_needs_no_other_file(name: str) -> None:
    found = schema(name, base="https://cairn.example.org/schema")
    Draft202012Validator.check_schema(found)
    assert found["$id"] == f"https://cairn.example.org/schema/{name}.json"
    text = json.dumps(found)
    for definition in found.get("$defs", {}):
        assert f'"#/$defs/{definition}"' in text, "no schema names it"
    assert ".json" not in text.replace(found["$id"], "")
    for one in objects(schema(name, closed=True)):
        assert one.get("additionalProperties") is False or "properties" not in one


@no_database
def test_what_we_add_can_be_left_out() -> None:
    """A directory that knows nothing of the profile still fits."""
    ours = {(table, member) for table, member, _ in described()}
    for name, patch in patches().items():
        members = patch.get("properties", {})
        if name != "holiday_schedule":
            assert {(name, member) for member in members} <= ours
            assert "required" not in patch
    for name in SCHEMAS:
        definitions = schema(name).get("$defs", {}) | {name: schema(name)}
        for one in definitions.values():
            added = {member for _, member in ours} - {"description"}
            assert set(one.get("required", ())).isdisjoint(added)


@no_database
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("intake", "perhaps"),
        ("answered_by", "police"),
        ("victimization_types", "domestic"),
        ("confidential", "no"),
        ("distance", "near"),
        ("external_ids", [{"source": "county"}]),
        ("holiday_schedules", [{"id": "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d21"}]),
        ("answerd_by", None),
    ],
)
def test_a_wrong_value_of_ours_is_refused(member: str, value: Any) -> None:
    service = {"id": "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d21", "name": "A", "status": "active"}
    right = service | {
        "intake": "full",
        "answered_by": None,
        "victimization_types": ["domestic"],
        "confidential": False,
        "distance": 12,
        "external_ids": [{"source": "county", "id": "1"}],
        "holiday_schedules": [
            {
                "id": "6a1e2c9a-44f1-4d4a-8b4e-0c3a5f0e7d21",
                "start_date": "2026-12-24",
                "end_date": "2026-12-26",
                "closed": True,
            }
        ],
    }
    check = validator("service", closed=True)
    check.validate(right)
    assert not check.is_valid(right | {member: value})


# -- What is really answered -----------------------------------------------------------------------

KINDS = ("service", "organization", "service_at_location", "taxonomy", "taxonomy_term")
PLURALS = {"taxonomy": "taxonomies"}
SEARCHES: tuple[dict[str, str], ...] = (
    {},
    {"full": "true"},
    {"full": "true", "full_service": "true"},
    {"latitude": "46.87", "longitude": "-113.99", "facets": "true"},
)


@pytest.mark.parametrize("who", [None, "ywca.worker"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_fits_and_has_no_other_member(api: Any, kind: str, who: str | None) -> None:
    caller = api(who)
    route = f"{ROUTE}/{PLURALS.get(kind, kind + 's')}"
    whole = validator(kind, closed=True)
    tried = 0
    for query in SEARCHES:
        answer = caller.get(route, {"per_page": "100"} | query)
        if answer.status_code == 400:  # not a parameter of this list
            continue
        page = answer.json()
        validator("page", closed=True).validate(page)
        item = whole
        if "full" not in query and f"{kind}_list" in SCHEMAS:
            item = validator(f"{kind}_list", closed=True)
        for one in page["contents"]:
            item.validate(one)
            tried += 1
    for one in caller.get(route, {"per_page": "30"}).json()["contents"]:
        whole.validate(caller.get(f"{route}/{one['id']}").json())
    assert tried >= 3


# -- Where they are published ----------------------------------------------------------------------


def test_the_root_names_the_index_and_the_index_names_all(api: Any) -> None:
    nobody = api(None)
    root = nobody.get(ROUTE).json()
    validator("root", closed=True).validate(root)
    base = settings.BASE_URL.rstrip("/")
    index = nobody.get(root["profile"].removeprefix(base)).json()
    assert index["name"] == root["profile_name"] == "victim services"
    assert index["hsds_version"] == root["version"]
    assert set(index["patches"]) == set(PATCHES)
    assert set(index["schemas"]) == set(SCHEMAS)
    for kind, content in (("patches", patches().__getitem__), ("schemas", published)):
        for name, url in index[kind].items():
            answer = nobody.get(url.removeprefix(base))
            assert answer.status_code == 200
            assert "max-age" in answer["Cache-Control"]
            assert answer.json() == content(name)


def published(name: str) -> Any:
    return schema(name, base=f"{settings.BASE_URL.rstrip('/')}{ROUTE}/schema")


@pytest.mark.parametrize("path", ["profile/nothing.json", "schema/nothing.json", "schema/service"])
def test_what_is_not_published_is_not_there(api: Any, path: str) -> None:
    assert api(None).get(f"{ROUTE}/{path}").status_code == 404


def test_the_data_guide_says_what_the_profile_adds(api: Any) -> None:
    nobody = api(None)
    guide = nobody.get(ROUTE).json()["data_guide"]
    answer = nobody.get(guide.removeprefix(settings.BASE_URL.rstrip("/")))
    assert answer.status_code == 200
    page = answer.content.decode()
    for _table, member, _words in described():
        assert f"<code>{member}</code>" in page
