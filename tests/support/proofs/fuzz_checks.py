"""What an answer must be, whatever was asked: as the contract says, and never a fault of ours."""

import json
import re
from typing import Any
from urllib.parse import unquote

from tests.support.ground.repository import contract
from tests.support.proofs.contract_shapes import answer_of, faults_of

# Every answer of the server has them, or its protocol; they say nothing of an operation.
OF_ALL = {
    *("Content-Type", "Content-Length", "Content-Security-Policy", "Permissions-Policy"),
    *("Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy", "Referrer-Policy"),
    *("X-Content-Type-Options", "X-Frame-Options", "Vary", "Strict-Transport-Security"),
    *("Content-Language", "Date", "Server"),
}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference to a component."""
    if "$ref" in schema:
        found: dict[str, Any] = contract()["components"]["schemas"][
            schema["$ref"].rpartition("/")[2]
        ]
        return found
    return schema


def body_schema(operation: dict[str, Any]) -> dict[str, Any] | None:
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return media["schema"] if media else None


def is_wrong(operation: dict[str, Any], path: dict[str, str], query: Any, body: Any) -> list[str]:
    """What of a request is not as the contract says. Space around a text does not count: the server
    leaves it out; nor does an empty parameter, which it takes for none."""
    found = []
    said = {(one["in"], one["name"]): one for one in operation.get("parameters", ())}
    for name, text in path.items():
        if not _fits(said["path", name]["schema"], unquote(str(text))):
            found.append(f"path {name}")
    for name, value in query.items():
        if ("query", name) not in said:
            found.append(f"no parameter {name}")
        elif value not in ("", None) and not _fits(said["query", name]["schema"], text_of(value)):
            found.append(f"parameter {name}")
    for (place, name), one in said.items():
        if place == "query" and one.get("required") and name not in query:
            found.append(f"without {name}")
    schema = body_schema(operation)
    if operation["operationId"].endswith("_search") and isinstance(body, dict):
        members = resolved(schema or {})["properties"]  # read as the parameters of the list are
        for name, value in body.items():
            if name not in members or not _fits(members[name], text_of(value)):
                found.append(f"member {name}")
    elif schema is not None and body is not None:
        found += faults_of(schema, _trimmed(body))
    return found


def faults(
    operation: dict[str, Any], answer: Any, *, wrong: list[str], nobody: bool, path_fits: bool
) -> list[str]:
    """What is not as it has to be."""
    status, found = answer.status_code, []
    said = answer_of(operation, status)
    public = {} in operation["security"] or not operation["security"]
    if status >= 500:
        found.append(f"status {status}")
    if nobody and not public and status != 401 and (path_fits or status != 404):
        found.append(f"{status} without a credential")
    if wrong and 200 <= status < 300:
        found.append(f"taken although wrong: {wrong[:3]}")
    if said is None:
        return found if status == 404 and not path_fits else [*found, f"undocumented {status}"]
    names = {name.lower() for name in (*said.get("headers", ()), *OF_ALL)}
    found += [f"undocumented header {one}" for one in answer.headers if one.lower() not in names]
    return found + _content_faults(said, answer)


def _content_faults(said: dict[str, Any], answer: Any) -> list[str]:
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    media = said.get("content", {}).get(kind)
    if media is None:
        return [f"undocumented content {kind}"] if content else []
    if not kind.endswith("json") or kind.endswith("ndjson"):
        return []
    return [f"not as its schema: {one}" for one in faults_of(media["schema"], json.loads(content))]


def text_of(value: Any) -> str:
    """A value as it is written in a query."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _fits(schema: dict[str, Any], text: str) -> bool:
    """Whether the text of a parameter is of its schema."""
    kind = schema.get("type", "string")
    if kind == "boolean":
        return text.lower() in ("true", "false", "1", "0")
    if kind in ("integer", "number"):
        form = r"[-+]?\d{1,15}" if kind == "integer" else r"[-+]?\d{1,15}(\.\d{1,30})?"
        if not re.fullmatch(form, text, re.ASCII):
            return False
        number = float(text)
        least, most = schema.get("minimum", number), schema.get("maximum", number)
        return bool(least <= number <= most)
    if schema.get("format") == "uuid":
        return bool(UUID.fullmatch(text))
    if schema.get("format") == "date-time":
        return True  # also a date alone, in the directory; tests/api/test_body_fields.py
    return faults_of(schema, text.strip()) == []


def _trimmed(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return {name: _trimmed(one) for name, one in value.items()}
    return [_trimmed(one) for one in value] if isinstance(value, list) else value
