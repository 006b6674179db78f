"""What has to be made anew because time has passed: opening hours look ahead only so far.

Runs as `jobs`; once a day is enough (manage.py refresh_directory), and twice is safe.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from django.db import connections, transaction

from directory.finding.postcodes import derive
from directory.rendering import JOBS, beside, moment, render
from directory.rendering.hours import AHEAD_DAYS

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

_HIDDEN = """
    SELECT s.id, NULL::uuid FROM directory_service s
      JOIN directory_organization o ON o.id = s.organization_id
     WHERE s.confidential OR o.confidential
        OR EXISTS (SELECT FROM directory_serviceatlocation x
                     JOIN directory_location l ON l.id = x.location_id AND l.confidential
                    WHERE x.service_id = s.id)
    UNION ALL
    SELECT NULL, id FROM directory_organization WHERE confidential
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
    withhold()
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_WORDS)
    derive()
    return len(due)


def withhold() -> None:
    """Render what still tells of something hidden because whoever hid it may not change it."""
    with transaction.atomic(using=JOBS):
        with connections[JOBS].cursor() as cursor:
            cursor.execute(_HIDDEN)
            hidden = cursor.fetchall()
        services, organizations = beside(
            [row[0] for row in hidden if row[0]], [row[1] for row in hidden if row[1]]
        )
        if services or organizations:
            render(services, organizations)


def _due(keep_days: int) -> Iterator[UUID]:
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_DUE, {"before": moment() + timedelta(keep_days)})
        for (service_id,) in cursor.fetchall():
            yield service_id
