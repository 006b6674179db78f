"""From which state to which: one table. Who may is permissions/policy.py; their keys are equal.

The way that every act takes through both is referrals/turns.py; the acts themselves stand in
referrals/acts.py and referrals/packets.py. Served at GET /v1/referrals/transitions.
"""

from datetime import datetime
from typing import NamedTuple

from permissions import assignments, policy
from permissions.errors import WrongState
from permissions.principal import Principal
from referrals.models import Referral, Side
from referrals.shown import side_of, status_shown

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
