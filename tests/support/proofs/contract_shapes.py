"""The contract's schemas as validators, and its operations one by one."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.support.ground.repository import contract

METHODS = ("get", "post", "put", "patch", "delete")
HERE = "urn:contract"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each operation: its path, its method and what the contract says of it."""
    for path, item in contract()["paths"].items():
        yield from ((path, method, item[method]) for method in METHODS if method in item)


def answer_of(operation: dict[str, Any], status: int | str) -> dict[str, Any] | None:
    """The answer of a status, behind its reference; None if the contract has none."""
    found: dict[str, Any] | None = operation["responses"].get(str(status))
    if found and "$ref" in found:
        found = contract()["components"]["responses"][found["$ref"].rpartition("/")[2]]
    return found


def faults_of(schema: dict[str, Any], value: Any) -> list[str]:
    """What of `value` is not as `schema` says: where, and why."""
    return [
        f"{one.json_path}: {one.message[:200]}" for one in _validator(schema).iter_errors(value)
    ]


_made: dict[int, Draft202012Validator] = {}


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    if id(schema) not in _made:
        _made[id(schema)] = Draft202012Validator(
            _absolute(schema), registry=_registry(), format_checker=FormatChecker()
        )
    return _made[id(schema)]


@cache
def _registry() -> Any:
    whole = Resource.from_contents(contract(), default_specification=DRAFT202012)
    return Registry().with_resource(HERE, whole)


def _absolute(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: f"{HERE}{one}" if name == "$ref" and isinstance(one, str) else _absolute(one)
            for name, one in value.items()
        }
    return [_absolute(one) for one in value] if isinstance(value, list) else value
