"""The one way of every act on a referral, in one transaction (ADR 0029).

See and lock → see again → permit → match → state → (the act's own change and event) → access
entry → what the caller's side is now shown. A reader of a sealed thing goes the shorter way in
referrals/packets/packet.py, entry first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import DateTimeField, F, Func

from permissions import assignments
from permissions.audit import writer
from permissions.errors import NotVisible, StaleMatch
from permissions.principal import Principal
from referrals.act_registry.registry import CLOSING, MOVES
from referrals.act_registry.transitions import (
    caller_relation,
    require,
    require_state,
    source_states,
)
from referrals.models import Event, Referral, Side, side_kept
from referrals.queries import details
from referrals.referral_lock import lock_readers
from referrals.visible_status import etag, side_of, status_shown

CLOCK = Func(function="sec.clock", output_field=DateTimeField())


@dataclass(slots=True)
class ActTransaction:
    """One act under way on a locked referral."""

    principal: Principal
    act: str
    side: str  # the principal's: "from" or "to"
    referral: Referral
    own: Side | None
    attempt: writer.LoggedAct
    repeated: bool = False
    shown: details.Detail | None = None  # what the caller is answered, once the act is done

    @property
    def now(self) -> datetime:
        return self.attempt.now

    def own_side(self) -> Side:
        """The principal's side; the recipient's begins with its first act."""
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
        """Change what this side alone knows (T4)."""
        own = self.own_side()
        Side.objects.filter(id=own.id).update(version=F("version") + 1, **values)
        own.version += 1
        for name, value in values.items():
            setattr(own, name, value)

    def claim(self, *, reason: str | None = None, keep: bool = False) -> None:
        """The acting member is assigned and this side's holder, in place of whoever was."""
        own = self.own_side()
        assignments.claim(self.referral, reason=reason, keep=keep)
        own.holder_id = self.principal.staff_id
        own.version += 1

    def transfer(self, member_id: UUID, *, keep: bool) -> None:
        """A colleague is assigned and this side's holder, in place of whoever was."""
        own = self.own_side()
        assignments.transfer(self.referral, member_id, keep=keep)
        own.holder_id = member_id
        own.version += 1

    def event(
        self,
        *,
        other_side_sees: bool,
        code: str | None = None,
        about: UUID | None = None,
        reserved: bool = False,
        act: str | None = None,
    ) -> None:
        """The entry in the history, which is also the outbox row. A draft's stays with the sender;
        to a sender whose part is purged nothing is told any more (R13).

        `code` is coarse and coded: whoever sees the event sees it. `about` is the member of the own
        side whom the act concerns; such an event is the own side's alone, and a
        `reserved` one theirs who answer for it: assigned, or a lead. `act`: another than the one
        under way, which brings it about.
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
) -> Iterator[ActTransaction]:
    """The one way to an act: everything up to the change, and the access entry after it.

    Raises NotVisible, NotPermitted, StaleMatch, WrongState; each is in the log. When the same
    member did the same act before, with the `same` words, and it still stands, or what it asks for
    is so `already`, `repeated` is true: change nothing, answer as before. Afterwards `answer()` is
    the referral as the caller's side is now shown it.
    """
    with writer.logged_act(principal, f"referral.{act}", referral_id) as attempt:
        if act in CLOSING:
            lock_readers(referral_id, shared=False)
        visible = Referral.objects.visible_to(principal).filter(id=referral_id)
        if visible.select_for_update().first() is None:  # see and lock
            raise NotVisible
        # See again: a row that waited for the lock was checked against the old snapshot; policy,
        # grant and block are read after the lock, in a new statement, and so is the clock.
        referral = visible.annotate(clock=CLOCK).first()
        if referral is None:
            raise NotVisible
        attempt.now = referral.clock
        side = side_of(principal, referral)
        own = side_kept(principal, referral_id)
        require(principal, act, caller_relation(principal, referral, side, own))
        current = ActTransaction(principal, act, side, referral, own, attempt)
        status = status_shown(referral, own, side, attempt.now)
        current.repeated = (_is_repeated(current, status) and same(current)) or (
            status in source_states(act, side) and already(current)
        )
        if not current.repeated:
            if if_match is not None and if_match != etag(referral, own, principal, attempt.now):
                raise StaleMatch
            require_state(act, side, status)
        yield current
        if not attempt.written:
            attempt.record(subject=current.own.subject if current.own else None)
        current.shown = details.build_detail(principal, current.referral, current.own, attempt.now)


def _is_repeated(current: ActTransaction, status: str) -> bool:
    """The same member, the same act, already done and still so: a retried request."""
    if status != MOVES[current.act].target:
        return False
    own = Event.objects.filter(  # the other side may have stopped it, too
        referral=current.referral, act=current.act, agency_id=current.principal.agency_id
    )
    last = own.order_by("-at").first()
    return last is not None and last.member_id == current.principal.member_id
