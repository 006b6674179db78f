"""The demo's clock, which moves forward only. The reset alone sets it back: whatever it left would
be in the future of every rule (ADR 0114)."""

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connections

from permissions.database.aliases import JOBS
from permissions.errors import BadRequest
from referrals import worker
from referrals.job_wakeup import wake_job
from referrals.notifications import escalation

OWNER = "owner"  # no server has this role's password
LONGEST, MOST = timedelta(days=31), timedelta(days=366)  # at once, and in all
_DURATION = re.compile(
    r"P(?:([0-9]{1,3})D)?(?:T(?=[0-9])(?:([0-9]{1,4})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,7})S)?)?"
)


class Clock(NamedTuple):
    """The time of every rule, and how far it is ahead of the real time."""

    now: datetime
    ahead: timedelta


def read() -> Clock:
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.clock(), sec.shift()")
        ((now, ahead),) = cursor.fetchall()
    return Clock(now, ahead)


def duration(text: object) -> timedelta:
    """Read days, hours, minutes and seconds as ISO 8601 writes them. Raises BadRequest."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found:
        days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if timedelta() < length <= LONGEST:
            return length
    raise BadRequest(
        "invalid", "State a duration such as PT15M or P1D: one second to 31 days.", "/forward"
    )


def forward(length: timedelta) -> Clock:
    """Move the clock, and do what is then due: each deadline is marked when this returns, and every
    job of the background work looks at once. Two at a time add up. Raises BadRequest."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "UPDATE clock_offset SET shift = shift + %s WHERE shift + %s <= %s",
            [length, length, MOST],  # type: ignore[list-item]  # psycopg2 takes them
        )
        moved = cursor.rowcount
    connections[OWNER].close()
    if not moved:
        raise BadRequest(
            "invalid", "The clock is a year ahead at most. A reset sets it back.", "/forward"
        )
    while escalation.step():
        pass
    for job in worker.JOBS:
        wake_job(job.name, using=JOBS)
    return read()


def to_real_time() -> None:
    """Put the clock back. Only the reset may: after it, nothing is left of later than now."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute("UPDATE clock_offset SET shift = '0' WHERE shift <> '0'")
    connections[OWNER].close()
