"""Who may do which act, and from which state to which: the questions asked of RULES and MOVES.

Both tables are made of the acts' own entries (referrals/act_registry/registry.py) and served at
GET /v1/referrals/transitions. The way that every act takes through both is
referrals/act_transaction.py.
"""

from typing import TYPE_CHECKING

from permissions import assignments
from permissions.errors import WrongState
from permissions.policy import rules
from permissions.principal import Principal
from referrals.act_registry.registry import MOVES, RULES
from referrals.models import Referral, Side

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
    """Raise NotPermitted unless `principal` may do `act`. An act without a rule is a KeyError."""
    rules.require(principal, act, RULES[act], who)


def source_states(act: str, side: str) -> frozenset[str]:
    """The states that `act` starts from on `side`, as it is shown them; none: not its act."""
    move = MOVES[act]
    return (move.from_side if side == "from" else move.to_side) or frozenset()


def require_state(act: str, side: str, status: str) -> None:
    """Raise WrongState unless `act` starts from `status`, as `side` is shown it."""
    if status not in source_states(act, side):
        raise WrongState(status, source_states(act, side))


def being_reached(seen: "Detail") -> bool:
    """Whether somebody is to reach the survivor now, so that an act about it is of use."""
    return seen.status in TAKEN


def caller_relation(
    principal: Principal, referral: Referral, side: str, own: Side | None
) -> rules.CallerRelation:
    """What the principal is to this referral."""
    assigned = assignments.is_assigned(referral, principal.agency_id, principal.member_id)
    accepted = referral.accepted_at is not None
    return rules.CallerRelation(side, assigned, is_holder(principal, own), accepted)


def is_holder(principal: Principal, own: Side | None) -> bool:
    """Whether the acting member is the one who answers for it on her side."""
    return own is not None and own.holder_id == principal.member_id is not None


def acts_open_to(principal: Principal, who: rules.CallerRelation, status: str) -> list[str]:
    """The acts this principal could do in `status`: what the desk offers as buttons."""
    return [
        act
        for act in MOVES
        if status in source_states(act, who.side)
        and rules.is_permitted(principal, act, RULES[act], who)
        and not (act == "take_over" and who.holder)
    ]
