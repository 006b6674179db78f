"""The base of every JSON endpoint: one parser, one renderer, unknown names refused."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import acting_member
from permissions.errors import BadRequest
from permissions.principal import Principal
from referrals import idempotency

MAX_KEY = 128


class Shape(serializers.Serializer):
    """A request body. A field it does not name is refused, never ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and set(data) - set(self.fields):
            # The name comes from the caller, and might be a person's: ours are told instead.
            raise BadRequest(
                "unknown_field", f"Documented are: {', '.join(self.fields) or 'none'}."
            )
        return super().to_internal_value(data)


class NamedTexts(serializers.DictField):
    """Texts by name, the names of a closed list: another is refused before its text is looked at,
    and is not repeated."""

    child = serializers.CharField()

    def __init__(self, names: Sequence[str], **options: Any) -> None:
        self.names = names
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and set(data) - set(self.names):
            raise BadRequest("unknown_field", "Not a name of its list.", f"/{self.field_name}")
        return super().to_internal_value(data)


@cache
def _reader(shape: type[Shape]) -> Shape:
    """One for all requests: to read a body leaves nothing behind in it, and to make one copies
    every field."""
    return shape()


class HasFields(serializers.Serializer):
    """A shape with a member called `fields`, declared as `fields_`: as a class attribute the word
    would hide the serializer's own."""

    def get_fields(self) -> dict[str, serializers.Field]:
        found = super().get_fields()
        return {name.rstrip("_"): field for name, field in found.items()}


class Endpoint(APIView):
    """`self.principal` is the caller (None only where `public`)."""

    public: ClassVar[bool] = False
    query: ClassVar[Sequence[str]] = ()  # the query parameters it knows; any other is refused
    # No OPTIONS: DRF's would describe the endpoint in words that are not in the contract.
    http_method_names: ClassVar[Sequence[str]] = ("get", "head", "post", "put", "patch", "delete")

    @property
    def principal(self) -> Principal:
        principal: Principal = self.request.auth
        return principal

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        acting_member(request)
        asked = request.query_params
        if set(asked) - set(self.query):
            raise BadRequest("unknown_parameter", "A query parameter is not documented.")
        if any(len(values) > 1 for _, values in asked.lists()):
            raise BadRequest("repeated_parameter", "A query parameter stands twice.")
        if any("\x00" in text for text in asked.values()):
            raise BadRequest("not_text", "A text holds a character that is none.")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type

    def body(self, shape: type[Shape]) -> dict[str, Any]:
        """The request's body as `shape` reads it. Raises BadRequest with a pointer."""
        return dict(_reader(shape).run_validation(self.request.data))

    def if_match(self) -> str | None:
        return self.request.META.get("HTTP_IF_MATCH")

    def idempotency_key(self, route: str) -> idempotency.Key | None:
        """The header `Idempotency-Key` with the body it came with."""
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return None
        if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
            raise BadRequest("idempotency_key", f"Idempotency-Key has 1 to {MAX_KEY} characters.")
        body = orjson.dumps(self.request.data, option=orjson.OPT_SORT_KEYS)
        return idempotency.Key(route, key, body)

    def answer(
        self, shape: type[serializers.Serializer], value: Any, status: int = 200
    ) -> Response:
        return Response(shape(value).data, status)


def moment_parameter(text: str | None, name: str) -> datetime | None:
    """A moment with its zone, or None where nothing is asked. Raises BadRequest."""
    try:
        moment = parse_datetime(text) if text else None
    except ValueError:
        moment = None
    if text and (moment is None or moment.tzinfo is None):
        raise BadRequest("invalid", "A time with its zone is needed (RFC 3339).", name)
    return moment


def uuid_parameter(text: str | None, name: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise BadRequest("invalid", "A UUID is needed.", name) from None


def page_size(text: str | None, most: int) -> int:
    """The query parameter `limit`: 1 to `most`, 50 if not said. Raises BadRequest."""
    text = "50" if text is None else text
    if not (len(text) <= 9 and text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise BadRequest("invalid", f"1 to {most}.", "limit")
    return int(text)
