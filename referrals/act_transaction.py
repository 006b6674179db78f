"""The single path of every act on a referral, in one transaction (ADR 0029).

The order is: see and lock → see again → permit → match → state → (the act's own change and event) →
access entry → what the caller's side is now shown. Reading sealed content takes a shorter path in
referrals/packets/packet.py, which writes the entry first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import F

from permissions import assignments, entity_tags
from permissions.audit import writer
from permissions.errors import StaleMatch, Unavailable
from permissions.identity import bound_access
from permissions.identity.access_record import BoundAccess
from permissions.policy.rules import CallerRelation
from permissions.principal import Principal
from referrals import idempotency
from referrals.act_registry.registry import CLOSING, MOVES
from referrals.act_registry.transitions import (
    require,
    require_state,
    source_states,
)
from referrals.models import Event, Referral, Side
from referrals.queries import details
from referrals.queries.seen import Seen, locked_query, seen_of
from referrals.visible_status import etag, status_shown


@dataclass(slots=True)
class ActTransaction:
    """One act in progress on a locked referral."""

    principal: Principal
    act: str
    relation: CallerRelation  # the principal's, before this act
    referral: Referral
    own: Side | None
    attempt: writer.LoggedAct
    access: BoundAccess  # who may open what: change it in memory; the act stores it at its end
    before: BoundAccess  # the same before this act
    unbound: Unavailable | None = None  # why `before` is not known: the act may only take away
    repeated: bool = False
    shown: details.Detail | None = None  # what the caller is answered, after the act is done

    @property
    def side(self) -> str:
        """The principal's side: "from" or "to"."""
        return self.relation.side

    @property
    def now(self) -> datetime:
        return self.attempt.now

    def own_side(self) -> Side:
        """Return the principal's side. The recipient's side is created by its first act."""
        if self.own is None:
            self.own = Side.objects.create(
                referral=self.referral, agency_id=self.principal.agency_id
            )
        return self.own

    def change(self, **values: object) -> None:
        """Change what both sides may know."""
        Referral.objects.filter(id=self.referral.id).update(version=F("version") + 1, **values)
        self.referral.version += 1
        for name, value in values.items():
            setattr(self.referral, name, value)

    def change_own(self, **values: object) -> None:
        """Change what only this side knows (T4)."""
        own = self.own_side()
        Side.objects.filter(id=own.id).update(version=F("version") + 1, **values)
        own.version += 1
        for name, value in values.items():
            setattr(own, name, value)

    def claim(self, *, reason: str | None = None, keep: bool = False) -> None:
        """Assign the acting member and make them this side's holder, replacing any other."""
        self._hold(self.principal.staff_id, keep)
        assignments.claim(self.referral, reason=reason, keep=keep)

    def transfer(self, member_id: UUID, *, keep: bool) -> None:
        """Assign a colleague and make them this side's holder, replacing the previous holder."""
        self._hold(member_id, keep)
        assignments.transfer(self.referral, member_id, keep=keep)

    def _hold(self, member_id: UUID, keep: bool) -> None:
        own = self.own_side()
        if own.holder_id is not None and not keep:
            self.access.assigned.discard(own.holder_id)
        self.access.assigned.add(member_id)
        own.holder_id = member_id
        own.version += 1

    def assign(self, member_id: UUID, reason: str | None) -> None:
        """Assign a member of the own side in addition. Leads who assign themselves give a reason
        (R7)."""
        assignments.assign(self.referral, member_id, reason)
        self.access.assigned.add(member_id)

    def event(
        self,
        *,
        other_side_sees: bool,
        code: str | None = None,
        about: UUID | None = None,
        reserved: bool = False,
        act: str | None = None,
    ) -> None:
        """Write the history entry, which is also the outbox row. The event of a draft stays with
        the sender. A sender whose part is purged is shown no further events (R13).

        `code` is coarse and coded, because everyone who sees the event sees it. `about` is the
        member of the own side whom the act concerns; such an event is visible to the own side only.
        A `reserved` event is visible only to those who answer for the referral: assigned members
        and leads. `act` names another act than the current one, which the current one causes.
        """
        both = other_side_sees and self.referral.sent_at is not None
        Event.objects.create(
            referral=self.referral,
            from_agency_id=self.referral.from_agency_id,
            to_agency_id=self.referral.to_agency_id,
            at=self.now,
            act=act or self.act,
            agency_id=self.principal.agency_id,
            member_id=self.principal.member_id,
            about_id=about,
            code=code,
            reserved=reserved,
            from_sees=(both or self.side == "from") and not self.referral.from_purged,
            to_sees=both or self.side == "to",
        )

    def store_access(self) -> None:
        """Store the record of who may open what, if this act has changed it. Older ones are refused
        from the commit on if it took something away; after an act that closes in any case: the
        time must not tell whether there was something to close (R1). Raises Unavailable: an act
        that gives something needs the record before it."""
        if self.unbound is not None:
            if self.access.gives():
                raise self.unbound
            return
        if (not self.repeated and self.act in CLOSING) or self.access.took_away(self.before):
            self.access.version = self.before.version + 1
            bound_access.close_older(self.access)
        if self.access != self.before:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT sec.store_bound_access(%s, %s, %s)",
                    [
                        *(self.referral.id, bound_access.sealed(self.access)),
                        self.access.version,
                    ],
                )

    def answer(self) -> details.Detail:
        assert self.shown is not None, "the turn has not ended"
        return self.shown


@contextmanager
def act_transaction(
    principal: Principal,
    act: str,
    referral_id: UUID,
    if_match: str | None = None,
    already: Callable[[ActTransaction], bool] = lambda current: False,
    same: Callable[[ActTransaction], bool] = lambda current: True,
    key: idempotency.Key | None = None,
) -> Iterator[ActTransaction]:
    """Run one act: everything before the change, and the access entry after it.

    Raises NotVisible, NotPermitted, InFlight, KeyReused, StaleMatch, WrongState; each is logged.
    `repeated` is true when the act was done with this `key` before, when the same member did the
    same act before with the `same` words and its result still holds, or when what the act asks for
    is `already` true. In that case change nothing and answer as before. The same act with other
    words is refused by its state. Afterwards `answer()` returns the referral as the caller's side
    is now shown it.
    """
    query = locked_query(principal, referral_id, closing=act in CLOSING)
    with writer.logged_act(principal, f"referral.{act}", referral_id, ask=query) as attempt:
        seen = seen_of(attempt.found)
        referral, own, relation = seen.referral, seen.own, seen.relation(principal)
        side = relation.side
        require(principal, act, relation)
        access, unbound = _bound_access(principal, act, seen, relation)
        current = ActTransaction(
            principal, act, relation, referral, own, attempt, access, access.copy(), unbound
        )
        status = status_shown(referral, own, side, attempt.now)
        replayed = idempotency.begin(principal, key) is not None
        current.repeated = (
            replayed
            or (_is_repeated(current, status) and same(current))
            or (status in source_states(act, side) and already(current))
        )
        if not current.repeated:
            if if_match is not None and not entity_tags.is_current(
                if_match, etag(referral, own, principal, attempt.now)
            ):
                raise StaleMatch
            require_state(act, side, status)
        yield current
        if not replayed:
            idempotency.finish(principal, key, referral_id, attempt.now, referral_id=referral_id)
        current.store_access()
        current.shown = details.record_and_show(attempt, current.referral, current.own)


def _is_repeated(current: ActTransaction, status: str) -> bool:
    """Return whether this is a retried request: the same member did the same act and its result
    still holds."""
    if status != MOVES[current.act].target:
        return False
    own = Event.objects.filter(  # the other side may also have stopped it
        referral=current.referral, act=current.act, agency_id=current.principal.agency_id
    )
    last = own.order_by("-at").first()
    return last is not None and last.member_id == current.principal.member_id


def _bound_access(
    principal: Principal, act: str, seen: Seen, relation: CallerRelation
) -> tuple[BoundAccess, Unavailable | None]:
    """Return the record of who may open what. If it cannot be known, an act that closes goes on
    with an empty one: what the survivor wants closed does not wait for a key. Raises Unavailable:
    it cannot be known, or it does not let the caller work on the referral."""
    try:
        access = bound_access.opened(seen.referral.id, seen.access)
    except Unavailable as error:
        if act not in CLOSING:
            raise
        return BoundAccess(
            seen.referral.id, seen.referral.from_agency_id, seen.referral.to_agency_id
        ), error
    working = relation.assigned or relation.holder
    if access.bars(principal) or (working and not access.lets_work(principal)):
        raise bound_access.refused(seen.referral.id)
    return access, None
