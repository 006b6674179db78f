"""The auditor's work: reading the access log of the agency's own people and clients.

Runs as the database role `auditor`, whose policy shows the caller's own agency only. The auditor's
own reads are entries too.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from permissions import log
from permissions.errors import NotPermitted
from permissions.models import AccessEntry, Membership
from permissions.principal import Principal

USING = "auditor"
MAX_PAGE = 100


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A page of entries, newest first, the names of the agency's members, and where it ended."""

    entries: list[AccessEntry]
    names: dict[UUID, str]
    more: bool


def access_log(
    principal: Principal,
    *,
    act: str | None = None,
    decision: str | None = None,
    member_id: UUID | None = None,
    referral_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Reviewed:
    """Entries of the caller's own agency's people and clients. Raises NotPermitted.

    `since` is inclusive, `until` exclusive, `after` the key of the last row of the page before.
    """
    with log.attempt(principal, "access_log.read", referral_id, using=USING) as attempt:
        if not may_review(principal):
            raise NotPermitted("role_missing", "The access log is read by auditors.")
        rows = AccessEntry.objects.using(USING).filter(agency_id=principal.agency_id)
        if act is not None:
            rows = rows.filter(act=act)
        if decision is not None:
            rows = rows.filter(decision=decision)
        if member_id is not None:
            rows = rows.filter(member_id=member_id)
        if referral_id is not None:
            rows = rows.filter(referral_id=referral_id)
        if since is not None:
            rows = rows.filter(at__gte=since)
        if until is not None:
            rows = rows.filter(at__lt=until)
        if after is not None:
            rows = rows.extra(where=["(at, id) < (%s, %s)"], params=list(after))
        found = list(rows.order_by("-at", "-id")[: min(limit, MAX_PAGE) + 1])
        attempt.record()
        members = Membership.objects.using(USING).filter(agency_id=principal.agency_id)
        names = dict(members.values_list("id", "name"))
    return Reviewed(found[:limit], names, len(found) > limit)


def may_review(principal: Principal) -> bool:
    """An auditor, or a client with audit:read."""
    if principal.is_client:
        return principal.may("audit:read")
    return principal.has_role("auditor")
