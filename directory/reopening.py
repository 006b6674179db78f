"""Ends the pauses of services whose end has come. The background work does it, so that search,
counts, documents and the change feed all say the same (`manage.py worker run`, job `reopen`)."""

from django.db import transaction

from directory import models as m
from directory.projection.render import lock_entries, render
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now

AT_ONCE = 100  # services in one transaction


def step() -> bool:
    """Reopen the services whose pause has ended. Returns whether there may be more. Safe to kill at
    any point and to run twice at once: a pause that an editor has just changed stays."""
    with transaction.atomic(using=JOBS):
        now = database_now(JOBS)
        paused = m.Service.objects.using(JOBS).filter(intake_paused=True)
        over = paused.filter(intake_paused_until__lte=now)
        found = list(over.order_by("id").values_list("id", flat=True)[:AT_ONCE])
        if not found:
            return False
        lock_entries(found, [])
        still = list(over.filter(id__in=found).values_list("id", flat=True))
        m.Service.objects.using(JOBS).filter(id__in=still).update(
            intake_paused=False, intake_paused_until=None, last_modified=now
        )
        render(still)
    return len(found) == AT_ONCE
