"""The blocks that others learn of: of a lead, or of all colleagues of the member who set it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.identity.contact_channels import require_member_in_person
from permissions.principal import Principal


class BlockAlert(NamedTuple):
    """A block of a lead (`bars` is `lead`), or of all colleagues of the member who set it
    (`everyone`). The own agency's people see who set it, a lead also on which referral."""

    id: UUID
    at: datetime
    bars: str
    agency_id: UUID
    member_id: UUID | None
    referral_id: UUID | None


def block_alerts(principal: Principal) -> list[BlockAlert]:
    """Return the newest hundred blocks of leads or of all colleagues that the caller oversees: the
    leads whom no block bars; where there is none the administrator, else the outside reviewer.
    Never to the member who set the block. One access entry.

    Raises NotPermitted for a system.
    """
    with writer.logged_act(principal, "block_alerts.read") as attempt:
        require_member_in_person(principal)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM sec.block_alerts()")
            found = [BlockAlert._make(row) for row in cursor.fetchall()]
        attempt.record(referral_ids=sorted({one.referral_id for one in found if one.referral_id}))
    return found
