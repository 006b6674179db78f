"""What is read when Prometheus asks: the checks, the heartbeats, the seals, the queues, the disks.

Each part is read under a limit of its own: one that does not answer is left out, and
`cairn_figures_missing` says how many are. A label is a word of the code, never an id, an agency, an
address or anything of a referral.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import Error
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.health.readiness import FAILED, OK, readiness
from permissions.health import backups, checks, own_address
from permissions.health.heartbeats import heartbeats, job_healths
from referrals import worker
from referrals.operation import deliveries

T = TypeVar("T")


class Gauges(Collector):
    """Read again at each question."""

    def collect(self) -> Iterator[Metric]:
        """All gauges. Raises nothing."""
        missing = 0
        for part in (
            _readiness,
            _jobs,
            _seals_and_clock,
            _journal,
            _messages,
            _webhooks,
            _backups,
            _disks,
            _certificate,
        ):
            try:
                yield from part()
            except (Error, OSError, own_address.NotOurs):
                missing += 1
        yield _one(
            "cairn_figures_missing", "Parts of these figures that could not be read.", missing
        )
        about = GaugeMetricFamily("cairn_build_info", "The release that runs.", labels=["version"])
        about.add_metric([settings.VERSION], 1)
        yield about


def _readiness() -> Iterable[Metric]:
    found = readiness()
    states = GaugeMetricFamily(
        "cairn_check_ok",
        "Whether a check of /health/ready is well: 1, else 0.",
        labels=["check"],
    )
    for name, state in found.checks.items():
        states.add_metric([name], state == OK)
    return [
        _one("cairn_ready", "Whether /health/ready is 200: 1, else 0.", found.status != FAILED),
        states,
    ]


def _jobs() -> Iterable[Metric]:
    found = _limited(heartbeats)
    well = GaugeMetricFamily(
        "cairn_job_ok",
        "Whether a job of the background work is done in time and does not fail: 1, else 0.",
        labels=["job"],
    )
    age = GaugeMetricFamily(
        "cairn_job_done_age_seconds",
        "Seconds since a job's last step that succeeded, as far as heartbeats say.",
        labels=["job"],
    )
    failing = GaugeMetricFamily(
        "cairn_job_failing_seconds",
        "Seconds for which a job has been failing; 0 if it does not.",
        labels=["job"],
    )
    for one in job_healths([job.name for job in worker.JOBS], found):
        well.add_metric([one.job], one.state == "ok")
        failing.add_metric([one.job], one.failing_s or 0)
        if one.done_s is not None:
            age.add_metric([one.job], one.done_s)
    return [well, age, failing]


def _seals_and_clock() -> Iterable[Metric]:
    found = _limited(checks.figures)
    return [
        _one(
            "cairn_seal_lag_seconds",
            "Seconds that the oldest entry of the access log has waited for its seal.",
            found.seal_lag_s or 0,
        ),
        _one(
            "cairn_seals_stopped",
            "1 after a restore, until `manage.py database recover` was run; else 0.",
            found.restored,
        ),
        _one(
            "cairn_log_faults",
            "Faults of the access log that the background work found.",
            found.faults,
        ),
        _one(
            "cairn_clock_apart_seconds",
            "How far the database's clock is ahead of this machine's.",
            found.clock_apart_s,
        ),
        _one(
            "cairn_clock_shifted",
            "Whether the clock of the rules was moved: 1, else 0.",
            found.clock_shifted,
        ),
    ]


def _journal() -> Iterable[Metric]:
    return [
        _one(
            "cairn_journal_lag_seconds",
            "Seconds that what was taken away has waited for the journal of closings.",
            _limited(checks.journal_lag_s),
        )
    ]


def _messages() -> Iterable[Metric]:
    found = _limited(deliveries.queues)
    number = GaugeMetricFamily(
        "cairn_messages",
        "Messages by kind, state and last outcome; of those that were sent, the last day's.",
        labels=["kind", "state", "outcome"],
    )
    for one in found:
        number.add_metric([one.kind, one.state, one.outcome], one.number)
    stuck = GaugeMetricFamily(
        "cairn_messages_stuck",
        "Whether messages of a kind do not get through: 1, else 0.",
        labels=["kind"],
    )
    oldest = GaugeMetricFamily(
        "cairn_message_oldest_waiting_seconds",
        "Seconds since the oldest message that waits was made; 0 if none waits.",
        labels=["kind"],
    )
    overdue = GaugeMetricFamily(
        "cairn_message_overdue_seconds",
        "For how long a message that waits could have been sent; 0 if none is due.",
        labels=["kind"],
    )
    kinds = deliveries.stuck_kinds(found)
    for kind in deliveries.KINDS:
        waiting = [one for one in found if one.kind == kind and one.state == "waiting"]
        stuck.add_metric([kind], kind in kinds)
        oldest.add_metric([kind], max((one.oldest_s for one in waiting), default=0))
        overdue.add_metric([kind], max((one.overdue_s for one in waiting), default=0))
    return [number, stuck, oldest, overdue]


def _webhooks() -> Iterable[Metric]:
    found = _limited(deliveries.webhooks)
    tries = GaugeMetricFamily(
        "cairn_webhook_tries",
        "Tries of the last five minutes to send to a webhook, by outcome.",
        labels=["outcome"],
    )
    for outcome, number in sorted(found.tries.items()):
        tries.add_metric([outcome], number)
    return [
        tries,
        _one("cairn_webhooks_failing", "Webhooks whose last try failed.", found.failing),
        _one("cairn_webhooks_stopped", "Webhooks that the sender gave up.", found.stopped),
        _one(
            "cairn_webhook_oldest_undelivered_seconds",
            "Seconds since the first try of what has waited longest for its receiver.",
            found.failing_s or 0,
        ),
    ]


def _backups() -> Iterable[Metric]:
    """An age that was never recorded has no sample: an alert asks for its absence."""
    found = _limited(backups.figures)
    ages = (
        ("cairn_backup_age_seconds", "Seconds since the newest backup ended.", found.backup_s),
        (
            "cairn_backup_wal_age_seconds",
            "Seconds since the newest WAL was archived.",
            found.wal_s,
        ),
        (
            "cairn_backup_oldest_age_seconds",
            "Seconds since the oldest backup that is kept ended.",
            found.oldest_s,
        ),
        (
            "cairn_backup_drill_age_seconds",
            "Seconds since a drill last restored a backup and found all well.",
            found.well_s,
        ),
    )
    for name, what, age in ages:
        metric = GaugeMetricFamily(name, what)
        if age is not None:
            metric.add_metric([], age)
        yield metric
    yield _one("cairn_backup_drill_faults", "Faults that the last drill found.", len(found.failed))
    yield _one(
        "cairn_backup_uncovered",
        "1 where a backup is older than CAIRN_BACKUP_DAYS, so that the journal of closings lacks"
        " what ended after it; else 0.",
        found.uncovered,
    )


def _disks() -> Iterable[Metric]:
    free = GaugeMetricFamily(
        "cairn_disk_free_bytes", "Free bytes where Cairn keeps files.", labels=["place"]
    )
    size = GaugeMetricFamily(
        "cairn_disk_size_bytes", "Bytes of the disk where Cairn keeps files.", labels=["place"]
    )
    for place, folder in (("home", settings.HOME), ("keys", Path(settings.BINDING_FOLDER))):
        if not folder.exists():
            continue
        usage = shutil.disk_usage(folder)
        free.add_metric([place], usage.free)
        size.add_metric([place], usage.total)
    return [free, size]


def _one(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=float(value))


def _limited(read: Callable[[], T]) -> T:
    with checks.time_limited():
        return read()


def _certificate() -> Iterable[Metric]:
    """Asked by the server's own name, at each question: a renewed one that nginx has not read yet
    is not shown to anyone. The demo has none."""
    days = GaugeMetricFamily(
        "cairn_certificate_days", "Days until the certificate ends that this server's name shows."
    )
    if not settings.LOOPBACK:
        days.add_metric([], own_address.days_of_certificate())
    return [days]


PARTS = (_readiness, _jobs, _seals_and_clock, _messages, _webhooks, _disks, _certificate)
