"""What barred people tried (R12): for those who answer for the referral, page by page.

A person's attempts on one referral are one row. Otherwise a barred person could push the traces of
others off the page by repeating a request.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.errors import NotPermitted
from permissions.policy import rules
from permissions.principal import Principal
from referrals.models import READS, sees_referrals
from referrals.queries.lists import Place

MAX_PAGE = 100


class BarredAttempt(NamedTuple):
    """The attempts of a barred person to reach a referral, which were answered as for a random id.
    `id`, `at` and `act` are those of the last one. `member_id` is of the own agency. People of the
    other agency are not named: their attempts are one row together."""

    id: UUID
    at: datetime
    referral_id: UUID
    reference: str
    act: str
    member_id: UUID | None
    first_at: datetime
    times: int
    acts: list[str]


def barred_attempts(
    principal: Principal, *, after: Place | None = None, limit: int = MAX_PAGE
) -> tuple[list[BarredAttempt], Place | None]:
    """Return a page of the attempts on referrals that the caller answers for, barred by their own
    side, newest first, and where it ended. Attempts under a block that barred the caller, who was
    let in again since, are left out.

    Raises NotPermitted. One access entry.
    """
    with writer.logged_act(principal, "barred_attempts.read") as attempt:
        rules.require_scope(principal, READS)
        if not sees_referrals(principal):
            raise NotPermitted("role_missing", "These alerts are for workers and leads.")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT * FROM sec.blocked_attempts(%s, %s, %s)",
                [after and after.created_at, after and after.id, limit + 1],
            )
            rows = [BarredAttempt._make(row) for row in cursor.fetchall()]
        found = rows[:limit]
        attempt.record(referral_ids=sorted({one.referral_id for one in found}))
    more = len(rows) > limit
    return found, Place(found[-1].at, found[-1].id) if more else None
