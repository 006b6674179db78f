"""The refusals of the API: every code, its status, and an example of each.

They are read from the sources: a code is the first argument of a refusal where it is raised, or the
`code` of its class. The texts are those of /problems/.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

import api.urls  # noqa: F401  (every refusal's class is there)
from api.contract.headers import EVERY, references
from api.desk.problem_texts import PROBLEMS
from api.http.problem_details import STATUS, status_of
from openapi.schema import TITLES
from permissions.errors import BadRequest, Fault, Refused, WrongState

# What raises there is answered at the desk, by SCIM or by a command, and never under /v1.
ELSEWHERE = (
    *("api/desk", "api/scim", "api/install", "api/backup", "api/management", "api/agency_sign_in"),
    *("api/dev", "api/sandbox", "api/fhir"),
    *("permissions/enrollment", "permissions/scim", "permissions/agency_sign_in"),
    *("permissions/practice", "permissions/card", "permissions/recovery", "permissions/keys"),
    *("permissions/identity/own_systems.py", "permissions/identity/client_keys.py"),
    *("referrals/card", "referrals/slip", "referrals/signing", "referrals/on_call"),
    *("referrals/push", "referrals/claims", "referrals/recovery", "referrals/management"),
    *("referrals/webhooks/key_sets.py", "permissions/staff/staff_refs.py"),
)
# Their first argument is not a text, or their module is elsewhere and their answer is not.
ALSO = {
    "address_not_allowed": 403,
    "terms_unsigned": 409,
    "reset_waits": 409,
    "private_key": 400,
    "unreadable_keys": 400,
    "key_store": 503,
    "binding": 503,
    "practice_at_the_desk": 403,
    "sealed": 409,
    "too_late": 409,
    "undone_before": 409,
    "worked_on_since": 409,
}


class Code(NamedTuple):
    """One code of a refusal, as it is answered."""

    status: int
    title: str
    detail: str
    faults: bool
    has_state: bool


@cache
def codes() -> dict[str, Code]:
    """Return every code of the API, by name. tests/desk/test_all_pages.py finds one that /problems/
    does not explain."""
    found: dict[str, Code] = {}
    for name, kind, detail in sorted(_raised(), key=lambda one: (one[0], not one[2])):
        status, title = status_of(kind.__new__(kind))
        detail = detail or str(PROBLEMS[name].happened)
        faults = issubclass(kind, BadRequest)
        found.setdefault(name, Code(status, title, detail, faults, issubclass(kind, WrongState)))
    titles = dict(STATUS.values())
    for name, status in ALSO.items():
        said = str(PROBLEMS[name].happened)
        found.setdefault(name, Code(status, titles[status], said, False, False))
    return dict(sorted(found.items()))


def code_schema() -> dict[str, Any]:
    return {
        "type": "string",
        "enum": sorted(PROBLEMS),
        "description": "What was wrong. `type` of the problem is a page that explains it. Codes may"
        " be added: take one that you do not know for its status.",
    }


def problems() -> dict[str, Any]:
    """Return an example of each refusal that an operation describes, by its code."""
    return {
        name: {"summary": str(PROBLEMS[name].happened), "value": _problem(name, one)}
        for name, one in codes().items()
        if one.status in TITLES
    }


def answers() -> dict[str, dict[str, Any]]:
    """Return the answer of each status that refuses, with the examples of its codes."""
    found = {}
    for status, text in TITLES.items():
        headers = [*EVERY]
        if status in (409, 429, 503):
            headers.append("Retry-After")
        if status == 401:
            headers.append("WWW-Authenticate")
        examples = {
            name: {"$ref": f"#/components/examples/{name}"}
            for name, one in codes().items()
            if one.status == status
        }
        found[_name(status)] = {
            "description": text,
            "headers": references(*headers),
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": examples,
                }
            },
        }
    return found


def refer(operation: dict[str, Any]) -> None:
    """Let an operation's refusals refer to the answers that are described once."""
    said = operation["responses"]
    for status, answer in said.items():
        if "application/problem+json" in answer.get("content", {}) and int(status) in TITLES:
            said[status] = _described(operation, int(status))
    said["429"] = _described(operation, 429)
    if "requestBody" in operation:
        said["411"] = _described(operation, 411)
    operation["responses"] = dict(sorted(said.items()))


def _described(operation: dict[str, Any], status: int) -> dict[str, Any]:
    """Return a reference to an answer. Those of an operation that ends have headers of their own
    (api/contract/headers.py), and are written out."""
    if operation.get("deprecated"):
        return answers()[_name(status)]
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: int) -> str:
    return f"Refused{status}"


def _problem(name: str, code: Code) -> dict[str, Any]:
    said: dict[str, Any] = {
        "type": f"http://127.0.0.1:8000/problems/{name}",
        "title": code.title,
        "status": code.status,
        "code": name,
        "detail": code.detail,
    }
    if code.faults:
        said["errors"] = [{"code": name, "detail": code.detail}]
    if code.has_state:
        said["current_state"] = "withdrawn"
    if code.status >= 500:
        said["safety_notice"] = "If someone is in danger now, call 911."
        said["safety_lines"] = [{"name": "Emergency", "phone": "911", "note": "Police"}]
    return said


def _raised() -> Iterator[tuple[str, type[Refused], str]]:
    """Yield each code with the class that refuses and its text; '' for one made as it is raised."""
    kinds = {kind.__name__: kind for kind in _children(Refused)}
    here = {name: kind for name, kind in kinds.items() if not _is_elsewhere(_file(kind))}
    for one in here.values():
        if any(parent in STATUS for parent in one.__mro__) and one.code in PROBLEMS:
            yield one.code, one, one.detail if one.detail != Refused.detail else ""
    kinds[Fault.__name__] = BadRequest  # one of several
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (kind := kinds.get(_called(node))):
                texts = [arg.value if isinstance(arg, ast.Constant) else "" for arg in node.args]
                if (
                    texts
                    and texts[0] in PROBLEMS
                    and any(parent in STATUS for parent in kind.__mro__)
                ):
                    detail = texts[1] if len(texts) > 1 and isinstance(texts[1], str) else ""
                    yield str(texts[0]), kind, detail


def _sources() -> Iterator[Path]:
    for folder in ("permissions", "directory", "referrals", "api"):
        for path in sorted((settings.BASE_DIR / folder).rglob("*.py")):
            if not _is_elsewhere(str(path.relative_to(settings.BASE_DIR))):
                yield path


def _is_elsewhere(path: str) -> bool:
    return path.startswith(ELSEWHERE)


def _file(kind: type) -> str:
    return kind.__module__.replace(".", "/") + ".py"


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _children(kind: type[Refused]) -> Iterator[type[Refused]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _children(one)
