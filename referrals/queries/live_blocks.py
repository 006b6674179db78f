"""The blocks of one referral that its side is shown: to those who answer for it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.principal import Principal
from referrals.models import Referral

# The own side's blocks, and the sender's `leads_only` that binds a recipient.
LIVE_BLOCKS = (
    "FROM conflict_block WHERE referral_id = %(referral)s AND lifted_at IS NULL"
    " AND (agency_id = %(agency)s OR (kind = 'leads_only' AND bars_agency_id = %(agency)s))"
)


class Block(NamedTuple):
    """An active block, as those who answer for it see it (R12)."""

    kind: str  # member, agency, leads_only
    member_id: UUID | None
    ours: bool  # False: the sender marked it for this agency's leads only
    set_at: datetime


def live_blocks(principal: Principal, referral: Referral) -> list[Block]:
    """Return the own side's blocks, and the sender's `leads_only` that binds a recipient."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT kind, bars_member_id, agency_id = %(agency)s, set_at {LIVE_BLOCKS}"
            " ORDER BY set_at, id",
            {"agency": principal.agency_id, "referral": referral.id},
        )
        return [Block._make(row) for row in cursor.fetchall()]
