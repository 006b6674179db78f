"""The contract: hooks and shapes that make drf-spectacular describe what the server does."""

import re
from copy import deepcopy
from typing import Any

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="ETags that you read, or `*`; honoured when sent (412). A weak tag matches nothing."
    " Only a change is stale, not what passes by itself, such as a release that runs out.",
)
MUST_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of what you change, or `*`."
)
IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "ETags that you have, or `*`: if the answer would be one of them, it is 304 and"
    " has no body.",
}
AS_KNOWN = {304: OpenApiResponse(description="As you have it already")}
MONTH = {"type": "string", "pattern": "^20[0-9]{2}-(0[1-9]|1[0-2])$"}
ACTING_MEMBER = OpenApiParameter(
    "Acting-Member",
    {
        "type": "string",
        "pattern": "^(staff_ref:.+|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$",
    },
    OpenApiParameter.HEADER,
    description="A client names the member of staff who acts: their id, or `staff_ref:4711` with"
    " their staff number.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="1 to 128 printable characters of your choice, for one request. If the same caller"
    " sends it again with the same key and body, nothing new is made, and what the request made is"
    " answered as it is now. Another body is refused (422), and so is the same request while it is"
    " under way (409 `in_flight`, with `Retry-After`). A key is kept for 30 days, or until its"
    " referral is purged.",
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    description="The request was made before with this key: nothing new was made.",
    response=[200, 201, 202],
)


def signed_in(*scopes: str) -> Any:  # the library's own type knows no scopes
    """Return the `auth` of an operation for a signed-in session or a token that has all of these
    scopes."""
    return [{"token": list(scopes)}, {"session": []}]


UNSIGNED: Any = [{}]  # nothing is needed
IN_PERSON: Any = [{"session": []}]  # every system is refused


def page_limit(most: int) -> OpenApiParameter:
    """Return the parameter `limit` of a list whose pages have at most `most` entries."""
    shape = {"type": "integer", "minimum": 1, "maximum": most, "default": 50}
    return OpenApiParameter("limit", shape, description="Entries of a page.")


class Fault(serializers.Serializer):
    """One thing that is wrong with a request, and where: `pointer` or `parameter`, or neither if it
    is the whole of it."""

    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField(required=False, help_text="A place in the body (RFC 6901).")
    parameter = serializers.CharField(required=False, help_text="The name of a query parameter.")


class Problem(serializers.Serializer):
    """RFC 9457. `code` is stable; `detail` is for people, and repeats nothing that was sent."""

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField(
        required=False, help_text="Where the first fault is: its `pointer`, or its `parameter`."
    )
    current_state = serializers.CharField(required=False)
    errors = Fault(  # type: ignore[assignment]  # hides what a serializer found, which none asks
        many=True,
        required=False,
        help_text="With a 400: all faults of the body, or of the query, that were found at once.",
    )
    safety_notice = serializers.CharField(required=False)
    safety_lines = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()), required=False
    )


TITLES = {
    400: "Not of the documented shape",
    401: "No token, or one that is no longer good",
    403: "Visible, but not permitted",
    404: "Not there, or not for you: the same answer",
    409: "Not in this state, or a condition is not met; `current_state` as your side is shown it",
    411: "A body without its Content-Length",
    412: "Changed since it was read",
    413: "Larger than 256 KiB",
    415: "Not application/json, or compressed",
    422: "The key was used with another body",
    428: "If-Match is needed: the ETag of what you changed",
    429: "Too many requests; nothing was done. Wait as `Retry-After` says",
    503: "Not available; nothing was changed; the safety lines are in the body",
}


def problems(*statuses: int) -> dict[tuple[int, str], Any]:
    """Return an operation's refusals, for `extend_schema(responses=…)`."""
    return {
        (status, "application/problem+json"): OpenApiResponse(Problem, TITLES[status])
        for status in statuses
    }


class AutoSchema(SpectacularAutoSchema):
    """Tags an operation by the first word of its path; a public endpoint needs no token."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/v1/").split("/")[0]]

    def _map_serializer_field(self, field: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a field's schema, as strict as the field is."""
        found = super()._map_serializer_field(field, *args, **kwargs)
        if not isinstance(found, dict) or "$ref" in found:
            return found
        if getattr(field, "allow_empty", True) is False:
            found["minItems"] = 1
        # What our own fields say of themselves (api/http/fields.py, api/http/endpoints.py).
        for name, value in getattr(field, "contract", {}).items():
            found.setdefault(name, value)
        if names := getattr(field, "names", ()):
            found["properties"] = dict.fromkeys(names, found.pop("additionalProperties"))
            found["additionalProperties"] = False
        return found

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """Return a shape's schema. A request body takes no member that it does not name."""
        found = super()._map_basic_serializer(serializer, direction)
        if not getattr(serializer, "closed", False):
            return found
        if serializer.__class__.__doc__ is None:
            found.pop("description", None)  # of its base
        for name, one in found.get("properties", {}).items():
            if "pattern" in (first := one.get("oneOf", [{}])[0]):  # it takes "" by its own pattern
                found["properties"][name] = first | {k: one[k] for k in one if k != "oneOf"}
        found["additionalProperties"] = False
        return found

    def is_deprecated(self) -> bool:
        return self._ends() is not None

    def get_description(self) -> str:
        """Return the handler's docstring, and when the operation ends, if it does."""
        text: str = super().get_description() or ""
        ends = self._ends()
        return f"{text} {ends.said()}" if ends else text

    def get_summary(self) -> str | None:
        """Return the default summary: the first sentence of the operation's description."""
        said = re.match(r"[^.]*(?:\.(?!\s|$)[^.]*)*\.?", self.get_description() or "")
        return said[0] if said else None

    def get_override_parameters(self) -> list[OpenApiParameter]:
        """Return what every operation has whose repeat would make something new."""
        return [IDEMPOTENCY_KEY, REPLAYED] if self._repeat() == "keyed" else []

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation, with what a repeat of it means (`x-repeat`)."""
        made: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if made is not None and "304" in made["responses"]:
            listed = [*made.get("parameters", []), IF_NONE_MATCH]
            made["parameters"] = sorted(listed, key=lambda one: one["name"])
        if made is not None and (repeat := self._repeat()):
            made["x-repeat"] = repeat
            if repeat == "keyed":
                made["responses"] |= {str(one): _refusal(one) for one in (409, 422)}
        if made is not None and (ends := self._ends()):
            made["x-sunset"] = str(ends.until)
        return made

    def _ends(self) -> Any:
        return self.view.deprecations.get(self.method.lower())

    def _repeat(self) -> str | None:
        repeat = self.view.repeats.get(self.method.lower())
        return str(repeat) if repeat else None

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [*signed_in(), {}] if self.view.public else signed_in()


def only_the_contract(endpoints: list[Any]) -> list[Any]:
    return [one for one in endpoints if one[0].startswith("/v1/")]


def _refusal(status: int) -> dict[str, Any]:
    shape = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": shape}}
    return {"content": content, "description": TITLES[status]}


TOKEN_OPERATION = {
    "operationId": "issue_token",
    "tags": ["oauth"],
    "summary": "Get an access token.",
    "description": "Returns a token for five minutes, to a client that proves who it is with a JWT"
    " signed by its own key (RFC 6749 section 4.4, RFC 7523). Each parameter is given once, in"
    " UTF-8. `/.well-known/oauth-authorization-server` (RFC 8414) lists the algorithms. Why an"
    " assertion was refused is shown to the administrator of the client's agency, and not here.",
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "client_assertion_type", "client_assertion"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "client_assertion_type": {
                            "type": "string",
                            "enum": ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"],
                        },
                        "client_assertion": {
                            "type": "string",
                            "description": "A JWT signed with the client's key: iss = sub = the"
                            " client_id, aud = this address as one text (not a list), exp at most 5"
                            " minutes ahead (and 5 seconds past), a jti that is used once.",
                        },
                        "scope": {"type": "string", "description": "Scopes, with spaces between."},
                    },
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "The token",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["access_token", "token_type", "expires_in", "scope"],
                        "properties": {
                            "access_token": {"type": "string"},
                            "token_type": {"type": "string"},
                            "expires_in": {"type": "integer", "description": "Seconds"},
                            "scope": {"type": "string"},
                        },
                    }
                }
            },
        },
        **{
            status: {
                "description": text,
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "error": {"type": "string"},
                                "error_description": {"type": "string"},
                            },
                        }
                    }
                },
            }
            for status, text in (
                ("400", "Not a request of RFC 6749"),
                (
                    "401",
                    "The assertion is not good: expired, replayed, of another key, or not from a"
                    " network that its agency named",
                ),
            )
        },
        **{str(status): _refusal(status) for status in (413, 429, 503)},
    },
}


def add_token_endpoint(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the token endpoint, which is the library's; its operation is written by hand."""
    # A copy: what completes the contract changes it, and a process may make the contract twice.
    result["paths"]["/oauth/token"] = {"post": deepcopy(TOKEN_OPERATION)}
    result.setdefault("components", {})["securitySchemes"] = {
        "token": {},  # api/contract/completion.py knows the scopes
        "session": {"type": "apiKey", "in": "cookie", "name": "session"},
    }
    return result
