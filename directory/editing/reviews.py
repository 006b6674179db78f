"""The history of an organization's entries, and the services that are due for review."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from directory import models as m
from directory.editing.edit import require_editor, require_editor_of
from directory.editing.validation import network_date
from directory.search import retrieval
from permissions import assignments
from permissions.database.aliases import EDITOR
from permissions.database.db_identity import identified_transaction
from permissions.principal import Principal

MAX_PAGE = 100


def history(
    principal: Principal, organization_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[m.Edit], bool]:
    """Who changed which members of an organization's entries, newest first, and whether there are
    more. Only for its editors. `after`: the last edit of the page before. Raises NotVisible,
    NotPermitted."""
    require_editor(
        principal,
        "directory.history",
        lambda: retrieval.organization(principal, organization_id, False) is not None,
        organization_id,
    )
    with identified_transaction(principal, EDITOR):
        require_editor_of(principal, organization_id)
        rows = m.Edit.objects.using(EDITOR).filter(organization_id=organization_id)
        if after:
            rows = rows.filter(Q(at__lt=after[0]) | Q(at=after[0], id__lt=after[1]))
        found = list(rows.order_by("-at", "-id")[: limit + 1])
    return found[:limit], len(found) > limit


@dataclass(frozen=True, slots=True)
class DueReview:
    """A service whose facts were last assured too long ago (`assured_date` None: never)."""

    id: UUID
    name: str
    organization_id: UUID
    organization_name: str
    status: str
    assured_date: date | None


def due_reviews(
    principal: Principal, after: tuple[date | None, UUID] | None, limit: int
) -> tuple[list[DueReview], bool]:
    """The open services that the caller's agency edits and that are due for review, the longest
    overdue first, and whether there are more. Raises NotPermitted."""
    require_editor(principal, "directory.reviews", lambda: True)
    with identified_transaction(principal, EDITOR) as now:
        own = assignments.edited_organizations(m.Organization, principal.agency_id, EDITOR)
        rows = overdue_services(now, EDITOR).filter(organization_id__in=own)
        if after:
            day, row_id = after
            later = Q(assured_date=day, id__gt=row_id)
            if day is None:
                later |= Q(assured_date__isnull=False)
                later |= Q(assured_date__isnull=True, id__gt=row_id)
            else:
                later |= Q(assured_date__gt=day)
            rows = rows.filter(later)
        found = [_due(row) for row in rows[: limit + 1]]
    return found[:limit], len(found) > limit


def overdue_services(now: datetime, using: str) -> Any:
    """Open services assured longer ago than settings.DIRECTORY_REVIEW_DAYS, or never."""
    last = network_date(now) - timedelta(settings.DIRECTORY_REVIEW_DAYS)
    rows = m.Service.objects.using(using).filter(status__in=m.OPEN_STATUSES)
    rows = rows.filter(Q(assured_date__isnull=True) | Q(assured_date__lt=last))
    return rows.select_related("organization").order_by(
        F("assured_date").asc(nulls_first=True), "id"
    )


def _due(row: m.Service) -> DueReview:
    return DueReview(
        row.id,
        row.name,
        row.organization_id,
        row.organization.name,
        row.status,
        row.assured_date,
    )


def due_everywhere(now: datetime, using: str) -> Sequence[tuple[DueReview, list[UUID]]]:
    """Every overdue service with the agencies that edit it, for `manage.py directory reviews`."""
    return [
        (_due(row), assignments.editing_agencies(row.organization))
        for row in overdue_services(now, using)
    ]
