"""Counts of requests and refusals, for the operator (/metrics; ADR 0095).

Labels are words of the code: a route's pattern, a method, a status, a refusal's code. No id, no
agency, no address and nothing that a caller wrote becomes a label.

Behind gunicorn all processes of a server add up in files of one folder (deploy/gunicorn.conf.py):
CAIRN_METRICS_SLOT numbers the process, and the one that takes its place goes on with its files.
"""

import os

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    multiprocess,
    values,
)

from permissions.health import log_lines

_SHARED = bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
# The library's own choice is the process id, which leaves files behind each time a process is
# replaced. It has to be made before the first metric.
if _SHARED and (_slot := os.environ.get("CAIRN_METRICS_SLOT")):
    values.ValueClass = values.MultiProcessValue(lambda: int(_slot))

disable_created_metrics()  # when each was first counted: a series more for each

_OWN = CollectorRegistry(auto_describe=True)

REQUESTS = Counter(
    "cairn_requests",
    "Requests that were answered, by the route's pattern, method and status.",
    ["route", "method", "status"],
    registry=_OWN,
)
SECONDS = Histogram(
    "cairn_request_seconds",
    "Seconds from a request's arrival to its answer, by the route's pattern.",
    ["route"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    registry=_OWN,
)
REFUSALS = Counter(
    "cairn_refusals",
    "Requests that were refused, by the refusal's code and status.",
    ["code", "status"],
    registry=_OWN,
)

DROPPED = Counter(
    "cairn_log_lines_dropped",
    "Lines of the log that could not be written: a full disk, or a reader that hangs.",
    registry=_OWN,
)

DIRECTORY_READS = Counter(
    "cairn_directory_reads",
    "Reads of the directory, by the database that answered: standby; primary; primary_behind and"
    " primary_away, in the place of a standby that lags or does not answer.",
    ["source"],
    registry=_OWN,
)

# Known from the start, at 0: Prometheus sees no increase in a series that begins with its first.
for _code in ("log", "key_store", "binding", "unsealing_failed", "key_gone", "unavailable"):
    REFUSALS.labels(_code, "503")
REFUSALS.labels("too_many_requests", "429")
for _source in ("standby", "primary", "primary_behind", "primary_away"):
    DIRECTORY_READS.labels(_source)


def count_request(route: str, method: str, status: int, took_s: float) -> None:
    """Count one answer. `route`: its pattern, `none` where no route matched."""
    _count_dropped()
    REQUESTS.labels(route, method, str(status)).inc()
    SECONDS.labels(route).observe(took_s)


def count_refusal(code: str, status: int) -> None:
    """Count one refusal by its code."""
    REFUSALS.labels(code, str(status)).inc()


_dropped = 0  # of this process, as it was counted last


def _count_dropped() -> None:
    global _dropped
    now = log_lines.of_process().dropped
    DROPPED.inc(now - _dropped)
    _dropped = now


def count_directory_read(source: str) -> None:
    """Count one read by the database that answered it (directory/search/standby.py)."""
    DIRECTORY_READS.labels(source).inc()


def registry() -> CollectorRegistry:
    """A registry with the counts of all processes of this server, to which more may be added."""
    found = CollectorRegistry()
    if _SHARED:
        multiprocess.MultiProcessCollector(found)
    else:
        found.register(_OWN)
    return found
