"""The headers of answers, each described once."""

from typing import Any

from api.http import deprecation

_NUMBER, _TEXT = {"type": "integer", "minimum": 1}, {"type": "string"}


def _header(description: str, schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"description": description, "schema": schema, "example": example}


HEADERS: dict[str, Any] = {
    "X-Request-Id": _header(
        "The id of this request, in its log line and its access entry.",
        {"type": "string", "format": "uuid"},
        "3f1c9e0a-6b1d-4c53-9f0e-2a7d5b8c4e10",
    ),
    "RateLimit-Policy": _header(
        "How many requests (`q`) one process answers in so many seconds (`w`): of a known `caller`"
        " at a network, or of a `network` of unknown ones"
        " (draft-ietf-httpapi-ratelimit-headers-10). Absent where the server has no limit, and from"
        " answers that may be cached.",
        _TEXT,
        '"caller";q=200;w=10',
    ),
    "RateLimit": _header(
        "For a known caller: how many are left (`r`), and in how many seconds all are there again"
        " (`t`).",
        _TEXT,
        '"caller";r=187;t=1',
    ),
    "Retry-After": _header("Seconds to wait, at least 1.", _NUMBER, 5),
    "ETag": _header("The version of what was read, for If-Match.", _TEXT, '"3-7c1a"'),
    "Idempotency-Replayed": _header(
        "The request was made before with this key: nothing new was made.",
        {"type": "string", "enum": ["true"]},
        "true",
    ),
    "Location": _header(
        "Where to read what was made.",
        {"type": "string", "format": "uri-reference"},
        "/v1/referrals/01890000-0000-7000-8000-000000000001",
    ),
    "Content-Location": _header(
        "Where to ask how far it is.",
        {"type": "string", "format": "uri-reference"},
        "/v1/exports/01890000-0000-7000-8000-000000000006",
    ),
    "X-Progress": _header(
        "How far it is, in words, for the lead who asked.", _TEXT, "writing, 200 referrals written"
    ),
    "Content-Disposition": _header(
        "The name for the file.", _TEXT, 'attachment; filename="verifier.py"'
    ),
    "Repr-Digest": _header("The SHA-256 of the file (RFC 9530).", _TEXT, "sha-256=:ZXhhbXBsZQ==:"),
    "Cache-Control": _header("`no-store`, unless the answer is public.", _TEXT, "no-store"),
    "Deprecation": _header(
        "Since when the operation is deprecated: `@` and seconds (RFC 9745).", _TEXT, "@1796083200"
    ),
    "Sunset": _header(
        "When the operation ends (RFC 8594).", _TEXT, "Tue, 01 Jun 2027 00:00:00 GMT"
    ),
    "Link": _header(
        'Where it is said what ends: `rel="deprecation"`.',
        _TEXT,
        '<https://cairn.example.org/docs/changes.md>; rel="deprecation"',
    ),
    "WWW-Authenticate": _header("How to authenticate.", _TEXT, "Bearer"),
}
EVERY = ("X-Request-Id", "RateLimit-Policy", "RateLimit", "Cache-Control")
LOCATED = {"create_referral": ("201",)}
FILES = {"export_access_log", "download_verifier", "download_export_part"}
UNDER_WAY = {
    ("ask_for_export", "202"): ("Content-Location",),
    ("read_export", "202"): ("Retry-After", "X-Progress"),
}
TAGGED = {"create_referral", "create_webhook"}


def references(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def used_in(result: dict[str, Any]) -> dict[str, Any]:
    """Return what the contract refers to: nothing ends most of the time."""
    said = repr(result)
    return {name: one for name, one in HEADERS.items() if f"#/components/headers/{name}'" in said}


def add_to(operation: dict[str, Any]) -> None:
    """Add to each answer of an operation the headers that it may have."""
    answers, name = operation["responses"], operation["operationId"]
    tagged = (
        "304" in answers
        or name in TAGGED
        or any(one["name"] == "If-Match" for one in operation.get("parameters", ()))
    )
    for status, answer in answers.items():
        if "$ref" in answer:
            continue
        names = [*EVERY]
        if (status in ("200", "201") and tagged) or status == "304":
            names.append("ETag")
        if _is_located(name, status):
            names.append("Location")
        names += UNDER_WAY.get((name, status), ())
        if name in FILES and status == "200":
            names += ["Content-Disposition", "Repr-Digest"]
        if "Idempotency-Replayed" in answer.get("headers", {}):
            names.append("Idempotency-Replayed")
        if operation.get("deprecated"):
            names += deprecation.HEADERS
        answer["headers"] = answer.get("headers", {}) | references(*names)


def _is_located(name: str, status: str) -> bool:
    if name.startswith(("directory_put_", "directory_patch_")):
        return status in ("201", "202")
    return status in LOCATED.get(name, ())
