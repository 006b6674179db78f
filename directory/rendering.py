"""From source rows to what is read: projections, change feed, words and totals.

Runs in the transaction of the change, as `jobs` (imports) or `editor` (edits). One call a
transaction, as its last step: it ends with a lock that gives the change feed its order.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db import connections

from directory import models as m
from directory.publishing import Rendered, finish, store
from directory.rows import add_organization, add_service
from directory.shelf import Shelf

JOBS = "jobs"  # the database alias of the role that imports
BATCH = 500  # services


def render(
    service_ids: Collection[UUID],
    organization_ids: Collection[UUID] = (),
    *,
    using: str = JOBS,
) -> None:
    """Write what is read of these services and organizations anew; what is gone disappears.

    The services are locked first: of two changes at once the later renders what both have written.
    Twice is safe; what has not changed makes no line in the change feed.
    """
    ids = sorted(service_ids)
    lock(ids, sorted(organization_ids), using=using)
    rendered = Rendered()
    whole = sorted(organization_ids)
    now = moment(using)
    for start in range(0, max(len(ids), 1), BATCH):
        batch = ids[start : start + BATCH]
        shelf = Shelf(batch, whole if start == 0 else (), using)
        for service in shelf.rows("service"):
            add_service(shelf, service, now, rendered)
        if start == 0:
            for organization in shelf.rows("organization"):
                if organization["id"] in whole:
                    add_organization(shelf, organization, now, rendered)
        store(rendered, batch, whole if start == 0 else [], using)
    finish(rendered, using)


def render_taxonomies(ids: Iterable[UUID], table: str, *, using: str = JOBS) -> None:
    """Tell the change feed of taxonomies or terms (`table`) that changed; they are read as they
    stand. Services that bear a changed term are for the caller to render."""
    rendered = Rendered()
    model = {"taxonomy": m.Taxonomy, "taxonomy_term": m.TaxonomyTerm}[table]
    wanted = set(ids)
    there = set(
        model._default_manager.using(using).filter(id__in=wanted).values_list("id", flat=True)
    )
    for one in sorted(wanted):
        action = "updated" if one in there else "deleted"
        rendered.changes.append((table, one, action, action))
    finish(rendered, using)


def moment(using: str = JOBS) -> datetime:
    """The database's clock."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT sec.clock()")
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


def lock(services: list[UUID], organizations: list[UUID], *, using: str = JOBS) -> None:
    """Lock services and organizations until the end of the transaction."""
    # By a function: a row's lock is a right to change it, which an editor has of her own alone.
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT sec.lock_entries(%s::uuid[], %s::uuid[])",
            [[str(one) for one in organizations], [str(one) for one in services]],
        )
