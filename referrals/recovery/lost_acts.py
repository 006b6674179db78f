"""What a restored database has lost, by the copies outside of it: listed for the operator, and for
the leads of each agency whose side knew it, who call the other agency.

A lead is shown what their own side knew before, and nothing that is reserved to those who answer
for a referral. Of a referral that is lost as a whole the database cannot say whom a block barred:
where the copies name a block of it, only the operator is shown it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection, connections, transaction

from permissions.audit import writer
from permissions.database.aliases import JOBS
from permissions.identity.contact_channels import require_member_in_person
from permissions.models import Agency
from permissions.principal import Principal
from permissions.recovery.lines import Entry
from referrals.models import LostAct
from referrals.recovery.copies import CopiedAct, acts_in

BLOCKS = frozenset({"block", "leads_only"})
AT_ONCE = 1_000


class LostForLead(NamedTuple):
    """One act as a lead is shown it. `own`: their own people did it; `there`: the referral still
    exists."""

    event_id: UUID
    found_at: datetime
    at: datetime
    act: str
    own: bool
    referral_id: UUID
    there: bool
    other_name: str
    other_phone: str


def lost(entries: list[Entry], mark: int) -> list[CopiedAct]:
    """The acts in the journal that the database, which has reached this mark, does not hold; the
    oldest first. One that was copied two marks before is in it, or was purged since. Raises
    django.db.Error."""
    candidates = [act for copied_at, act in acts_in(entries) if copied_at > mark - 2]
    there = _there([one.id for one in candidates])
    return [one for one in candidates if one.id not in there]


def _there(ids: list[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    with connections[JOBS].cursor() as cursor:
        for start in range(0, len(ids), AT_ONCE):
            part = [str(one) for one in ids[start : start + AT_ONCE]]
            cursor.execute("SELECT id FROM referral_event WHERE id = ANY (%s::uuid[])", [part])
            found |= {id_ for (id_,) in cursor.fetchall()}
    return found


def keep(acts: Iterable[CopiedAct]) -> int:
    """Keep these for the leads of the agencies that knew them, and notify those leads. Returns the
    number of agencies. Twice is safe: an act is kept once, and a message that waits is enough."""
    acts = list(acts)
    hidden = _barred_and_gone(acts)
    rows = [
        LostAct(
            event_id=one.id,
            agency_id=agency,
            other_agency_id=other,
            referral_id=one.referral_id,
            act=one.act,
            own=one.agency_id == agency,
            at=one.at,
        )
        for one in acts
        if one.agency_id and not one.reserved and one.referral_id not in hidden
        for agency, other, sees in (
            (one.from_agency_id, one.to_agency_id, one.from_sees),
            (one.to_agency_id, one.from_agency_id, one.to_sees),
        )
        if sees
    ]
    agencies = {one.agency_id for one in rows}
    with transaction.atomic(using=JOBS), connections[JOBS].cursor() as cursor:
        LostAct.objects.using(JOBS).bulk_create(rows, ignore_conflicts=True)
        for agency in sorted(agencies):
            cursor.execute("SELECT sec.queue_lost_acts_message(%s)", [agency])
    return len(agencies)


def _barred_and_gone(acts: list[CopiedAct]) -> set[UUID]:
    """Referrals that are lost as a whole and that the copies name a block of."""
    barred = {one.referral_id for one in acts if one.act in BLOCKS}
    with connections[JOBS].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM referral WHERE id = ANY (%s::uuid[])", [[str(one) for one in barred]]
        )
        return barred - {id_ for (id_,) in cursor.fetchall()}


def lines(acts: Iterable[CopiedAct]) -> Iterable[str]:
    """The list for the operator: time, act, whose people, from which to which agency, referral."""
    names = dict(Agency.objects.using(JOBS).values_list("id", "name"))
    for one in acts:
        who = names.get(one.agency_id, str(one.agency_id)) if one.agency_id else "the clock"
        ends = [names.get(id_, str(id_)) for id_ in (one.from_agency_id, one.to_agency_id)]
        yield "\t".join(
            [
                *(one.at.isoformat(timespec="seconds"), one.act, who),
                *(f"{ends[0]} to {ends[1]}", str(one.referral_id)),
            ]
        )


def for_lead(principal: Principal) -> list[LostForLead]:
    """What was lost of the caller's own side in the last 30 days, the oldest act first; to those
    who are no lead nothing. One access entry, where there is anything. Raises NotPermitted for a
    system."""
    require_member_in_person(principal)
    if not principal.has_role("lead"):
        return []
    with writer.logged_act(principal, "lost_acts.read") as attempt:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM sec.lost_acts()")
            found = [LostForLead._make(row) for row in cursor.fetchall()]
        attempt.record(referral_ids=sorted({one.referral_id for one in found}))
    return found


def step() -> bool:
    """Remove what was found a month ago: a step of the background work. There is no more."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute("DELETE FROM lost_act WHERE found_at < sec.clock() - interval '31 days'")
    return False
