"""The base of every JSON endpoint: one parser, one renderer, and no unknown names."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.views import APIView

from api.http import problem_details
from api.http.authentication import acting_member, caller_of, refuse_unknown_credential
from api.http.deprecation import Deprecated
from api.http.fields import Text, moment_of
from api.http.json_bodies import Answer, JSONParser, read
from api.http.problem_details import UNKNOWN_FIELD
from permissions import entity_tags
from permissions.audit import writer
from permissions.errors import BadRequest, Fault
from permissions.ledger.retention import Month
from permissions.principal import Principal
from referrals import idempotency
from referrals.act_registry.repeats import Repeat

MAX_KEY = 128
WRITES = ("post", "put", "patch", "delete")


class Shape(serializers.Serializer):
    """A request body. A field it does not name is refused, never ignored."""

    closed = True  # in the contract: no other members (openapi/schema.py)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict) and set(data) - set(self.fields):
            raise ValidationError(self._with_unknown(data))
        values: dict[str, Any] = super().to_internal_value(data)
        return values

    def _with_unknown(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return what is wrong with a body that has unknown fields: that, and the rest.

        An unknown name might be a person's, so the message lists the known ones instead.
        """
        known = f"The documented fields are: {', '.join(self.fields) or 'none'}."
        errors: dict[str, Any] = {"non_field_errors": [ErrorDetail(known, UNKNOWN_FIELD)]}
        try:
            super().to_internal_value(
                {name: value for name, value in data.items() if name in self.fields}
            )
        except ValidationError as error:
            errors |= error.detail if isinstance(error.detail, dict) else {}
        return errors


class NothingIn(Shape):
    """An empty object."""


class NamedTexts(serializers.DictField):
    """Texts by name, with names from a closed list.

    Another name is refused before its text is read, and is not repeated.
    """

    child = Text(lines=2)

    def __init__(self, names: Sequence[str], **options: Any) -> None:
        self.names = names
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and set(data) - set(self.names):
            raise ValidationError(
                [ErrorDetail("This name is not in the list of documented names.", UNKNOWN_FIELD)]
            )
        return super().to_internal_value(data)


@cache
def _reader(shape: type[Shape]) -> Shape:
    """Return one instance for all requests.

    Reading a body leaves no state in it, and making one copies every field.
    """
    return shape()


class WithFieldsMember(serializers.Serializer):
    """A shape with a member called `fields`, declared as `fields_`: as a class attribute the word
    would hide the serializer's own."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        return {name.rstrip("_"): field for name, field in fields.items()}


class Endpoint(APIView):
    """`self.principal` is the caller (None only if `public`), `self.data` the body.

    The contract is generated from DRF's class. Requests do not run DRF's own dispatch, which
    negotiates, throttles and wraps: it took three times as long and gave the same answers.
    """

    request: HttpRequest  # type: ignore[assignment]  # Django's own
    principal: Principal
    public: ClassVar[bool] = False
    query: ClassVar[Sequence[str]] = ()  # its query parameters; any other is refused
    # What the same request means when it comes twice, for each of its WRITES (ADR 0111).
    repeats: ClassVar[Mapping[str, Repeat]] = {}
    # Which of its methods end, and when: the contract and each answer say so.
    deprecations: ClassVar[Mapping[str, Deprecated]] = {}
    logged_as: ClassVar[str] = ""  # in the access log: the act that takes a body
    _key: idempotency.Key | None = None
    # No OPTIONS: DRF would describe the endpoint in words that are not in the contract.
    http_method_names = ("get", "head", "post", "put", "patch", "delete")

    @classmethod
    def as_view(  # type: ignore[override]  # our answers are not DRF's
        cls, **initkwargs: Any
    ) -> Callable[..., HttpResponseBase]:
        """Return the view. Raises ImproperlyConfigured at start if a write does not say what a
        repeat of it means."""
        undecided = {name for name in WRITES if hasattr(cls, name)} ^ set(cls.repeats)
        if undecided:
            raise ImproperlyConfigured(f"{cls.__name__}.repeats: {', '.join(sorted(undecided))}.")
        view: Callable[..., HttpResponseBase] = super().as_view(**initkwargs)
        return view

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check the caller (401), the query (400) and the method (405), then run the handler.

        A refusal is answered with its problem. A bug propagates to the failure page.
        """
        try:
            principal = caller_of(request)
            if principal is None and not self.public:
                refuse_unknown_credential()
            self.principal = principal  # type: ignore[assignment]  # None only where `public`
            acting_member(request)
            if request.META.get("QUERY_STRING"):
                self._check(request.GET)
            method = str(request.method).lower()
            handler = getattr(self, method, None) if method in self.http_method_names else None
            if handler is None:
                raise problem_details.MethodNotAllowed
            if "HTTP_IDEMPOTENCY_KEY" in request.META:
                self._refuse_unused_key(method)
            answer: HttpResponseBase = handler(request, *args, **kwargs)
            if self._key is not None and self._key.replayed:
                answer["Idempotency-Replayed"] = "true"
            if self._is_known(answer):
                answer = Answer(status=304, headers={"ETag": answer["ETag"]})
        except Exception as error:
            refused = self.refused(error)
            if refused is None:
                raise
            answer = refused
        return self._with_its_end(answer)

    def refused(self, error: Exception) -> Answer | None:
        """Return the answer to a refusal; None for a bug."""
        return problem_details.handle(error, self.allowed_methods)

    def _with_its_end(self, answer: HttpResponseBase) -> HttpResponseBase:
        """Return the answer, which says when the operation ends, if it does."""
        method = str(self.request.method).lower()
        if ends := self.deprecations.get("get" if method == "head" else method):
            for name, text in ends.headers().items():
                answer[name] = text
        return answer

    def _is_known(self, answer: HttpResponseBase) -> bool:
        """Whether the caller has this very answer (RFC 9110, section 13.1.2). It was read, and its
        access entry written, all the same."""
        header = self.request.META.get("HTTP_IF_NONE_MATCH")
        reads = self.request.method in ("GET", "HEAD") and answer.status_code == 200
        if header is None or not (reads and answer.has_header("ETag")):
            return False
        return entity_tags.is_known(header, answer["ETag"])

    def _check(self, parameters: QueryDict) -> None:
        """Refuse an unknown or repeated query parameter, or one that contains NUL."""
        faults = []
        if set(parameters) - set(self.query):  # its name may be anything, and is not repeated
            known = f"The documented parameters are: {', '.join(self.query) or 'none'}."
            faults.append(Fault("unknown_parameter", known, None))
        for name in self.query:
            texts = parameters.getlist(name)
            if len(texts) > 1:
                detail = "A query parameter was given more than once."
                faults.append(Fault("repeated_parameter", detail, name))
            elif texts and "\x00" in texts[0]:
                nul = "A text contains an invalid character (such as NUL)."
                faults.append(Fault("not_text", nul, name))
        if faults:
            raise BadRequest.of(faults)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The request's body, read once; {} if there is none. Raises BadRequest."""
        parsers: Sequence[type[JSONParser]] = self.parser_classes  # type: ignore[assignment]
        return read(self.request, parsers)

    def body(self, shape: type[Shape]) -> dict[str, Any]:
        """Return the request's body as `shape` reads it. Raises BadRequest with all its faults."""
        return self.read_as(shape, self.data)

    def read_as(self, shape: type[Shape], data: dict[str, Any]) -> dict[str, Any]:
        """Return `data` as `shape` reads it. Raises BadRequest with all its faults.

        A name that the act does not have is logged as a refusal of the act: it may be a try to set
        what the caller may not set. The entry does not repeat it.
        """
        try:
            # Not run_validation: a shape has no rules beyond its fields', and looking for some
            # takes as long as reading the body.
            return _reader(shape).to_internal_value(data)
        except ValidationError as error:
            refusal = problem_details.invalid(error.detail)
        if refusal.code == UNKNOWN_FIELD and self.logged_as:
            writer.log_refusal(
                self.principal,
                self.logged_as,
                refusal.code,
                self.kwargs.get("referral_id"),
                directory_id=self.kwargs.get("location_id"),
            )
        raise refusal

    def if_match(self) -> str | None:
        return self.request.META.get("HTTP_IF_MATCH")

    def _refuse_unused_key(self, method: str) -> None:
        """Refuse an Idempotency-Key that would be ignored. Raises BadRequest."""
        if self.repeats.get(method) is not Repeat.KEYED:
            raise BadRequest(
                "idempotency_key_unused",
                "This request takes no Idempotency-Key. Send it without one: the contract says"
                " what a repeat of it does.",
            )

    def idempotency_key(self, route: str) -> idempotency.Key | None:
        """Return the header `Idempotency-Key` with the body; None without it. Raises BadRequest."""
        key = self.request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None:
            return None
        if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
            raise BadRequest(
                "idempotency_key", f"Idempotency-Key must have 1 to {MAX_KEY} characters."
            )
        body = orjson.dumps(self.data, option=orjson.OPT_SORT_KEYS)
        self._key = idempotency.Key(route, key, body)
        return self._key

    def answer(self, shape: type[serializers.Serializer], value: Any, status: int = 200) -> Answer:
        return Answer(shape(value).data, status)


def moment_parameter(text: str | None, name: str) -> datetime | None:
    """Parse a time with a zone, or return None for no text. Raises BadRequest."""
    moment = moment_of(text) if text else None
    if text and moment is None:
        raise BadRequest("invalid", "Enter a time with its time zone (RFC 3339).", name)
    return moment


_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)


def month_parameter(text: str | None) -> tuple[datetime, datetime]:
    """Return the start and end of a month (UTC) from its text, like 2026-11. Raises BadRequest."""
    if text is None or not _MONTH.fullmatch(text):
        raise BadRequest("invalid", "Enter a month, such as 2026-11.", "month")
    return Month.read(text).bounds


def uuid_parameter(text: str | None, name: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise BadRequest("invalid", "Enter a UUID.", name) from None


def page_size(text: str | None, most: int) -> int:
    """Parse the query parameter `limit`: 1 to `most`, 50 if not given. Raises BadRequest."""
    text = "50" if text is None else text
    if not (len(text) <= 9 and text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise BadRequest("invalid", f"Enter a number from 1 to {most}.", "limit")
    return int(text)
