"""Whether all that is read of the directory is what its rows say."""

from datetime import UTC, datetime, timedelta

from django.db import connections, transaction

from directory import models as m
from directory.projection.render import render
from permissions.database.aliases import JOBS

# Without what tells when a row was rendered. Hours look ahead from the day on which they are: some
# days are compared that both know, of rows rendered before midnight and after it.
_PLACE = """
    to_jsonb(t) - 'hours_until'
    || jsonb_build_object('open_hours', open_hours * tstzmultirange(tstzrange(%(from)s, %(to)s)))
"""
_ORGANIZATION = "to_jsonb(t) - 'last_modified'"
SHOWN = {
    "directory_listing": "to_jsonb(t)",
    "directory_network_listing": "to_jsonb(t)",
    "directory_place": _PLACE,
    "directory_network_place": _PLACE,
    "directory_organization_listing": _ORGANIZATION,
    "directory_network_organization": _ORGANIZATION,
}


def shown(now: datetime) -> dict[str, set[str]]:
    """All that is read of the directory, as text, a row each."""
    found = {}
    days = {"from": now + timedelta(2), "to": now + timedelta(20)}
    with connections[JOBS].cursor() as cursor:
        for table, what in SHOWN.items():
            cursor.execute(f"SELECT ({what})::text FROM {table} t", days)
            found[table] = {row for (row,) in cursor.fetchall()}
    return found


def stale(source: str | None = None) -> dict[str, set[str]]:
    """What is shown otherwise than it would be if all, or all of one source, were rendered now."""
    services, organizations = (
        [
            one.id
            for one in model._default_manager.using(JOBS).only("id", "source")
            if source in (None, one.source)
        ]
        for model in (m.Service, m.Organization)
    )
    now = datetime.now(UTC)
    before = shown(now)
    with transaction.atomic(using=JOBS):
        render(services, organizations)
        after = shown(now)
        transaction.set_rollback(True, using=JOBS)
    return {table: before[table] ^ after[table] for table in SHOWN if before[table] != after[table]}
