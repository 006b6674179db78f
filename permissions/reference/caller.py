"""The caller, and their relation to a referral: the terms that the rules of read_rules.py use."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from permissions.reference.rows import Block
from permissions.reference.world import Entry, Principal, World

CASEWORK = {"worker", "lead"}


class Caller(NamedTuple):
    """A live principal: a member of an active agency, or a client with the member that it names."""

    agency_id: UUID
    member_id: UUID | None
    person_id: UUID | None
    client_id: UUID | None
    roles: set[str]
    scopes: set[str]
    system_of_record: bool


def live_caller(world: World, principal: Principal, now: datetime) -> Caller | None:
    """The caller who holds this token. None if it was signed out or has expired, or if the agency,
    the membership or the person is not active; or a client, or the member that it names."""
    held = world.credentials.get(principal.token or "")
    if held is None or held.ended_at is not None or held.expires_at <= now:
        return None
    if not world.agencies[held.agency_id].active:
        return None
    client = world.clients[held.client_id] if held.client_id else None
    if client is not None and not client.active:
        return None
    named = held.membership_id or principal.acting
    if named is None:  # a client that names no member
        return Caller(
            held.agency_id, None, None, held.client_id, set(), set(held.scopes),
            client is not None and client.system_of_record,
        )  # fmt: skip
    member = world.members.get(named)
    if member is None or member.agency_id != held.agency_id or not member.active:
        return None
    if not world.people[member.person_id].is_active:
        return None
    roles = set(member.roles) if client else set(member.roles) & set(held.roles)
    return Caller(
        held.agency_id, member.id, member.person_id, held.client_id, roles, set(held.scopes),
        client is not None and client.system_of_record,
    )  # fmt: skip


class Question(NamedTuple):
    """The context of one question: the caller, the world, the access entry and the time."""

    me: Caller
    world: World
    entry: Entry | None
    now: datetime

    @property
    def named(self) -> bool:
        """R15: the caller is a worker or lead by name; for a client, the member that it names."""
        return self.me.member_id is not None and bool(CASEWORK & self.me.roles)

    @property
    def casework(self) -> bool:
        """Whether the caller may see referrals at all: a worker or lead; a client with
        `referrals:read`, which names no member or a worker or lead."""
        if self.me.client_id is None:
            return self.named
        return "referrals:read" in self.me.scopes and (self.me.member_id is None or self.named)

    @property
    def reads_events(self) -> bool:
        """Whether the caller reads events: in histories, or, with `events:read`, in the feed."""
        if self.me.client_id is None or "events:read" not in self.me.scopes:
            return self.casework
        return self.me.member_id is None or self.named

    @property
    def manages_webhooks(self) -> bool:
        """Whether the caller is an agency_admin, or a client with `webhooks:write`."""
        if self.me.client_id is None:
            return "agency_admin" in self.me.roles
        return "webhooks:write" in self.me.scopes

    def is_barred(self, referral: UUID) -> bool:
        """R12: a block beats every grant and role. It bars a person in every agency they serve, or
        a whole agency, or all of it but the leads. A client that names no member is barred with
        any person of its agency. A caller that is not, or no longer, a side is barred too (R13)."""
        mailbox, lead = self.me.member_id is None, "lead" in self.me.roles
        return self.side(referral) is None or self.is_barred_by_name(referral) or any(
            block.bars_agency_id == self.me.agency_id
            and (block.kind == "agency" or mailbox or (block.kind == "leads_only" and not lead))
            for block in self._blocks(referral)
        )  # fmt: skip

    def is_barred_by_name(self, referral: UUID) -> bool:
        """The same, but only by blocks of persons."""
        every, mine = self.world.members, {self.me.person_id}
        if self.me.member_id is None:
            mine = {one.person_id for one in every.values() if one.agency_id == self.me.agency_id}
        return any(
            block.bars_member_id is not None and every[block.bars_member_id].person_id in mine
            for block in self._blocks(referral)
        )

    def _blocks(self, referral: UUID) -> list[Block]:
        """The blocks on this referral that are in force."""
        every = self.world.blocks
        return [one for one in every if one.referral_id == referral and one.lifted_at is None]

    def assigned(self, referral: UUID) -> bool:
        """R7: within an agency, access requires assignment; membership is not enough."""
        mine = (referral, self.me.member_id, self.me.agency_id)
        return not self.is_barred(referral) and any(
            (one.referral_id, one.membership_id, one.agency_id) == mine
            for one in self.world.assignments
        )

    def is_answerable_for(self, referral: UUID) -> bool:
        """Whether the caller is assigned to it, or is a lead."""
        lead = self.me.member_id is not None and "lead" in self.me.roles
        return self.assigned(referral) or (lead and not self.is_barred(referral))

    def side(self, referral: UUID) -> str | None:
        """`from`: the caller's agency sent it; `to`: it received it; None: neither, not sent yet,
        or its part is purged (R13)."""
        found = self.world.referrals.get(referral)
        if found is None:
            return None
        if found.from_agency_id == self.me.agency_id:
            return None if found.from_purged else "from"
        there = found.to_agency_id == self.me.agency_id and not found.to_purged
        return "to" if there and found.sent_at else None

    def agreed(self, referral: UUID) -> bool:
        """R14: the survivor agreed, or was not asked for safety reasons; or they could not say, and
        a release was signed (R6) since."""
        found = self.world.referrals[referral]
        return found.agreement != "cannot_say" or any(
            one.referral_id == referral
            and one.direction == "outbound"
            and found.sent_at is not None
            and one.created_at >= found.sent_at
            for one in self.world.releases.values()
        )
