"""Requests made from the contract by schemathesis: right ones, which the world fills with ids and
bodies, and wrong ones."""

import copy
import random
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.core import NotSet

from tests.support.ground.repository import contract
from tests.support.proofs.contract_shapes import METHODS, faults_of

ABSENT = object()  # no body


class Case(NamedTuple):
    """One request, as schemathesis made it."""

    path: dict[str, str]
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any


@cache
def _operations(with_bodies: bool) -> dict[str, Any]:
    """Schemathesis's operations by their id. Making a right body of the directory takes it half a
    second, so those that get another body are made without one."""
    said = contract()
    if not with_bodies:
        said = copy.deepcopy(said)
        for item in said["paths"].values():
            for method in METHODS:
                item.get(method, {}).pop("requestBody", None)
    schema = schemathesis.openapi.from_dict(said)
    found = (one.ok() for one in schema.get_all_operations())
    return {one.definition.raw["operationId"]: one for one in found}


def made(name: str, count: int, number: int, *, right: bool, with_bodies: bool) -> list[Case]:
    """Return `count` requests of an operation, the same for the same `number`."""
    mode = GenerationMode.POSITIVE if right else GenerationMode.NEGATIVE
    found: list[Case] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_operations(with_bodies)[name].as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        body = ABSENT if isinstance(case.body, NotSet) else case.body
        kept = dict(case.path_parameters or {}), dict(case.query or {}), dict(case.headers or {})
        found.append(Case(*kept, body))

    try:
        collect()
    except schemathesis.errors.InvalidSchema:  # nothing of it can be wrong
        return []
    except Exception as error:
        if type(error).__name__ not in ("Unsatisfiable", "SkipTest", "Skipped"):
            raise
    return found


def spoilt(body: Any, schema: dict[str, Any], chance: random.Random) -> Iterator[Any]:
    """Yield bodies that are wrong in one place: another member, one less, one of another type."""
    if not isinstance(body, dict):
        return
    yield body | {"no_such_member": 1}
    for member in schema.get("required", ()):
        yield {name: one for name, one in body.items() if name != member}
    members = sorted(schema.get("properties", {}))
    for member in chance.sample(members, min(3, len(members))):
        for value in (1.5, {"x": [1]}, "\x00", "no such word"):
            wrong = body | {member: value}
            if faults_of(schema, wrong):
                yield wrong
                break
    yield [body]
