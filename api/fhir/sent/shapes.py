"""Checks that a resource has FHIR's shape, by the models of `fhir.resources` (of R4B, whose Task,
ServiceRequest, Consent, Patient and Subscription are those of R4)."""

from functools import cache
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ValidationError

from permissions.errors import BadRequest, Fault

MOST_FAULTS = 20
NO_SHAPE = "Not of FHIR's shape: a type, a name or a number of elements is wrong."


@cache
def _model(kind: str) -> type[BaseModel]:
    module = import_module(f"fhir.resources.R4B.{kind.lower()}")
    model: type[BaseModel] = getattr(module, kind)
    return model


def require_shape(kind: str, resource: dict[str, Any], path: str) -> None:
    """Raise BadRequest unless the resource is a `kind` in FHIR's shape. `path`: where it stands.
    The library's messages are not shown: they repeat what was sent."""
    try:
        _model(kind).model_validate(resource)
    except ValidationError as error:
        places = (_expression(path, found) for found in error.errors()[:MOST_FAULTS])
        raise BadRequest.of([Fault("not_fhir", NO_SHAPE, place) for place in places]) from None


def _expression(path: str, found: Any) -> str:
    """Return where a fault is. A name that FHIR does not have may be a person's, and is not
    repeated: the object that it is in is named instead."""
    place = found["loc"][:-1] if found["type"] == "extra_forbidden" else found["loc"]
    parts = (f"[{one}]" if isinstance(one, int) else f".{one}" for one in place)
    return path + "".join(parts)
