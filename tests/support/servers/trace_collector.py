"""A stand-in for a collector of traces on loopback (OTLP by http): it keeps what arrives, and can
be slow or refuse."""

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.ground import http_client

TRACE = "api.http.traces.TraceMiddleware"


class Collector:
    """`words`: each text that arrived, headers included. `spans`: the last ones, parsed."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.spans: deque[Any] = deque(maxlen=5000)
        self.counts: Counter[str] = Counter()  # spans by name
        self.status = 200
        self.goes_on = threading.Event()  # cleared: each question hangs until it is set
        self.goes_on.set()
        self.arrived = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.goes_on.wait(60)
                if collector.status == 200:
                    collector._take({self.path, str(dict(self.headers))}, body)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, head: set[str], body: bytes) -> None:
        said = ExportTraceServiceRequest.FromString(body)
        with self.arrived:
            self.words |= {*head, *texts(said)}
            for resource in said.resource_spans:
                for scope in resource.scope_spans:
                    self.spans += scope.spans
                    self.counts.update(one.name for one in scope.spans)
            self.arrived.notify_all()

    def text(self) -> str:
        return "\n".join(self.words)

    def close(self) -> None:
        """Stop listening: the next question is refused."""
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()


def texts(message: Any) -> Iterator[str]:
    """Every text in a message, however deep, known to us or not. Ids of spans are random bytes."""
    for field, value in message.ListFields():
        for one in value if field.is_repeated else [value]:
            if field.message_type:
                yield from texts(one)
            elif isinstance(one, bytes):
                yield one.hex()
                yield one.decode("latin-1")
            else:
                yield str(one)


def said(span: Any) -> dict[str, Any]:
    """A span's attributes."""
    kinds = ("string_value", "int_value", "bool_value", "double_value")
    found = {}
    for one in span.attributes:
        kind = one.value.WhichOneof("value")
        found[one.key] = getattr(one.value, kind) if kind in kinds else str(one.value)
    return found


@contextmanager
def traced(settings: Any) -> Iterator[Collector]:
    """This process sends its traces to a collector; at the end all have arrived."""
    from api.http import traces  # only where traces are wanted

    collector = Collector()
    settings.TRACES = collector.url
    settings.MIDDLEWARE = [TRACE, *settings.MIDDLEWARE]
    http_client.load_again()
    try:
        yield collector
    finally:
        http_client.load_again()
        traces.provider(collector.url).shutdown()
        traces.provider.cache_clear()
        collector.close()


@pytest.fixture
def collector(settings: Any) -> Iterator[Collector]:
    with traced(settings) as found:
        yield found


def flush(collector: Collector) -> None:
    """Have this process send what it has."""
    from api.http import traces

    traces.provider(collector.url).force_flush()
