"""What the operator says of an imported source: its license, and where to find it.

Each entry of the source says it too (`provenance`), so a change renders them again.
"""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from directory import models as m
from directory.importing.import_package import exclusive
from directory.projection.render import ORGANIZATIONS, render_organizations
from permissions.database.aliases import JOBS


def describe(name: str, said: Mapping[str, str]) -> None:
    """Remember what is `said` of a source, its `license`, its `link` or both ('' forgets one), and
    render its entries again if that is new, some organizations per transaction. Twice changes
    nothing; called again, also without a word, it finishes what was stopped. Runs as `jobs`.
    Raises ImportRunning."""
    with exclusive(name):
        _remember(name, said)
        while _render_some(name):
            pass


def _remember(name: str, said: Mapping[str, str]) -> None:
    with transaction.atomic(using=JOBS):
        rows = m.Source.objects.using(JOBS)
        row = rows.select_for_update().filter(name=name).first() or m.Source(name=name)
        differing = {column: text for column, text in said.items() if getattr(row, column) != text}
        for column, text in differing.items():
            setattr(row, column, text)
        if differing:
            row.due, row.rendered_to = True, None
            row.save(using=JOBS)


def _render_some(name: str) -> bool:
    """Render a portion of what is due, and return whether there may be more."""
    with transaction.atomic(using=JOBS):
        row = m.Source.objects.using(JOBS).select_for_update().filter(name=name, due=True).first()
        if row is None:
            return False
        part = _organizations_after(row)
        if part:
            render_organizations(part)
        if len(part) == ORGANIZATIONS:
            row.rendered_to = part[-1]
        elif row.license or row.link:
            row.due, row.rendered_to = False, None
        else:
            row.delete(using=JOBS)
            return False
        row.save(using=JOBS)
        return row.due


def _organizations_after(row: m.Source) -> list[UUID]:
    services = m.Service.objects.using(JOBS).filter(source=row.name)
    found = m.Organization.objects.using(JOBS).filter(
        Q(source=row.name) | Q(id__in=services.values("organization_id"))
    )
    if row.rendered_to:
        found = found.filter(id__gt=row.rendered_to)
    return list(found.order_by("id").values_list("id", flat=True)[:ORGANIZATIONS])
