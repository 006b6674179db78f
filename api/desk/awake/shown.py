"""What a page says of those who are awake for an emergency, and whether its reader may say so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.utils.translation import gettext

from api.desk.request_context import Visit
from referrals.claims import claims
from referrals.claims.claims import Claim


class Awake(NamedTuple):
    """`offered`: the reader may say so. `others`: names of coworkers who did, with the end of their
    pause; `until`: the end of the reader's own. None: it is over, or was never."""

    offered: bool
    others: list[tuple[str, datetime]]
    until: datetime | None


def waits(visit: Visit, side: str, status: str, urgency: str, ack_by: datetime | None) -> bool:
    """Whether an emergency of this kind waits for someone on the reader's side to say so."""
    is_asked = side == "to" and status == "sent" and urgency == "emergency"
    return is_asked and ack_by is not None and visit.now < ack_by


def of_all(
    visit: Visit, referral_ids: Sequence[UUID | str], names: Mapping[UUID, str]
) -> dict[str, Awake]:
    """What to show of each of these emergencies, which wait, by the referral's id as text."""
    found = claims.of_referrals(visit.principal, referral_ids)
    return {str(one): _awake(visit, found.get(UUID(str(one)), []), names) for one in referral_ids}


def _awake(visit: Visit, said: Sequence[Claim], names: Mapping[UUID, str]) -> Awake:
    lasting = [one for one in said if one.until > visit.now]
    return Awake(
        offered=not any(one.is_own for one in said),
        others=[
            (names.get(one.member_id) or gettext("A coworker"), one.until)
            for one in lasting
            if not one.is_own
        ],
        until=next((one.until for one in lasting if one.is_own), None),
    )
