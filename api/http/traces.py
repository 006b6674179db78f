"""Traces of requests for the operator's collector, if CAIRN_TRACES is set (ADR 0106).

A span says which route was asked how, what the answer's status was and how long each statement
took: words of the code and numbers. Whatever else a span holds, of ours or of a library, is dropped
in one place, `AllowListExporter`, before anything leaves the process (R10, TH9). No trace is
continued from a caller's headers, and none is passed on.
"""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache, lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode

from api.http.middleware import METHODS
from permissions.database.prepared_statements import PreparedStatement
from permissions.health import failures

log = structlog.get_logger()
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # the exporter says it once

SEND_S = 2.0  # for one try to send; what waits meanwhile is at most MOST_WAITING, then dropped
MOST_WAITING = 2048
REQUEST, STATEMENT = "request", "statement"
# Of a UUID's kinds only the one of request ids is given here: the attribute is set in one place.
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PREPARED = re.compile(r"\bEXECUTE (\w+)")


@cache
def routes() -> frozenset[str]:
    """The pattern of each address that is served, as a resolved request names it."""
    return frozenset({"none", *_patterns(get_resolver().url_patterns, "")})


def _patterns(some: Sequence[URLPattern | URLResolver], before: str) -> Iterator[str]:
    for one in some:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _patterns(one.url_patterns, here)
        else:
            yield here


def _is_word_of(known: Callable[[], Any]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in known()


# Each attribute that may leave, and which values of it.
ALLOWED: dict[str, Callable[[Any], bool]] = {
    "http.request.method": _is_word_of(lambda: (*METHODS, "other")),
    "http.route": _is_word_of(routes),
    "http.response.status_code": lambda value: isinstance(value, int) and 100 <= value <= 599,
    "cairn.request_id": lambda value: isinstance(value, str) and bool(_ID.fullmatch(value)),
    "cairn.database": _is_word_of(lambda: settings.DATABASES),
    "cairn.statement": _is_word_of(lambda: PreparedStatement.known),
    "cairn.sqlstate": lambda value: (
        isinstance(value, str) and bool(re.fullmatch("[0-9A-Z]{5}", value))
    ),
}
RESOURCE = {"service.name": "cairn", "service.version": settings.VERSION}


class AllowListExporter(SpanExporter):
    """Passes on spans that were made again of what `ALLOWED` names: no events (they hold what an
    exception says), no links, no words of a status, no other attribute of span or process."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them. A collector that is away is one line in the log, and one when it is back."""
        made = [allowed(one) for one in spans if one.name in (REQUEST, STATEMENT)]
        result = self._exporter.export(made) if made else SpanExportResult.SUCCESS
        if (fails := result is not SpanExportResult.SUCCESS) != self._fails:
            self._fails = fails
            if fails:
                log.warning("traces_not_sent")
            else:
                log.warning("traces_sent_again")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def allowed(span: ReadableSpan) -> ReadableSpan:
    """The span, made again of what may leave."""
    given = span.attributes or {}
    kept = {
        name: given[name] for name, fits in ALLOWED.items() if name in given and fits(given[name])
    }
    code = span.status.status_code
    return ReadableSpan(
        name=span.name,
        context=_bare(span.context),
        parent=_bare(span.parent),
        resource=Resource(RESOURCE),
        attributes=kept,
        kind=span.kind,
        status=Status(code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _bare(context: SpanContext | None) -> SpanContext | None:
    """Its two random numbers, without the text that others may have put into it."""
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, False, context.trace_flags)


@lru_cache(maxsize=1)
def provider(collector: str) -> TracerProvider:
    """What makes spans, and sends them to this address in a thread of its own."""
    found = TracerProvider(resource=Resource(RESOURCE))
    sends = OTLPSpanExporter(endpoint=collector, timeout=SEND_S)
    found.add_span_processor(
        BatchSpanProcessor(AllowListExporter(sends), max_queue_size=MOST_WAITING)
    )
    return found


class TraceMiddleware:
    """Around everything: a span a request, and one below it for each statement."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._tracer = provider(settings.TRACES).get_tracer("cairn")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = self._tracer.start_as_current_span(
            REQUEST,
            context=Context(),  # no trace of a caller's is continued
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        )
        with begun as span, ExitStack() as stack:
            for connection in connections.all():
                stack.enter_context(connection.execute_wrapper(self._statement))
            response = self.get_response(request)
            match = request.resolver_match
            span.set_attributes(
                {
                    "http.request.method": request.method if request.method in METHODS else "other",
                    "http.route": match.route if match else "none",
                    "http.response.status_code": response.status_code,
                    "cairn.request_id": response.get("X-Request-Id", ""),
                }
            )
            if response.status_code >= 500:
                span.set_status(StatusCode.ERROR)
        return response

    def _statement(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        begun = self._tracer.start_as_current_span(
            STATEMENT,
            kind=SpanKind.CLIENT,
            record_exception=False,
            set_status_on_exception=False,
        )
        with begun as span:
            span.set_attribute("cairn.database", context["connection"].alias)
            if isinstance(sql, str) and (found := _PREPARED.search(sql)):
                span.set_attribute("cairn.statement", found[1])
            try:
                return execute(sql, params, many, context)
            except Exception as error:
                span.set_status(StatusCode.ERROR)
                if code := failures.sqlstate(error):
                    span.set_attribute("cairn.sqlstate", code)
                raise
