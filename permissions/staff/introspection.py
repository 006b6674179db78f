"""What a caller may read about itself: its agency, the member who acts, and its quota."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.models import Agency, Membership
from permissions.principal import Principal


class OwnClient(NamedTuple):
    """The calling partner system. `opened`: of how many referrals it opened packets or notes within
    24 hours, without those that bar the caller (R3)."""

    id: UUID
    client_id: str
    name: str
    openings_a_day: int
    opened: int

    @property
    def openings_left(self) -> int:
        """How many other referrals it may open now. Those of the last 24 hours it opens again."""
        return max(0, self.openings_a_day - self.opened)


class OwnFacts(NamedTuple):
    """The caller's agency, and who calls: a member, or a client, with the member that it names."""

    agency: Agency
    member: Membership | None
    client: OwnClient | None


def own_facts(principal: Principal) -> OwnFacts:
    """What the caller may read about itself. It needs no scope and no role. One access entry."""
    with writer.logged_act(principal, "caller.read") as attempt:
        attempt.record()
        agency = Agency.objects.get(id=principal.agency_id)
        member = None
        if principal.member_id is not None:
            own = Membership.objects.filter(agency_id=principal.agency_id)
            member = own.filter(id=principal.member_id).first()
        return OwnFacts(agency, member, _client(principal) if principal.is_client else None)


def _client(principal: Principal) -> OwnClient | None:
    assert principal.client_id is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_id, name, openings_a_day, opened FROM sec.own_client()")
        rows: Sequence[tuple[str, str, int, int]] = cursor.fetchall()
    return OwnClient(principal.client_id, *rows[0]) if rows else None
