"""Renders source rows into projections, change feed, words and counts.

Runs in the transaction of the change, as `jobs` (imports) or `editor` (edits). Call it once per
transaction, as the last step: it ends with a lock that orders the change feed.

The other modules: prefetch.py (the rows of an entry), entry_documents.py, search_rows.py with
search_text.py, directory/facets.py and opening_hours.py (search columns), projection_writer.py
(storage and change feed), page_anchors.py (counts); reindex.py runs once a night.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db import connections

from directory import models as m
from directory.licensed_terms import licensed_sources
from directory.projection.prefetch import RelatedRows
from directory.projection.projection_writer import Rendered, publish, store
from directory.projection.search_rows import add_organization, add_service
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now

BATCH = 500  # services
ORGANIZATIONS = 100  # rendered in one part, with all their services


def render(
    service_ids: Collection[UUID],
    organization_ids: Collection[UUID] = (),
    *,
    using: str = JOBS,
) -> None:
    """Render these services and organizations again; the rows of deleted ones are removed.

    Locks the entries first: of two concurrent changes, the later one renders both. Other entries
    that show something that is now confidential are rendered too. Twice is safe; what has not
    changed adds no line to the change feed.
    """
    ids, whole = sorted(service_ids), sorted(organization_ids)
    lock_entries(ids, whole, using=using)
    while any(more := entries_showing_hidden(ids, whole, using=using)):
        ids, whole = sorted({*ids, *more[0]}), sorted({*whole, *more[1]})
        lock_entries(ids, whole, using=using)
    rendered = Rendered()
    now = database_now(using)
    for start in range(0, max(len(ids), 1), BATCH):
        batch = ids[start : start + BATCH]
        shelf = RelatedRows(batch, whole if start == 0 else (), using)
        for service in shelf.rows("service"):
            add_service(shelf, service, now, rendered)
        if start == 0:
            for organization in shelf.rows("organization"):
                if organization["id"] in whole:
                    add_organization(shelf, organization, now, rendered)
        store(rendered, batch, whole if start == 0 else [], using)
    publish(rendered, using)


def render_organizations(organization_ids: Collection[UUID]) -> None:
    """Render organizations and all their services, as `jobs`; many are rendered in parts. All are
    locked first, so that no transaction holds one of them while it waits for this one's change-feed
    lock. Twice is safe."""
    whole = sorted(organization_ids)
    services = m.Service.objects.using(JOBS).filter(organization_id__in=whole)
    if len(whole) > ORGANIZATIONS:
        lock_entries(sorted(services.values_list("id", flat=True)), whole)
    for at in range(0, len(whole), ORGANIZATIONS):
        part = whole[at : at + ORGANIZATIONS]
        ids = services.filter(organization_id__in=part).values_list("id", flat=True)
        render(list(ids), part)


def render_taxonomies(
    ids: Iterable[UUID], table: str, *, withheld: bool = False, using: str = JOBS
) -> None:
    """Add changed taxonomies or terms (`table`) to the change feed; they have no projection. The
    caller renders the services that have a changed term. The feed says nothing of licensed ones,
    except when they have just become that (`withheld`): then as of removed ones."""
    rendered = Rendered()
    model = {"taxonomy": m.Taxonomy, "taxonomy_term": m.TaxonomyTerm}[table]
    wanted = set(ids)
    rows = model._default_manager.using(using).filter(id__in=wanted)
    there = dict(rows.values_list("id", "source"))
    licensed = licensed_sources(using)
    for one in sorted(wanted):
        hidden = there.get(one) in licensed
        if hidden and not withheld:
            continue
        action = "deleted" if hidden or one not in there else "updated"
        rendered.changes.append((table, one, action, action))
    publish(rendered, using)


def entries_showing_hidden(
    services: Collection[UUID], organizations: Collection[UUID], *, using: str = JOBS
) -> tuple[set[UUID], set[UUID]]:
    """Other services and organizations whose public projections show something of these that is
    now hidden, and services that were said to be the same as one of these: what they say of it
    depends on whether it is public and open (prefetch.py)."""
    asked = {
        "services": [str(one) for one in services],
        "organizations": [str(one) for one in organizations],
    }
    with connections[using].cursor() as cursor:
        cursor.execute(_ENTRIES_SHOWING_HIDDEN, asked)
        found = cursor.fetchall()
    more_services = {row[0] for row in found if row[0]} - set(services)
    return more_services, {row[1] for row in found if row[1]} - set(organizations)


# A public document shows a row if it contains the row's id.
_ENTRIES_SHOWING_HIDDEN = """
    WITH owner AS MATERIALIZED (
        SELECT id FROM directory_organization
         WHERE id = ANY (%(organizations)s::uuid[]) AND confidential
    ), hidden AS MATERIALIZED (
        SELECT s.id, s.organization_id FROM directory_service s
          JOIN directory_organization o ON o.id = s.organization_id
         WHERE s.id = ANY (%(services)s::uuid[]) AND (s.confidential OR o.confidential)
        UNION
        SELECT s.id, s.organization_id FROM directory_service s
         WHERE s.organization_id IN (SELECT id FROM owner)
    ), place AS MATERIALIZED (
        SELECT l.id, l.organization_id FROM directory_serviceatlocation x
          JOIN directory_location l ON l.id = x.location_id AND l.confidential
         WHERE x.service_id = ANY (%(services)s::uuid[])
        UNION
        SELECT l.id, l.organization_id FROM directory_location l
         WHERE l.organization_id = ANY (%(organizations)s::uuid[]) AND l.confidential
    ), shared AS (
        SELECT id, organization_id FROM directory_phone
         WHERE service_id IN (SELECT id FROM hidden)
        UNION ALL
        SELECT id, organization_id FROM directory_contact
         WHERE service_id IN (SELECT id FROM hidden)
        UNION ALL
        SELECT id, organization_id FROM directory_url
         WHERE service_id IN (SELECT id FROM hidden)
        UNION ALL
        SELECT id, organization_id FROM directory_funding
         WHERE service_id IN (SELECT id FROM hidden)
    )
    SELECT h.id, NULL::uuid FROM hidden h JOIN directory_listing d ON d.id = h.id
    UNION
    SELECT x.service_id, NULL FROM place
      JOIN directory_serviceatlocation x ON x.location_id = place.id
      JOIN directory_place p ON p.id = x.id
    UNION
    SELECT s.id, NULL FROM owner
      JOIN directory_program g ON g.organization_id = owner.id
      JOIN directory_service s ON s.program_id = g.id
      JOIN directory_listing d ON d.id = s.id AND strpos(d.document, g.id::text) > 0
     WHERE sec.may_render(s.organization_id, s.id)
    UNION
    SELECT d.hidden_id, NULL FROM directory_duplicate d
      JOIN directory_service s ON s.id = d.hidden_id
     WHERE (d.shown_id = ANY (%(services)s::uuid[]) OR d.shown_id IN (SELECT id FROM hidden))
       AND sec.may_render(s.organization_id, s.id)
    UNION
    SELECT NULL, o.id FROM (
        SELECT id, organization_id FROM place UNION ALL SELECT id, organization_id FROM shared
        UNION ALL
        SELECT owner.id, child.id FROM owner
          JOIN directory_organization child ON child.parent_organization_id = owner.id
    ) told
      JOIN directory_organization_listing o ON o.id = told.organization_id
       AND strpos(o.full_document, told.id::text) > 0
     WHERE sec.may_render(o.id, NULL)
"""


def lock_entries(services: list[UUID], organizations: list[UUID], *, using: str = JOBS) -> None:
    """Lock services and organizations until the end of the transaction."""
    # By a function: locking a row takes the right to change it, and editors have that right only
    # for their own entries.
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT sec.lock_entries(%s::uuid[], %s::uuid[])",
            [[str(one) for one in organizations], [str(one) for one in services]],
        )
