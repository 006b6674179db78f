"""JSON bodies: strict when read (ADR 0046), fast when written."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from permissions.errors import BadRequest

MAX_BODY = 256 * 1024  # bytes
MAX_DEPTH = 10
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")  # NUL and lone surrogates: PostgreSQL refuses both


class Answer(HttpResponse):
    """A JSON response, serialized when it is made; it has no body if `value` is None (204, 304)."""

    def __init__(
        self,
        value: Any = None,
        status: int = 200,
        *,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
    ) -> None:
        body = b"" if value is None else as_json(value)
        super().__init__(body, media_type, status, headers=headers)
        if value is None:
            del self["Content-Type"]


def as_json(value: Any) -> bytes:
    """Serialize to JSON. Times end in Z, as serializers write them."""
    return orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)


def read(request: HttpRequest, parsers: Iterable[type["JSONParser"]]) -> dict[str, Any]:
    """Read the body with the parser of its media type; {} if there is none.

    Raises BadRequest, UnsupportedMediaType.
    """
    if request.META.get("CONTENT_LENGTH") in (None, "", "0"):
        return {}
    for parser in parsers:
        if parser.media_type == request.content_type:
            return parser().parse(request)
    raise UnsupportedMediaType(request.content_type or "")


class JSONParser(BaseParser):
    """Reads a JSON object (RFC 8259) and refuses what two parsers might read differently."""

    media_type = "application/json"
    depth = MAX_DEPTH

    def parse(self, request: HttpRequest) -> dict[str, Any]:  # type: ignore[override]
        """Return the object in the body.

        api/http/middleware.py keeps the body within MAX_BODY. Raises BadRequest,
        UnsupportedMediaType.
        """
        if request.META.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise UnsupportedMediaType(request.content_type or "")
        try:
            value = _STRICT.decode(request.read().decode())
        except RecursionError:
            raise BadRequest(
                "too_deep", f"The body may be nested at most {self.depth} levels deep."
            ) from None
        except ValueError:
            raise BadRequest("not_json", "The body is not JSON in UTF-8.") from None
        _check(value, 1, self.depth)
        if not isinstance(value, dict):
            raise BadRequest("not_an_object", "The body must be a JSON object.")
        return value


class DocumentParser(JSONParser):
    """Reads a document of the directory, which nests places, their contacts and their phones."""

    depth = 20


class PatchParser(DocumentParser):
    """Reads a merge patch of such a document (RFC 7386), under its own media type."""

    media_type = "application/merge-patch+json"


class TooLarge(BadRequest):
    code = "too_large"
    detail = f"A body may have at most {MAX_BODY} bytes."


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("duplicate_key", "A key occurs more than once in one object.")
    return found


def _refuse(_name: str) -> Any:
    raise ValueError


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError
    return number


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite)


def _check(value: Any, depth: int, most: int) -> None:
    if depth > most:
        raise BadRequest("too_deep", f"The body may be nested at most {most} levels deep.")
    if isinstance(value, str) and _FORBIDDEN.search(value):
        raise BadRequest("not_text", "A text contains an invalid character (such as NUL).")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise BadRequest("invalid", "A whole number may have at most 64 bits.")
    if isinstance(value, dict):
        for key, member in value.items():
            _check(key, depth, most)
            _check(member, depth + 1, most)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth + 1, most)
