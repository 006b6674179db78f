"""The people of an agency, as its own members and partner systems look them up."""

from collections.abc import Sequence
from uuid import UUID

from permissions.audit import writer
from permissions.errors import NotPermitted
from permissions.models import Membership
from permissions.policy.rules import require_scope
from permissions.principal import Principal

MAX_PAGE = 100
SCOPE = "referrals:read"  # of a client: who works on a referral is named by id there
# They read names in the log that they review, and what the network counts: no list of people.
NOT_FOR = ("auditor", "coordinator")


def list_members(
    principal: Principal,
    *,
    staff_ref: str | None = None,
    after: UUID | None = None,
    limit: int = MAX_PAGE,
) -> tuple[Sequence[Membership], UUID | None]:
    """Return a page of the live members of the caller's own agency, by id, and where it ended.

    `staff_ref`: only the member with exactly this number. `after`: the last id of the page before.
    `limit` ≤ 100. One access entry. Raises NotPermitted: a client without `referrals:read`, an
    auditor or a coordinator.
    """
    with writer.logged_act(principal, "members.read") as attempt:
        require_scope(principal, SCOPE)
        if principal.has_role(*NOT_FOR):
            raise NotPermitted("role_missing", "Your role in this agency does not include this.")
        attempt.record()
        members = Membership.objects.filter(agency_id=principal.agency_id, live=True)
        if staff_ref is not None:
            members = members.filter(staff_ref=staff_ref)
        if after is not None:
            members = members.filter(id__gt=after)
        found = list(members.order_by("id")[: min(limit, MAX_PAGE) + 1])
    page = found[: min(limit, MAX_PAGE)]
    return page, page[-1].id if len(found) > len(page) else None
