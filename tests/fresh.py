"""Whether all that is read of the directory is what its rows say."""

from django.db import connections, transaction

from directory import models as m
from directory.rendering import JOBS, render

SHOWN = {  # without what tells when a row was rendered
    "directory_listing": "",
    "directory_network_listing": "",
    "directory_place": "hours_until",
    "directory_network_place": "hours_until",
    "directory_organization_listing": "last_modified",
    "directory_network_organization": "last_modified",
}


def shown() -> dict[str, set[str]]:
    """All that is read of the directory, as text, a row each."""
    found = {}
    with connections[JOBS].cursor() as cursor:
        for table, besides in SHOWN.items():
            cursor.execute(f"SELECT (to_jsonb(t) - %s)::text FROM {table} t", [besides])
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
    before = shown()
    with transaction.atomic(using=JOBS):
        render(services, organizations)
        after = shown()
        transaction.set_rollback(True, using=JOBS)
    return {table: before[table] ^ after[table] for table in SHOWN if before[table] != after[table]}
