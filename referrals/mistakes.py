"""A referral that was a mistake: misdirected at 2 a.m., the wrong content, a test.

The recipient's bundle is destroyed at once. A misdirected packet is a breach that has to be
reported, so the sender is told whether it had been opened, by how many and when, not by whom: the
one thing that it ever learns of the recipient's reading. Both sides' leads are given the list.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from permissions import grants, log
from permissions.errors import NotPermitted
from permissions.models import Agency
from permissions.principal import Principal
from referrals import codes, reading
from referrals.models import Referral
from referrals.reading import Detail
from referrals.turns import turn

MOST_LISTED = 100


def mark_error(
    principal: Principal, referral_id: UUID, code: str, *, if_match: str | None = None
) -> Detail:
    """The sender says that it was a mistake; nothing of it opens any more. Twice is safe."""
    codes.check("mark_error", code)
    with turn(principal, "mark_error", referral_id, if_match) as current:
        if not current.repeated:
            if current.referral.sent_at is not None:
                grants.close_recipients(referral_id)
            current.change(status="entered_in_error", code=code, ended_at=current.now)
            current.event(other_side_sees=True, code=code)
    return current.answer()


class Mistake(NamedTuple):
    """One marked as an error. `openings`: for the sender; None for the recipient, whose own log
    says who of its people opened what."""

    referral_id: UUID
    reference: str
    side: str
    other_agency_name: str
    code: str
    at: datetime
    openings: reading.Openings | None


def to_review(principal: Principal) -> list[Mistake]:
    """The newest hundred of either side, for a lead. Raises NotPermitted. One access entry."""
    with log.attempt(principal, "mistakes.read") as attempt:
        if not principal.has_role("lead"):
            raise NotPermitted("role_missing", "What was marked as an error is a lead's to review.")
        seen = Referral.objects.visible_to(principal).filter(status="entered_in_error")
        found = list(seen.filter(sent_at__isnull=False).order_by("-ended_at", "-id")[:MOST_LISTED])
        attempt.record(referral_ids=[one.id for one in found])
        names = dict(
            Agency.objects.filter(
                id__in={a for one in found for a in (one.from_agency_id, one.to_agency_id)}
            ).values_list("id", "name")
        )
        return [_mistake(principal, one, names) for one in found]


def _mistake(principal: Principal, referral: Referral, names: dict[UUID, str]) -> Mistake:
    ours = referral.from_agency_id == principal.agency_id
    assert referral.ended_at is not None  # written with the state
    return Mistake(
        referral.id,
        referral.reference,
        "from" if ours else "to",
        names[referral.to_agency_id if ours else referral.from_agency_id],
        referral.code or "",
        referral.ended_at,
        reading.openings(referral) if ours else None,
    )
