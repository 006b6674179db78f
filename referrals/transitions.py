"""From which state to which: one table. Who may is permissions/policy.py; their keys are equal.

The way that every act takes through both is referrals/turns.py; the acts themselves stand in
referrals/acts.py and referrals/packets.py. Served at GET /v1/referrals/transitions.
"""

from typing import NamedTuple

from permissions import assignments, policy
from permissions.errors import WrongState
from permissions.principal import Principal
from referrals.models import Referral, Side

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
    "call_me": Move(WAITING | {"accepted"}, WAITING | TAKEN),
    "set_callback": Move(WAITING | {"accepted"}, None),
    "start_handoff": Move(None, frozenset({"accepted"}), "in_handoff"),
    "handoff_failed": Move(None, frozenset({"in_handoff"})),
    "complete": Move(None, TAKEN, "completed"),
    "unable": Move(None, TAKEN, "unable"),
    "withdraw": Move(WAITING | {"accepted"}, None, "withdrawn"),
    "revoke_release": Move(ANY, ANY - DRAFT),
    # By the recipient from its accept on: before it, it may not know what there is to narrow.
    "narrow_release": Move(ANY, ANY - DRAFT - WAITING - {"declined", "expired"}),
    "put_return_release": Move(None, TAKEN | {"completed", "unable"}),
    "revoke_return_release": Move(ANY - DRAFT, ANY - DRAFT),
    "stop": Move(DRAFT | WAITING | {"accepted", "closed"}, TAKEN, "stopped"),
    "mark_error": Move(OPEN - {"in_handoff"}, None, "entered_in_error"),
    # After the end too: else, once the last assignee has left, nobody could account to her.
    "assign": Move(ANY, ANY - DRAFT),
    "hand_over": Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    "take_over": Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    "block": Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    "unblock": Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    "leads_only": Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    "end_leads_only": Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    "open_packet": Move(ANY, TAKEN | {"completed", "unable"}),
    "open_notes": Move(ANY, ANY - DRAFT),
    "account_disclosures": Move(ANY, ANY - DRAFT),
    "add_note": Move(ANY, ANY - DRAFT),
    "set_hold": Move(ANY - DRAFT, ANY - DRAFT),  # a draft ends with a day, or with her "no" (R14)
    "end_hold": Move(ANY - DRAFT, ANY - DRAFT),
    "record_attempt": Move(ANY, ANY - DRAFT),
    "set_external_ref": Move(ANY, ANY - DRAFT),
    "set_plan": Move(ANY, None),
    "same_person_as": Move(None, ANY - DRAFT),
    "record_report": Move(ANY, ANY - DRAFT),
    "record_disclosure": Move(ANY, ANY - DRAFT),
    "delivered": Move(None, frozenset({"sent"})),
}


def sources(act: str, side: str) -> frozenset[str]:
    """The states that `act` starts from on `side`, as it is shown them; none: not its act."""
    move = MOVES[act]
    return (move.from_side if side == "from" else move.to_side) or frozenset()


def require_state(act: str, side: str, status: str) -> None:
    """Raise WrongState unless `act` starts from `status`, as `side` is shown it."""
    if status not in sources(act, side):
        raise WrongState(status, sources(act, side))


def standing(
    principal: Principal, referral: Referral, side: str, own: Side | None
) -> policy.Standing:
    """What the principal is to this referral."""
    assigned = assignments.is_assigned(referral, principal.agency_id, principal.member_id)
    accepted = referral.accepted_at is not None
    return policy.Standing(side, assigned, is_holder(principal, own), accepted)


def is_holder(principal: Principal, own: Side | None) -> bool:
    """Whether the acting member is the one who answers for it on her side."""
    return own is not None and own.holder_id == principal.member_id is not None


def acts_open_to(principal: Principal, who: policy.Standing, status: str) -> list[str]:
    """The acts this principal could do in `status`: what the desk offers as buttons."""
    return [
        act
        for act in MOVES
        if status in sources(act, who.side)
        and policy.permitted(principal, act, who)
        and not (act == "take_over" and who.holder)
    ]
