"""The caller's own call records, page by page."""

from permissions import log
from permissions.errors import NotPermitted
from permissions.principal import Principal
from referrals.models import CallRecord, sees_referrals
from referrals.reading import Place


def list_page(
    principal: Principal, *, after: Place | None, limit: int
) -> tuple[list[CallRecord], Place | None]:
    """A page of the caller's own records, newest first, and where it ended. One access entry."""
    with log.attempt(principal, "call_record.list"):
        if not sees_referrals(principal) or principal.member_id is None:
            raise NotPermitted("role_missing", "Call records are kept by workers and leads.")
        mine = CallRecord.objects.filter(
            agency_id=principal.agency_id, member_id=principal.staff_id
        )
        if after is not None:
            mine = mine.filter(created_at__lte=after.created_at).exclude(
                created_at=after.created_at, id__gte=after.id
            )
        rows = list(mine.order_by("-created_at", "-id")[: limit + 1])
    shown, more = rows[:limit], len(rows) > limit
    return shown, Place(shown[-1].created_at, shown[-1].id) if more else None
