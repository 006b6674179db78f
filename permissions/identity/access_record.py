"""What the server's record of one referral says: who may open what of it
(permissions/identity/bound_access.py). Only rules, without a database or a key."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from permissions.principal import Principal

_CLOCKS_DIFFER = timedelta(minutes=5)  # of the database and this server


class Block(NamedTuple):
    """A block in force (R12). `kind` is `member`, `agency` or `leads_only`."""

    kind: str
    set_by_agency_id: UUID
    agency_id: UUID  # whose members it bars, or the barred member's
    member_id: UUID | None = None
    person_id: UUID | None = None

    def bars(self, principal: Principal) -> bool:
        """Whether it bars the caller: the person, in every agency they serve; or the agency; or
        its members other than leads."""
        if self.kind == "member":
            return principal.member_id == self.member_id or (
                self.person_id is not None and principal.person_id == self.person_id
            )
        return principal.agency_id == self.agency_id and not (
            self.kind == "leads_only" and principal.has_role("lead")
        )


class Opening(NamedTuple):
    """What the database says may be opened; no release: it is the agency's own."""

    release_id: UUID | None
    fields: Iterable[str]
    until: datetime | None


class ReleasedFields(NamedTuple):
    """What a release in force opens, and until when."""

    release_id: UUID
    fields: frozenset[str]
    until: datetime

    def covers(self, asked: "Opening") -> bool:
        """Whether it opens this, now. By this server's clock: the database, which has compared the
        end with its own, may have been lied to."""
        return (
            asked.release_id == self.release_id
            and self.fields.issuperset(asked.fields)
            and asked.until is not None
            and asked.until <= self.until
            and datetime.now(UTC) < self.until + _CLOCKS_DIFFER
        )

    def narrowed(
        self, release_id: UUID, fields: Iterable[str], until: datetime
    ) -> "ReleasedFields | None":
        """The same release with these of its fields, until then at the latest; None: it is another
        release's end."""
        if release_id != self.release_id:
            return None
        return ReleasedFields(release_id, self.fields.intersection(fields), min(until, self.until))


@dataclass(slots=True)
class BoundAccess:
    """The record of one referral. `released` is the recipient's, from its accept on; `returned` is
    what went back to the sender."""

    referral_id: UUID
    from_agency_id: UUID
    to_agency_id: UUID
    version: int = 1
    accepted: bool = False
    assigned: set[UUID] = field(default_factory=set)  # memberships, of both sides
    # Whose assignment the accept ended: it returns when the accept is taken back.
    displaced: set[UUID] = field(default_factory=set)
    blocks: set[Block] = field(default_factory=set)
    released: ReleasedFields | None = None
    returned: ReleasedFields | None = None

    def bars(self, principal: Principal) -> bool:
        """Whether a block in force bars the caller."""
        return any(one.bars(principal) for one in self.blocks)

    def lets_work(self, principal: Principal) -> bool:
        """Whether the acting member is assigned, and not barred."""
        return principal.member_id in self.assigned and not self.bars(principal)

    def lets_open(self, principal: Principal, asked: "Opening") -> bool:
        """Whether the acting member may open this of the packet: the sender's people what is theirs
        (no release), the recipient's what the release says."""
        if not self.lets_work(principal):
            return False
        if principal.agency_id == self.from_agency_id:
            return asked.release_id is None
        return (
            principal.agency_id == self.to_agency_id
            and self.accepted
            and self.released is not None
            and self.released.covers(asked)
        )

    def lets_read_returned(self, principal: Principal, asked: "Opening") -> bool:
        """Whether the sender's people may read this of what was returned. Its leads need no
        assignment."""
        may_work = principal.has_role("lead") or principal.member_id in self.assigned
        return (
            principal.agency_id == self.from_agency_id
            and may_work
            and not self.bars(principal)
            and self.returned is not None
            and self.returned.covers(asked)
        )

    def took_away(self, before: "BoundAccess") -> bool:
        """Whether something that `before` allowed is not allowed any more."""
        return bool(
            before.assigned - self.assigned
            or (before.accepted and not self.accepted)
            or self.blocks - before.blocks
            or (before.released and before.released != self.released)
            or (before.returned and before.returned != self.returned)
        )

    def gives(self) -> bool:
        """Whether it allows anything."""
        return bool(self.assigned or self.accepted or self.released or self.returned)

    def copy(self) -> "BoundAccess":
        """Return a record that may be changed without changing this one."""
        return replace(
            self,
            assigned=set(self.assigned),
            displaced=set(self.displaced),
            blocks=set(self.blocks),
        )


def meet(
    one: BoundAccess, last: BoundAccess, lifted: Collection[tuple[str, UUID, UUID | None]] = ()
) -> BoundAccess:
    """What both records of one referral allow, of the newer version. `lifted`: blocks (kind, agency
    that set it, member) that do not count any more."""
    return replace(
        last,
        version=max(one.version, last.version),
        accepted=one.accepted and last.accepted,
        assigned=one.assigned & last.assigned,
        displaced=one.displaced & last.displaced,
        blocks={
            block
            for block in one.blocks | last.blocks
            if (block.kind, block.set_by_agency_id, block.member_id) not in lifted
        },
        released=_narrower(one.released, last.released),
        returned=_narrower(one.returned, last.returned),
    )


def _narrower(one: ReleasedFields | None, last: ReleasedFields | None) -> ReleasedFields | None:
    if one is None or last is None:
        return None
    return one.narrowed(last.release_id, last.fields, last.until)
