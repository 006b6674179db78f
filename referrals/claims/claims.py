"""A member says at the desk, or by a tap on a notification, that they are awake and open an
emergency; and what their own side is shown of it (T4)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, NotVisible
from permissions.principal import Principal
from referrals.act_registry.transitions import require
from referrals.models import Referral
from referrals.queries.seen import find

ACT = "referral.claim"


class Claim(NamedTuple):
    """Who of the own side said so, and until when no one else there is called."""

    member_id: UUID
    until: datetime
    is_own: bool


def claim(principal: Principal, reference: str, *, by_push: bool = False) -> UUID:
    """Record that the caller is awake and opens the emergency with this reference. Calls to others
    are paused for five minutes, never past the time to acknowledge. Nothing else changes, and the
    sender is shown nothing. Twice is safe while it holds; once it is over there is no second one.
    Returns the referral's id. Raises NotVisible, NotPermitted, NotPossible."""
    referral_id = _find(principal, reference)
    with writer.logged_act(principal, ACT, referral_id):
        if referral_id is None:
            raise NotVisible
        seen = find(principal, referral_id)
        require(principal, "acknowledge", seen.relation(principal))
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.claim_awake(%s, %s, %s)", [uuid7(), referral_id, by_push])
            (until,) = cursor.fetchone()
        if until is None:
            raise NotPossible(
                "claim_over",
                "Someone has answered it, its time is over, or you said so before. Open it now.",
            )
    return referral_id


def _find(principal: Principal, reference: str) -> UUID | None:
    with identified_transaction(principal):
        found = Referral.objects.visible_to(principal).filter(
            reference=reference.strip().upper(), to_agency_id=principal.agency_id
        )
        return found.values_list("id", flat=True).first()


def of_referrals(
    principal: Principal, referral_ids: Collection[UUID | str]
) -> Mapping[UUID, list[Claim]]:
    """The own side's claims on these referrals, which the caller was shown, the first first. One
    query in a transaction of its own; none for no referrals. No access entry: it says nothing of a
    referral that the page does not."""
    if not referral_ids:
        return {}
    found: dict[UUID, list[Claim]] = {}
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.claims_of(%s::uuid[])", [[str(x) for x in referral_ids]])
        for referral_id, *rest in cursor.fetchall():
            found.setdefault(referral_id, []).append(Claim(*rest))
    return found
