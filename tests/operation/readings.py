"""What the operator reads: /health/ready, /metrics, log lines. And heartbeats of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from api.health import readiness
from permissions.health import heartbeats
from referrals import worker


def ready(anew: bool = True) -> tuple[int, str, dict[str, str]]:
    """The status of /health/ready, its word, and its checks; `anew`: nothing that is known."""
    if anew:
        for name, known in list(readiness._known.items()):
            readiness._known[name] = known._replace(until=0.0)
    answer = Client().get("/health/ready")
    body = answer.json()
    return answer.status_code, body["status"], body["checks"]


def seen(check: str) -> tuple[int, str, dict[str, str]]:
    """The same, where this check is not well; and the figure says so."""
    found = ready()
    assert found[2][check] in (readiness.FAILED, readiness.DEGRADED)
    assert figure("cairn_check_ok", check=check) == 0
    return found


def figure(name: str, **labels: str) -> float | None:
    """One figure of /metrics; None: there is none."""
    return value_in(Client().get("/metrics").content.decode(), name, **labels)


def value_in(text: str, name: str, **labels: str) -> float | None:
    """The sum of the samples of this name that have these labels."""
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else None


def all_jobs_beat() -> None:
    """As after a step of each job that went well."""
    for job in worker.JOBS:
        heartbeats.beat(job.name, job.pace_s)


@contextmanager
def said_by_checks() -> Iterator[list[dict[str, Any]]]:
    """The lines about checks and jobs that are logged within."""
    with capture_logs() as logs:
        yield logs


def lines(logs: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [one for one in logs if one["event"] == event]
