"""What has to be made anew because time has passed: opening hours look ahead only so far.

Runs as `jobs`; once a day is enough (manage.py refresh_directory), and twice is safe.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from django.db import connections, transaction

from directory.hours import AHEAD_DAYS
from directory.postcodes import derive
from directory.rendering import JOBS, moment, render

KEEP_DAYS = 21  # hours are made anew as soon as they look ahead less than this
BATCH = 200

_DUE = """
    SELECT DISTINCT service_id FROM directory_place
     WHERE hours_until < %(before)s AND open_hours IS NOT NULL
    UNION
    SELECT DISTINCT service_id FROM directory_network_place
     WHERE hours_until < %(before)s AND open_hours IS NOT NULL
"""
_WORDS = """
    DELETE FROM directory_word w
     WHERE NOT EXISTS (SELECT FROM directory_place p
                        WHERE p.first AND p.open AND p.search @@ directory_asked(w.word))
"""

Progress = Callable[[str, int, int], None]


def refresh(progress: Progress, keep_days: int = KEEP_DAYS) -> int:
    """Look ahead again wherever it is due; forget words that nobody uses any longer; make the
    middles of postcodes anew. Returns how many services were rendered."""
    assert 0 < keep_days <= AHEAD_DAYS + 1
    due = list(_due(keep_days))
    for start in range(0, len(due), BATCH):
        with transaction.atomic(using=JOBS):
            render(due[start : start + BATCH])
        progress("services", min(start + BATCH, len(due)), len(due))
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_WORDS)
    derive()
    return len(due)


def _due(keep_days: int) -> Iterator[UUID]:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_DUE, {"before": moment() + timedelta(keep_days)})
        for (service_id,) in cursor.fetchall():
            yield service_id
