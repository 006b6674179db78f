"""The counters' background work: refusals that were counted enter the log, counts whose period is
over are deleted, and a role of the database that changed its own settings is reported."""

import structlog
from django.db import connections

from permissions.database import role_settings
from permissions.database.aliases import JOBS

log = structlog.get_logger()


def step() -> bool:
    """Do all of it. It is safe to kill at any point, and to run at the same time elsewhere."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.enter_counted_refusals()")
        cursor.execute("SELECT sec.end_recent_counts()")
        if changed := role_settings.changed(cursor):
            log.error("role_settings_changed", error=" ".join(changed))
    return False
