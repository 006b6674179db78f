"""An example of each request and of each answer that succeeds, made from its schema and the
invented cast. tests/api/test_contract_examples.py validates each one."""

from collections.abc import Iterable, Iterator
from typing import Any

from api.contract.example_values import ANSWERS, PREFERRED, REQUESTS, VALUES

KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "array": (list,),
    "object": (dict,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}


def add(components: dict[str, Any], operations: Iterable[dict[str, Any]]) -> None:
    """Add an example to each request body and to each answer with content."""
    shapes, kept = components["schemas"], components["examples"]

    def give(media: dict[str, Any], own: Any, name: str) -> None:
        named = media["schema"].get("$ref", "").rpartition("/")[2]
        if own is not None:
            media["example"] = own
        elif named:  # one example for all operations that show it
            kept.setdefault(named, {"value": _made(shapes[named], shapes, "", named)})
            media["examples"] = {named: {"$ref": f"#/components/examples/{named}"}}
        else:
            media["example"] = _made(media["schema"], shapes, name)

    for operation in operations:
        name = operation["operationId"]
        for media in operation.get("requestBody", {}).get("content", {}).values():
            give(media, REQUESTS.get(name), name)
        for media_type, media in _succeeding(operation):
            give(media, ANSWERS.get(f"{name} {media_type}", ANSWERS.get(name)), name)


def _succeeding(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield from answer.get("content", {}).items()


def _made(schema: dict[str, Any], shapes: dict[str, Any], name: str, shape: str = "") -> Any:
    """Return an example of `schema`, the member `name` of a `shape`."""
    if (own := f"{shape}.{name}") in VALUES:
        return VALUES[own]
    if name in VALUES and _fits(VALUES[name], schema, shapes):
        return VALUES[name]
    if "$ref" in schema:
        named = schema["$ref"].rpartition("/")[2]
        return _made(shapes[named], shapes, name, named)
    for choice in _choices(schema)[:1]:
        return _made(choice, shapes, name, shape)
    if "enum" in schema:
        words = [one for one in schema["enum"] if one is not None]
        return next((one for one in PREFERRED if one in words), words[0])
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "array":
        return [_made(schema["items"], shapes, name.removesuffix("s"), shape)]
    if kind == "object":
        return _object(schema, shapes, name, shape)
    if kind == "boolean":
        return bool(schema.get("default", False))
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return _text(schema, name, shape)


def _choices(schema: dict[str, Any]) -> Any:
    return schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf") or ()


def _fits(value: Any, schema: dict[str, Any], shapes: dict[str, Any]) -> bool:
    """Return whether a word for members of this name can be that of `schema`, whatever is in it."""
    if "$ref" in schema:
        return _fits(value, shapes[schema["$ref"].rpartition("/")[2]], shapes)
    if choices := _choices(schema):
        return any(_fits(value, one, shapes) for one in choices)
    kinds = schema.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(type(value) in KINDS[kind] for kind in kinds):
        return False
    if isinstance(value, list):
        return all(_fits(one, schema["items"], shapes) for one in value)
    if isinstance(value, dict) and "properties" in schema:
        return set(schema.get("required", ())) <= set(value) <= set(schema["properties"])
    return value in schema.get("enum", [value])


def _object(schema: dict[str, Any], shapes: dict[str, Any], name: str, shape: str) -> Any:
    if "properties" not in schema:
        others = schema.get("additionalProperties")
        return {"name": _made(others, shapes, f"{name}.*", shape)} if others else {}
    needed = schema.get("required", ())
    # An entry of the directory leaves out what it does not have.
    sparse = shape.startswith("Directory") and shape.endswith("Out")
    return {
        member: _made(one, shapes, member, shape)
        for member, one in schema["properties"].items()
        if member in needed or not sparse
    }


def _text(schema: dict[str, Any], name: str, shape: str) -> str:
    formats = {
        "uuid": VALUES["id"],
        "date-time": VALUES["at"],
        "date": "2026-11-28",
        "uri": "https://cairn.example.org/",
        "email": "desk@example.org",
    }
    if "format" in schema:
        return str(formats[schema["format"]])
    raise LookupError(f"api/contract/example_values.py has no text for {shape}.{name}.")
