"""Traces of requests for a collector (CAIRN_TRACES): off unless asked for; nothing leaves but what
is on the list; a collector that is away, refuses or hangs stops nothing.

500 marked words through every route and every fault: tests/policy/test_markers.py and
test_markers_in_faults.py search what a collector received, too.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState
from structlog.testing import capture_logs

from api.dev import processes
from api.http import traces
from tests.support.ground.cluster import HOME
from tests.support.ground.http_client import HttpClient
from tests.support.ground.ports import free_port
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import until
from tests.support.people.access_log import the_log_is_full
from tests.support.people.stories import Story
from tests.support.servers.trace_collector import Collector, flush, said, texts
from tests.support.servers.trace_collector import collector as collector  # a fixture

WORD = "zqinventedmarker"


class Kept(SpanExporter):
    """Keeps what it is given, and answers with `result`."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS

    def export(self, spans: Any) -> SpanExportResult:
        self.spans += spans
        return self.result

    def shutdown(self) -> None: ...


def span(name: str = traces.REQUEST, **attributes: Any) -> ReadableSpan:
    """With a marked word in every place that a span has for one."""
    context = SpanContext(7, 8, False, TraceFlags(1), TraceState([("vendor", WORD)]))
    return ReadableSpan(
        name=name,
        context=context,
        parent=context,
        resource=Resource({"service.name": WORD, "host.name": WORD, "process.command": WORD}),
        attributes=attributes,
        events=[Event("exception", {"exception.message": WORD})],
        links=[Link(context, {"of": WORD})],
        kind=SpanKind.SERVER,
        status=Status(StatusCode.ERROR, WORD),
        start_time=1,
        end_time=2,
    )


def passed(*spans: ReadableSpan) -> list[ReadableSpan]:
    kept = Kept()
    traces.AllowListExporter(kept).export(spans)
    return kept.spans


@pytest.mark.no_database
def test_what_is_not_on_the_list_does_not_leave() -> None:
    right = {
        "http.request.method": "POST",
        "http.route": "v1/referrals",
        "http.response.status_code": 503,
        "cairn.request_id": "0192f0c1-2b3c-7d4e-8f5a-6b7c8d9e0f1a",
        "cairn.database": "default",
        "cairn.sqlstate": "57014",
    }
    wrong = {
        "http.url": f"/v1/referrals?q={WORD}",
        "url.path": WORD,
        "db.statement": WORD,
        "http.request.header.x": WORD,
        "exception.message": WORD,
        WORD: WORD,
    }
    (one,) = passed(span(**right, **wrong))
    assert dict(one.attributes or {}) == right
    assert one.name == "request"
    assert one.events == ()
    assert one.links == ()
    assert one.status.status_code is StatusCode.ERROR
    assert one.status.description is None
    assert dict(one.resource.attributes) == traces.RESOURCE
    assert one.context is not None
    assert (one.context.trace_id, one.context.span_id) == (7, 8)
    assert WORD not in one.to_json() + str(one.context) + str(one.parent)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http.request.method", WORD),
        ("http.route", f"v1/referrals/{WORD}"),
        ("http.route", ["v1/referrals"]),
        ("http.response.status_code", WORD),
        ("http.response.status_code", 4065550100),
        ("cairn.request_id", WORD),
        ("cairn.database", WORD),
        ("cairn.statement", WORD),
        ("cairn.statement", "SELECT 1"),
        ("cairn.sqlstate", f"57014 {WORD}"),
    ],
)
def test_a_name_on_the_list_with_another_value_does_not_leave(name: str, value: Any) -> None:
    (one,) = passed(span(**{name: value}))
    assert dict(one.attributes or {}) == {}


@pytest.mark.no_database
def test_a_span_of_another_name_does_not_leave() -> None:
    assert passed(span(WORD), span(f"GET /v1/referrals/{WORD}")) == []


@pytest.mark.no_database
def test_a_collector_that_fails_is_one_line_and_one_when_it_is_back() -> None:
    kept = Kept()
    exporter = traces.AllowListExporter(kept)
    with capture_logs() as lines:
        exporter.export([span()])
        kept.result = SpanExportResult.FAILURE
        exporter.export([span()])
        exporter.export([span()])
        kept.result = SpanExportResult.SUCCESS
        exporter.export([span()])
    assert [one["event"] for one in lines] == ["traces_not_sent", "traces_sent_again"]


def test_a_request_is_a_span_and_each_statement_one_below_it(
    collector: Collector, story: Story, api: Callable[..., Any]
) -> None:
    story.send()
    caller = api("ywca.worker")
    flush(collector)
    collector.spans.clear()
    answer = caller.get(f"/v1/referrals/{story.id}", {"x": WORD})
    assert answer.status_code == 400
    answer = caller.get(f"/v1/referrals/{story.id}")
    assert answer.status_code == 200
    flush(collector)
    refused, shown = [one for one in collector.spans if one.name == "request"]
    assert said(refused)["http.response.status_code"] == 400
    assert said(shown) == {
        "http.request.method": "GET",
        "http.route": "v1/referrals/<uuid:referral_id>",
        "http.response.status_code": 200,
        "cairn.request_id": answer["X-Request-Id"],
    }
    assert shown.parent_span_id == b""
    below = [one for one in collector.spans if one.parent_span_id == shown.span_id]
    assert below
    assert {one.trace_id for one in below} == {shown.trace_id}
    assert {said(one)["cairn.database"] for one in below} == {"default"}
    assert all(said(one).keys() <= {"cairn.database", "cairn.statement"} for one in below)
    for one in below:
        assert shown.start_time_unix_nano <= one.start_time_unix_nano
        assert one.end_time_unix_nano <= shown.end_time_unix_nano
    assert str(story.id) not in collector.text()
    assert WORD not in collector.text()


def test_a_callers_trace_is_not_continued(collector: Collector) -> None:
    """Its ids and its baggage are words of the caller's."""
    trace = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    headers = {"traceparent": trace, "tracestate": f"x={WORD}", "baggage": f"name={WORD}"}
    answer = HttpClient().get("/safety", headers=headers)
    assert answer.status_code == 200
    flush(collector)
    (one,) = [one for one in collector.spans if one.name == "request"]
    assert one.trace_id != bytes.fromhex("ab" * 16)
    assert one.parent_span_id == b""
    assert WORD not in collector.text()


def test_a_statement_that_fails_has_its_sqlstate_and_no_text(
    collector: Collector, api: Callable[..., Any]
) -> None:
    caller = api("ywca.worker")
    with the_log_is_full():
        assert caller.get("/v1/referrals").status_code == 503
    flush(collector)
    failed = [one for one in collector.spans if "cairn.sqlstate" in said(one)]
    assert {said(one)["cairn.sqlstate"] for one in failed} == {"P0001"}
    assert not any(one.events or one.status.message for one in collector.spans)
    assert "no room" not in collector.text()


# -- A server of its own ---------------------------------------------------------------------------


@pytest.fixture
def serve(django_db_setup: str, network: Any) -> Iterator[Callable[[str], Any]]:
    """`serve(url)`: a gunicorn that sends its traces there; its address and process."""
    running = []

    def start(url: str) -> tuple[str, subprocess.Popen[bytes]]:
        base_url = f"http://127.0.0.1:{free_port()}"
        env = os.environ | {
            "CAIRN_HOME": str(HOME),
            "CAIRN_DATABASE": django_db_setup,
            "CAIRN_BASE_URL": base_url,
            "CAIRN_LOG_LEVEL": "WARNING",
            "CAIRN_TRACES": url,
            "WEB_CONCURRENCY": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_RESOURCE_ATTRIBUTES": f"host.name={WORD}",
        }
        process = subprocess.Popen(processes.gunicorn(base_url), env=env)
        running.append(process)
        processes.wait_until_ready(base_url, process)
        return base_url, process

    yield start
    for one in running:
        one.kill()
        one.wait()


def test_a_collector_that_is_away_refuses_or_hangs_stops_nothing(
    serve: Callable[[str], Any],
) -> None:
    there = Collector()
    base_url, process = serve(there.url)

    def answers(times: int) -> None:
        for _ in range(times):
            assert requests.get(f"{base_url}/v1/codes", timeout=10).status_code == 200

    answers(1)
    until(lambda: there.counts["request"] >= 1)
    assert WORD not in there.text()
    there.status = 503
    answers(20)
    there.status = 200
    there.goes_on.clear()  # it takes the question and says nothing
    answers(100)
    there.goes_on.set()
    before = there.counts["request"]

    def arrives_again() -> bool:
        answers(1)
        return there.counts["request"] > before

    until(arrives_again)
    there.goes_on.clear()
    answers(10)
    process.terminate()
    assert process.wait(40) == 0, "nor does it keep a server from its end"
    there.close()


@pytest.mark.no_database
def test_without_the_setting_nothing_of_it_is_loaded(tmp_path: Any) -> None:
    ours = ("CAIRN_", "DATABASE_URL", "PORT", "OTEL_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    code = "import sys, api.wsgi; sys.exit(any(m.startswith('opentelemetry') for m in sys.modules))"
    command = [sys.executable, "-c", code]
    env |= {"CAIRN_HOME": str(tmp_path), "DATABASE_URL": "postgresql://app@127.0.0.1:1/none"}
    assert subprocess.run(command, env=env, cwd=REPOSITORY, check=False).returncode == 0


@pytest.mark.no_database
def test_every_text_of_a_message_is_found() -> None:
    """Or the search for marked words would look past it."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    found = " ".join(texts(encode_spans([span(a=WORD, b=[WORD + "2"])])))
    for place in (WORD, f"{WORD}2", f"vendor={WORD}", "exception.message", "process.command"):
        assert place in found
