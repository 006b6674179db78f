"""Whether this process can serve truthfully, and what around it is in trouble.

`failed`: this process cannot answer as it should; another one may. `degraded`: it can, but what
runs elsewhere (the background work, the seals, the mail) is in trouble, or something of its own
that no other process does better. A load balancer that took servers out for that would take the
last one out as well.

Anyone may ask, so an answer is kept for some seconds, and one thread at a time finds a new one.
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import structlog
from django.db import close_old_connections

from permissions.errors import NotRecovered
from permissions.health import checks, failures
from permissions.health.heartbeats import heartbeats, job_healths
from permissions.recovery import timeline
from referrals import worker
from referrals.operation import deliveries

log = structlog.get_logger()

OK, DEGRADED, FAILED, UNKNOWN = "ok", "degraded", "failed", "unknown"
AGAIN_S = 2.0  # until what failed is checked again
HANGS_S = 5.0  # a check that takes longer does not end: each statement ends after two seconds


class Trouble(Exception):
    """What a check found, where nothing was raised."""


class Check(NamedTuple):
    """One thing that is checked. `keep_s`: for how many seconds a good result counts; `needs`: the
    check without which this one cannot be made; `vital`: whether this process fails with it."""

    name: str
    run: Callable[[], None]
    keep_s: float
    needs: str | None = "database"
    vital: bool = True


class Readiness(NamedTuple):
    """`status` of the whole, and of each check by its name, in the order of CHECKS."""

    status: str
    checks: dict[str, str]


def _stands() -> None:
    """The database is where it was last known to be true, and no older copy of itself."""
    timeline.require("default")
    if timeline.read("default").is_older_copy:
        raise NotRecovered


def _seals() -> None:
    if not checks.figures().seals_well:
        raise Trouble


def _journal() -> None:
    """Both: the least versions, in the key folder, and the closings, outside the database."""
    checks.journal_takes_lines()
    with checks.time_limited():
        if checks.journal_lag_s() > checks.JOURNAL_LATE_S:
            raise Trouble


def _clock() -> None:
    if not checks.figures().clock_well:
        raise Trouble


def _worker() -> None:
    found = job_healths([job.name for job in worker.JOBS], heartbeats())
    if any(one.state != "ok" for one in found):
        raise Trouble


def _messages() -> None:
    if deliveries.stuck_kinds(deliveries.queues()):
        raise Trouble


def _webhooks() -> None:
    if deliveries.webhooks().stuck:
        raise Trouble


def _limited(run: Callable[[], None]) -> Callable[[], None]:
    def within() -> None:
        with checks.time_limited():
            run()

    return within


CHECKS = (
    Check("database", checks.answers, 2, needs=None),
    Check("timeline", _limited(_stands), 2),
    Check("write", checks.writes, 5, needs="timeline"),
    Check("schema", checks.schema_fits, 10),  # the comparison takes the database 60 ms
    Check("keys", checks.keys_open, 5, needs=None),
    Check(
        "log", checks.log_takes_entries, 60, needs="write"
    ),  # an entry that fails ends this at once
    Check("journal", _journal, 5, "timeline", vital=False),
    Check("seals", _limited(_seals), 10, "timeline", vital=False),
    Check("worker", _limited(_worker), 10, "timeline", vital=False),
    Check("messages", _limited(_messages), 10, "timeline", vital=False),
    Check("webhooks", _limited(_webhooks), 10, "timeline", vital=False),
    Check("clock", _limited(_clock), 10, "timeline", vital=False),
)
WORD_OF_TROUBLE = {True: FAILED, False: DEGRADED}


class _Known(NamedTuple):
    state: str
    until: float  # time.monotonic(): for how long it counts


class _Running(NamedTuple):
    check: Check
    since: float  # time.monotonic()


_known: dict[str, _Known] = {}  # replaced as a whole
_running: _Running | None = None
_finding = threading.Lock()


def readiness() -> Readiness:
    """What is known, checked again where that is too old. Raises nothing: what cannot be checked
    has failed. While another thread checks, what was known last is the answer; a check that does
    not end has failed as well."""
    global _known, _running
    if _finding.acquire(timeout=0 if _known else HANGS_S):
        found = dict(_known)
        try:
            for check in CHECKS:
                _running = _Running(check, time.monotonic())
                _check(check, found)
        finally:
            _known, _running = found, None
            _finding.release()
    states = {name: known.state for name, known in _known.items()}
    running = _running
    if running is not None and time.monotonic() - running.since > HANGS_S:
        states[running.check.name] = WORD_OF_TROUBLE[running.check.vital]
    status = next((one for one in (FAILED, DEGRADED) if one in states.values()), OK)
    return Readiness(status if states else FAILED, states)


def forget() -> None:
    """Check everything again at the next question."""
    global _known
    with _finding:
        _known = {}


def _check(check: Check, found: dict[str, _Known]) -> None:
    before = found.get(check.name)
    suspect = check.name == "log" and checks.log_is_suspect()
    if before and time.monotonic() < before.until and not (suspect and before.state == OK):
        return
    if check.needs and found[check.needs].state != OK:
        if before is None or before.state == OK:  # else what failed before still counts
            found[check.name] = _Known(UNKNOWN, 0.0)
        return
    try:
        check.run()
    except Exception as error:  # whatever it is: a health check that cannot be made has failed
        state = WORD_OF_TROUBLE[check.vital]
        if before is None or before.state != state:
            named = {} if isinstance(error, Trouble) else failures.named(error)
            log.error("check_failed", check=check.name, **named)
        found[check.name] = _Known(state, time.monotonic() + AGAIN_S)
        close_old_connections()  # one that broke
    else:
        if before is not None and before.state in WORD_OF_TROUBLE.values():
            log.warning("check_recovered", check=check.name)
        found[check.name] = _Known(OK, time.monotonic() + check.keep_s)
