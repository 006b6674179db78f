"""Finds what a client of an older contract would miss in a newer one."""

from collections.abc import Iterator
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")


def between(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return each breaking change, one line for each: where, and what."""
    return sorted(set(_Comparison(old, new).found()))


def endings(contract: dict[str, Any]) -> list[str]:
    """Return a line for each operation that is deprecated: which one, and when it ends."""
    return sorted(
        f"{method.upper()} {path}: ends {item[method]['x-sunset']}"
        for path, item in contract["paths"].items()
        for method in METHODS
        if item.get(method, {}).get("deprecated")
    )


def bare(contract: Any) -> Any:
    """Return what is compared: paths and schemas, without prose and examples."""
    wanted = {name: contract[name] for name in ("openapi", "info", "paths")}
    wanted["info"] = {"version": contract["info"]["version"]}
    schemas = contract["components"]["schemas"]
    return _without_prose({**wanted, "components": {"schemas": schemas}})


_PROSE = {"description", "summary", "example", "examples", "headers", "tags", "title"}


def _without_prose(value: Any) -> Any:
    """Leave out prose, but no member of a schema that has such a name."""
    if isinstance(value, dict):
        return {
            name: _without_prose(one)
            for name, one in value.items()
            if name not in _PROSE or (isinstance(one, dict) and {"type", "$ref", "enum"} & set(one))
        }
    return [_without_prose(one) for one in value] if isinstance(value, list) else value


class _Comparison:
    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self.old, self.new = old, new

    def found(self) -> Iterator[str]:
        for path, item in self.old["paths"].items():
            for method in (one for one in METHODS if one in item):
                where = f"{method.upper()} {path}"
                newer = self.new["paths"].get(path, {}).get(method)
                if newer is None:
                    yield f"{where}: removed"
                else:
                    yield from self._operation(where, item[method], newer)

    def _operation(self, where: str, old: Any, new: Any) -> Iterator[str]:
        yield from self._parameters(where, old.get("parameters", ()), new.get("parameters", ()))
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield f"{where}: a body is needed"
        for kind, media in before.get("content", {}).items():
            if kind not in after.get("content", {}):
                yield f"{where}: no body of {kind}"
            else:
                pair = media["schema"], after["content"][kind]["schema"]
                yield from self._schema(f"{where} body", *pair, is_request=True)
        for status, answer in old["responses"].items():
            if status.startswith("2"):
                yield from self._answer(f"{where} {status}", answer, new["responses"].get(status))

    def _parameters(self, where: str, old: Any, new: Any) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old}
        after = {(one["in"], one["name"]): one for one in new}
        for key in before.keys() - after.keys():
            yield f"{where}: no parameter {key[1]}"
        for key, one in after.items():
            if one.get("required") and not before.get(key, {}).get("required"):
                yield f"{where}: parameter {key[1]} is needed"
            if key in before:
                pair = before[key]["schema"], one["schema"]
                yield from self._schema(f"{where} {key[1]}", *pair, is_request=True)

    def _answer(self, where: str, old: Any, new: Any) -> Iterator[str]:
        if new is None:
            yield f"{where}: removed"
            return
        for kind, media in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{where}: no answer of {kind}"
            else:
                pair = media["schema"], new["content"][kind]["schema"]
                yield from self._schema(where, *pair, is_request=False)

    def _schema(
        self, where: str, old: Any, new: Any, *, is_request: bool, deep: int = 0
    ) -> Iterator[str]:
        old, new = _resolved(old, self.old), _resolved(new, self.new)
        if deep > MOST_DEEP:
            return
        wider, narrower = (_kinds(new), _kinds(old)) if is_request else (_kinds(old), _kinds(new))
        if lost := narrower - wider:
            yield f"{where}: {', '.join(sorted(lost))} is {'refused' if is_request else 'new'}"
        if "enum" in old and (gone := _words(old) - _words(new)) and "enum" in new:
            yield f"{where}: no {', '.join(sorted(gone))}"
        yield from self._members(where, old, new, is_request)
        for name in old.get("properties", {}).keys() & new.get("properties", {}).keys():
            pair = old["properties"][name], new["properties"][name]
            yield from self._schema(f"{where} {name}", *pair, is_request=is_request, deep=deep + 1)
        if "items" in old and "items" in new:
            pair = old["items"], new["items"]
            yield from self._schema(f"{where}[]", *pair, is_request=is_request, deep=deep + 1)

    def _members(self, where: str, old: Any, new: Any, is_request: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() - after.keys():
            yield f"{where} {name}: removed"
        needed, sure = set(new.get("required", ())), set(old.get("required", ()))
        if is_request:
            yield from (f"{where} {name}: is needed" for name in needed - sure)
        else:
            yield from (f"{where} {name}: may be absent" for name in (sure - needed) & set(after))


MOST_DEEP = 12
ALL = ("array", "boolean", "integer", "null", "number", "object", "string")


def _resolved(schema: Any, contract: Any) -> Any:
    """Return the schema that is meant: behind a reference, the one besides null, or that of an
    answer that was not asked to be short or long."""
    while "$ref" in schema:
        schema = contract["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    choices = schema.get("oneOf") or schema.get("allOf") or schema.get("anyOf") or ()
    real = [one for one in choices if one != {"type": "null"} and one.get("maxLength") != 0]
    if not real:
        return schema
    found = _resolved(real[0], contract)
    is_null = {"type": "null"} in choices
    return found | {"type": [*_kinds(found), "null"]} if is_null else found


def _kinds(schema: Any) -> set[str]:
    """Return the JSON types of a schema; all, if it says nothing of them."""
    kinds = schema.get("type", ALL)
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"integer"} if "number" in found else found


def _words(schema: Any) -> set[str]:
    return {str(one) for one in schema.get("enum", ()) if one is not None}
