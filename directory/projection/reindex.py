"""Refreshes what time makes stale, such as opening hours, which are computed only some weeks ahead,
and what another table of postcodes moves.

Runs as `jobs`; once a day is enough (manage.py directory refresh), and twice is safe.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections, transaction

from directory import models as m
from directory.postcodes import derive
from directory.projection.points import misplaced_services
from directory.projection.render import entries_showing_hidden, render
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now

KEEP_DAYS = 21  # hours that reach less far ahead are computed again
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
                        WHERE p.first AND p.open AND p.search @@ directory_query(w.word))
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
# Services and organizations whose projections still show a hidden place, even if it has moved.
_STALE = """
    SELECT p.service_id, NULL::uuid FROM directory_place p
      JOIN directory_location l ON l.id = p.location_id AND l.confidential
    UNION
    SELECT NULL, d.id FROM directory_organization_listing d
      CROSS JOIN jsonb_path_query(d.full_document::jsonb, '$.locations[*].id') shown
      JOIN directory_location l ON l.id = (shown #>> '{}')::uuid AND l.confidential
"""

Progress = Callable[[str, int, int], None]


def refresh(progress: Progress, *, everything: bool = False) -> int:
    """Do the nightly work: compute hours ahead, withhold what is hidden, forget unused words,
    derive the midpoints of postcodes, and finish what a stopped `place_again` left. With
    `everything`, render all services and organizations. Returns the number of services rendered for
    their hours, or of all services."""
    due = render_everything(progress) if everything else look_ahead(progress)
    hide_leftovers()
    forget_words()
    derive()
    place_again(progress)
    return due


def forget_words() -> None:
    """Forget the words that no public entry has any longer: a misspelled word is not matched to
    them."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_WORDS)


def look_ahead(progress: Progress) -> int:
    """Compute opening hours again where they are due. Returns the number of services."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(_DUE, {"before": database_now(JOBS) + timedelta(KEEP_DAYS)})
        due = [service_id for (service_id,) in cursor.fetchall()]
    return _render_in_parts(due, progress)


def place_again(progress: Progress) -> int:
    """Render the services whose places stand elsewhere since the operator loaded another table of
    postcodes. Returns their number. Stopped half-way, it goes on from there; twice changes
    nothing."""
    return _render_in_parts(misplaced_services(JOBS), progress)


def _render_in_parts(services: list[UUID], progress: Progress) -> int:
    for start in range(0, len(services), BATCH):
        with transaction.atomic(using=JOBS):
            render(services[start : start + BATCH])
        progress("services", min(start + BATCH, len(services)), len(services))
    return len(services)


def render_everything(progress: Progress) -> int:
    """Render everything, after an update that changed how, in parts of one transaction each.
    Returns the number of services."""
    organizations, services = (
        list(model._default_manager.using(JOBS).order_by("id").values_list("id", flat=True))
        for model in (m.Organization, m.Service)
    )
    for what, ids in (("organizations", organizations), ("services", services)):
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            with transaction.atomic(using=JOBS):
                render(part) if ids is services else render([], part)
            progress(what, start + len(part), len(ids))
    return len(services)


def hide_leftovers() -> None:
    """Render entries that still show something hidden, where the member who hid it may not change
    the entry."""
    with transaction.atomic(using=JOBS):
        with connections[JOBS].cursor() as cursor:
            hidden, stale = _found(cursor, _HIDDEN), _found(cursor, _STALE)
        more = entries_showing_hidden(*hidden)
        services, organizations = stale[0] | more[0], stale[1] | more[1]
        if services or organizations:
            render(services, organizations)


def _found(cursor: Any, statement: str) -> tuple[set[UUID], set[UUID]]:
    """The services and the organizations that `statement` finds."""
    cursor.execute(statement)
    rows = cursor.fetchall()
    return {row[0] for row in rows if row[0]}, {row[1] for row in rows if row[1]}
