"""From which state to which, and the one way of every act on a referral.

The way, in one transaction (design §3): see and lock → see again → permit → match → state →
change and event → access entry. `MOVES` says from where to where, permissions/policy.py says who;
their keys are equal. The acts themselves stand in referrals/acts.py and referrals/packets.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, F, Func

from permissions import assignments, log, policy
from permissions.errors import NotVisible, StaleMatch, WrongState
from permissions.principal import Principal
from referrals.models import Event, Referral, Side
from referrals.shown import etag, side_of, status_shown

DRAFT = frozenset({"draft"})
WAITING = frozenset({"sent", "acknowledged"})
TAKEN = frozenset({"accepted", "in_handoff"})
ENDED = frozenset(
    {"completed", "unable", "declined", "withdrawn", "stopped", "expired", "entered_in_error"}
    | {"cannot_take", "closed"}  # the sender's words for declined, and for seven days after
)
OPEN = DRAFT | WAITING | TAKEN
ANY = OPEN | ENDED


class Move(NamedTuple):
    """From which states, as each side is shown them, and to which. None: not that side's act."""

    from_side: frozenset[str] | None
    to_side: frozenset[str] | None
    target: str | None = None  # None: the state stays


MOVES = {
    "create": Move(None, None, "draft"),
    "put_notice": Move(DRAFT, None),
    "put_release": Move(DRAFT | WAITING | {"accepted"}, None),
    "put_packet": Move(DRAFT | WAITING | {"accepted"}, None),
    "send": Move(DRAFT, None, "sent"),
    "acknowledge": Move(None, frozenset({"sent"}), "acknowledged"),
    "accept": Move(None, WAITING, "accepted"),
    "decline": Move(None, WAITING, "declined"),
    "start_handoff": Move(None, frozenset({"accepted"}), "in_handoff"),
    "complete": Move(None, TAKEN, "completed"),
    "unable": Move(None, TAKEN, "unable"),
    "withdraw": Move(WAITING | {"accepted"}, None, "withdrawn"),
    "revoke_release": Move(ANY, ANY - DRAFT),
    "stop": Move(DRAFT | WAITING | {"accepted", "closed"}, TAKEN, "stopped"),
    "open_packet": Move(ANY, TAKEN | {"completed", "unable"}),
    "open_notes": Move(ANY, ANY - DRAFT),
    "add_note": Move(ANY, ANY - DRAFT),
}

CLOCK = Func(function="sec.clock", output_field=DateTimeField())

# Acts after which no read may commit: they take the referral's advisory lock exclusively.
CLOSING = frozenset({"withdraw", "revoke_release", "stop"})


@dataclass(slots=True)
class Turn:
    """One act under way on a locked referral."""

    principal: Principal
    act: str
    side: str  # the principal's: "from" or "to"
    referral: Referral
    own: Side | None
    attempt: log.Attempt
    repeated: bool = False

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

    def event(self, *, other_side_sees: bool, code: str | None = None) -> None:
        """The entry in the history, which is also the outbox row. A draft's stays with the sender.

        `code` is coarse and coded: whoever sees the event sees it.
        """
        both = other_side_sees and self.referral.sent_at is not None
        Event.objects.create(
            referral=self.referral,
            from_agency_id=self.referral.from_agency_id,
            to_agency_id=self.referral.to_agency_id,
            at=self.now,
            act=self.act,
            agency_id=self.principal.agency_id,
            member_id=self.principal.member_id,
            code=code,
            from_sees=both or self.side == "from",
            to_sees=both or self.side == "to",
        )


@contextmanager
def turn(
    principal: Principal, act: str, referral_id: UUID, if_match: str | None = None
) -> Iterator[Turn]:
    """The one way to an act: everything up to the change, and the access entry after it.

    Raises NotVisible, NotPermitted, StaleMatch, WrongState; each is in the log. When the same
    member did the same act before and it still stands, `repeated` is true: change nothing, answer
    as before.
    """
    with log.attempt(principal, f"referral.{act}", referral_id) as attempt:
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
        own = Side.objects.filter(referral=referral, agency_id=principal.agency_id).first()
        policy.require(principal, act, standing(principal, referral, side, own))
        current = Turn(principal, act, side, referral, own, attempt)
        status = status_shown(referral, own, side, attempt.now)
        current.repeated = _is_repeated(current, status)
        if not current.repeated:
            if if_match is not None and if_match != etag(referral, own, principal, attempt.now):
                raise StaleMatch
            require_state(act, side, status)
        yield current
        if not attempt.written:
            attempt.record(subject=current.own.subject if current.own else None)


def require_state(act: str, side: str, status: str) -> None:
    """Raise WrongState unless `act` starts from `status`, as `side` is shown it."""
    sources = (MOVES[act].from_side if side == "from" else MOVES[act].to_side) or frozenset()
    if status not in sources:
        raise WrongState(status, sources)


def standing(
    principal: Principal, referral: Referral, side: str, own: Side | None
) -> policy.Standing:
    """What the principal is to this referral."""
    holder = own is not None and own.holder_id == principal.member_id is not None
    assigned = assignments.is_assigned(referral, principal.agency_id, principal.member_id)
    return policy.Standing(side, assigned, holder)


def _is_repeated(current: Turn, status: str) -> bool:
    """The same member, the same act, already done and still so: a retried request."""
    target = MOVES[current.act].target
    if target is None or status not in {target, "cannot_take" if target == "declined" else target}:
        return False
    last = Event.objects.filter(referral=current.referral, act=current.act).order_by("-at").first()
    return last is not None and last.member_id == current.principal.member_id


def lock_readers(referral_id: UUID, *, shared: bool) -> None:
    """The referral's advisory lock, until the transaction ends: shared by every packet read,
    exclusive for every act that closes, so that no read commits after a revoke has (design §6)."""
    key = (referral_id.int & (2**64 - 1)) - 2**63
    name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {name}(%s)", [key])


def acts_open_to(
    principal: Principal, referral: Referral, own: Side | None, now: datetime
) -> list[str]:
    """The acts this principal could do now: what the desk offers as buttons."""
    side = side_of(principal, referral)
    who = standing(principal, referral, side, own)
    status = status_shown(referral, own, side, now)
    return [
        act
        for act, move in MOVES.items()
        if status in ((move.from_side if side == "from" else move.to_side) or ())
        and policy.permitted(principal, act, who)
    ]
