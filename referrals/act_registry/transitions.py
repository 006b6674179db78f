"""Who may do which act, and from which state to which: lookups in RULES and MOVES.

Both tables are built from the acts' entries (referrals/act_registry/registry.py) and are served at
GET /v1/referrals/transitions. Every act goes through both in referrals/act_transaction.py.
"""

from typing import TYPE_CHECKING

from permissions.errors import WrongState
from permissions.policy import rules
from permissions.principal import Principal
from referrals.act_registry.registry import MOVES, RULES
from referrals.models import Referral, Side
from referrals.visible_status import side_of

if TYPE_CHECKING:
    from referrals.queries.details import Detail

DRAFT = frozenset({"draft"})
WAITING = frozenset({"sent", "acknowledged"})
TAKEN = frozenset({"accepted", "in_handoff"})
ENDED = frozenset(
    {"completed", "unable", "declined", "withdrawn", "stopped", "expired", "entered_in_error"}
    | {"cannot_take", "closed"}  # the sender's words for declined, and for seven days after
)
OPEN = DRAFT | WAITING | TAKEN
ANY = OPEN | ENDED


def require(principal: Principal, act: str, who: rules.CallerRelation) -> None:
    """Raise NotPermitted unless `principal` may do `act`. An act without a rule raises KeyError."""
    rules.require(principal, act, RULES[act], who)


def source_states(act: str, side: str) -> frozenset[str]:
    """Return the states that `act` starts from, as `side` is shown them. Empty: the act is not
    available to that side."""
    move = MOVES[act]
    return (move.from_side if side == "from" else move.to_side) or frozenset()


def require_state(act: str, side: str, status: str) -> None:
    """Raise WrongState unless `act` can start from `status`, as `side` is shown it."""
    if status not in source_states(act, side):
        raise WrongState(status, source_states(act, side))


def being_reached(seen: "Detail") -> bool:
    """Return whether a member is due to reach the survivor now, so that an act about reaching them
    is useful."""
    return seen.status in TAKEN


def caller_relation(
    principal: Principal, referral: Referral, own: Side | None, *, assigned: bool
) -> rules.CallerRelation:
    """Return the principal's relation to this referral. `assigned`: whether the acting member is
    assigned to it."""
    return rules.CallerRelation(
        side_of(principal, referral),
        assigned,
        is_holder(principal, own),
        referral.accepted_at is not None,
        is_unheld(own),
    )


def is_holder(principal: Principal, own: Side | None) -> bool:
    """Return whether the acting member is the holder on their side."""
    return own is not None and own.holder_id == principal.member_id is not None


def is_unheld(own: Side | None) -> bool:
    """Return whether no one holds this side any more. The database takes a holder off who left or
    was barred."""
    return own is not None and own.holder_id is None


def is_held(seen: "Detail") -> bool:
    """Return whether a member holds this side, so that it can pass from one to another."""
    return seen.own is not None and seen.own.holder_id is not None


def acts_open_to(principal: Principal, who: rules.CallerRelation, status: str) -> list[str]:
    """Return the acts that this principal could do in `status`. The desk offers them as buttons."""
    return [
        act
        for act in MOVES
        if status in source_states(act, who.side)
        and rules.is_permitted(principal, act, RULES[act], who)
        and not (act == "take_over" and who.holder)
    ]
