"""The last step of making openapi/v1.yaml: what is said once for all operations."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from api.accounts.oauth import SCOPES
from api.contract import directory_documents, examples, headers, messages, prose, refusals
from referrals.queries.list_filters import STATUSES

METHODS = ("get", "post", "put", "patch", "delete")


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Complete the contract. Raises ImproperlyConfigured for what is not explained there."""
    _without_marks(result)
    components = result["components"]
    directory_documents.close(components["schemas"])
    directory_documents.vary(result)
    components["responses"] = refusals.answers()
    components["headers"] = {}
    components["examples"] = refusals.problems()
    components["schemas"]["ProblemCode"] = refusals.code_schema()
    for shape in ("Problem", "Fault"):
        reference = {"$ref": "#/components/schemas/ProblemCode"}
        components["schemas"][shape]["properties"]["code"] = reference
    state = {"type": "string", "enum": list(STATUSES), "description": "As your side is shown it."}
    components["schemas"]["Problem"]["properties"]["current_state"] = state
    components["securitySchemes"]["token"] = {
        "type": "oauth2",
        "description": "An access token of five minutes, from a client's signed assertion. An"
        " operation that lists several scopes needs all of them.",
        "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": dict(SCOPES)}},
    }
    components["securitySchemes"]["session"]["description"] = "A person who is signed in."
    result["servers"] = prose.SERVERS
    result["tags"] = _tags(result)
    result["webhooks"] = messages.webhooks()
    for operation in operations(result):
        for status, answer in operation["responses"].items():
            answer["description"] = answer["description"] or prose.DONE[status]
        refusals.refer(operation)
        headers.add_to(operation)
    components["headers"] = headers.used_in(result)
    examples.add(components, operations(result))
    order = ("openapi", "info", "servers", "tags", "paths", "webhooks", "components")
    return {name: result[name] for name in order}


def operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in result["paths"].values():
        yield from (item[method] for method in METHODS if method in item)


def _tags(result: dict[str, Any]) -> list[dict[str, str]]:
    used = {tag for operation in operations(result) for tag in operation["tags"]}
    if used != set(prose.TAGS):
        wrong = ", ".join(sorted(used ^ set(prose.TAGS)))
        raise ImproperlyConfigured(f"api/contract/prose.py: explain each tag once: {wrong}.")
    return [{"name": name, "description": text} for name, text in prose.TAGS.items()]


def _without_marks(value: Any) -> None:
    """Remove what drf-spectacular leaves for a step that is not used."""
    if isinstance(value, dict):
        value.pop("x-spec-enum-id", None)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        _without_marks(one)
