"""What the receiving agency does: acknowledge, accept or decline, and record the end.

Each act runs inside `act_transaction` (referrals/act_transaction.py). The hand-off is in
referrals/acts/handoff.py.
"""

from uuid import UUID

from django.db import connection

from directory import listings
from permissions.database.uuid7 import uuid7
from permissions.enrollment import terms
from permissions.errors import BadRequest, NotPossible
from permissions.keys import grants
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import codes, sealed_notes
from referrals.act_registry.fields import Body, Code, Id
from referrals.act_registry.registry import ANSWERED, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import TAKEN, WAITING
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.acts import handoff
from referrals.acts.undo_accept import DECLINES, was_undone
from referrals.models import Event
from referrals.packets import notes
from referrals.queries.details import Detail
from referrals.releases import lifecycle


@act(
    Rule(None, Who.WORKER),
    Move(None, frozenset({"sent"}), "acknowledged"),
    tells={"to": ANSWERED},
    repeat=Repeat.SAFE,
    summary="Say that your agency is looking at it.",
    description="The acting member becomes the holder on your side, and the sender sees that the"
    " notice is being looked at. It opens nothing: the packet stays closed until the accept.",
    history="Acknowledged",
    page=Page(
        offer="Acknowledge",
        says="You take it and decide later. The sender sees that it is being reviewed.",
        at_once=True,
        done="You have it. The sender can see that it is being reviewed.",
        likely={("to", "sent"): 3},
        group=Group.ANSWER,
    ),
)
def acknowledge(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Acknowledge the notice. The acting member becomes the holder and has seen no identity. Twice
    is safe."""
    with act_transaction(principal, "acknowledge", referral_id, if_match) as current:
        if not current.repeated:
            current.claim()
            current.change(status="acknowledged", acknowledged_at=current.now)
            current.event(other_side_sees=True)
    return current.answer()


@act(
    Rule(None, Who.WORKER),
    Move(None, WAITING, "accepted"),
    tells={"to": ANSWERED},
    repeat=Repeat.SAFE,
    summary="Accept the referral.",
    description="Your agency takes the referral on. The acting member becomes the holder, and the"
    " packet opens to your assigned members while a release is in force. Your clock for the first"
    " contact starts.",
    history="Accepted",
    page=Page(
        offer="Accept",
        title="Accept this referral?",
        says="Your agency says yes, and it is assigned to you. The sender is notified at once.",
        button="Accept",
        done="Accepted and assigned to you. The sender has been notified.",
        likely={("to", "sent"): 1, ("to", "acknowledged"): 1},
        group=Group.ANSWER,
    ),
)
def accept(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Accept the referral for the agency. The grant opens while a release is in force. Twice is
    safe.

    The accepting member is assigned and becomes the holder. The assignment of another member who
    acknowledged it ends.
    """
    with act_transaction(principal, "accept", referral_id, if_match) as current:
        if not current.repeated:
            terms.require_signed(principal.agency_id, current.now)
            due = handoff.next_handoff_due(current)
            current.claim()
            current.change_own(state="accepted", handoff_by=due)
            current.change(status="accepted", accepted_at=current.now)
            current.event(other_side_sees=True)
            grants.open_recipient_bundle(referral_id)
            current.access.accepted = True
            current.access.displaced = current.before.assigned - current.access.assigned
    return current.answer()


@act(
    Rule(None, Who.WORKER),
    Move(None, WAITING, "declined"),
    tells={"to": ANSWERED},
    repeat=Repeat.SAFE,
    summary="Say that your agency cannot take it.",
    description="Ends the referral. The sender is shown the code and the service that you suggest,"
    " if any. A private reason is sealed with your agency's own notes and is shown to no other"
    " agency; with one, the code has to be `other`.",
    body=Body(
        [
            Code(
                "code",
                codes.DECLINE,
                help="What the sender is shown.",
            ),
            Id("suggested_service_id", default=None),
            Code(
                "private_reason",
                codes.PRIVATE_REASON,
                help="Stays with your agency.",
                default=None,
            ),
        ]
    ),
    history="Declined",
    codes="decline",
    page=Page(
        offer="Decline",
        title="Decline",
        says="The sender is waiting for your answer. Pick a reason.",
        button="Decline",
        done="Declined. The sender sees it now.",
        likely={("to", "sent"): 2, ("to", "acknowledged"): 2},
        brief="The sender sees your reason at once.",
        group=Group.ANSWER,
    ),
)
def decline(
    principal: Principal,
    referral_id: UUID,
    code: str,
    *,
    suggested_service_id: UUID | None = None,
    private_reason: str | None = None,
    if_match: str | None = None,
) -> Detail:
    """Decline the referral. The sender is shown `code` and the suggestion. Twice is safe. Another
    code, suggestion or reason raises WrongState.

    `private_reason` (a code) is sealed with the agency's own notes and is never shared (R2).
    """
    codes.check("decline", code)
    if private_reason is not None:
        codes.check("private_reason", private_reason)
        if code != "other":  # a reason known only from the identity is never shown as another
            raise BadRequest(
                "private_reason",
                "With a private reason, the code must be other.",
                "/private_reason",
            )

    def same(current: ActTransaction) -> bool:
        recorded = (current.referral.code, current.referral.suggested_service_id)
        content = {"code": private_reason} if private_reason else None
        return recorded == (code, suggested_service_id) and notes.same_note_exists(
            current, "decline_reason", content
        )

    with act_transaction(principal, "decline", referral_id, if_match, same=same) as current:
        if not current.repeated:
            if code not in DECLINES and was_undone(referral_id):
                raise BadRequest(
                    "after_undo",
                    "The accept was taken back: the code must be no_capacity, out_of_area or"
                    " not_this_service.",
                    "/code",
                )
            if suggested_service_id and listings.find(principal, suggested_service_id) is None:
                raise NotPossible(
                    "service_unknown", "The suggested service is not in the directory."
                )
            current.claim()
            if private_reason:
                sealed_notes.seal_note(current, "decline_reason", {"code": private_reason})
            lifecycle.close_packet(current)
            current.change(
                status="declined",
                code=code,
                suggested_service_id=suggested_service_id,
                ended_at=current.now,
            )
            current.event(other_side_sees=True, code=code)
    return current.answer()


@act(
    Rule(None, Who.HOLDER),
    Move(None, TAKEN, "completed"),
    repeat=Repeat.SAFE,
    summary="Record that the work is done.",
    description="Ends the referral on your side and seals the outcome with your agency's notes."
    " The sender is shown nothing of it. To tell the sender, record a return release.",
    body=Body([Code("outcome", codes.OUTCOME, question="Outcome")]),
    history="Completed",
    page=Page(
        offer="Complete referral",
        title="Complete referral",
        says="The outcome is sealed with your notes. The sender does not see it.",
        button="Complete",
        done="Completed. The sender is shown “accepted”, as before.",
        likely={("to", "in_handoff"): 2},
        group=Group.ENDING,
    ),
)
def complete(
    principal: Principal, referral_id: UUID, outcome: str, *, if_match: str | None = None
) -> Detail:
    """Record that the work is done. The outcome is sealed; the sender is shown `accepted` as before
    (T4). Twice is safe. Another outcome raises WrongState: add a note instead."""
    codes.check("outcome", outcome)
    return _end_own(principal, "complete", referral_id, "completed", outcome, if_match)


@act(
    Rule(None, Who.HOLDER),
    Move(None, TAKEN, "unable"),
    repeat=Repeat.SAFE,
    summary="Record that you could not help.",
    description="Ends an accepted referral on your side and seals the reason with your agency's"
    " notes. The sender is shown nothing of it.",
    body=Body([Code("code", codes.PRIVATE_REASON, question="Why?")]),
    history="Not completed",
    codes="ended_by_the_clock",
    page=Page(
        offer="Could not help",
        title="Could not help",
        says="The reason is sealed with your notes. The sender does not see it.",
        button="Close referral",
        done="Closed. The sender is shown “accepted”, as before.",
        grave=True,
        group=Group.ENDING,
    ),
)
def unable(
    principal: Principal, referral_id: UUID, code: str, *, if_match: str | None = None
) -> Detail:
    """Record that the help did not come about. After an accept there is no decline, because the
    sender would learn of it (T4)."""
    codes.check("private_reason", code)
    return _end_own(principal, "unable", referral_id, "unable", code, if_match)


def _end_own(
    principal: Principal, act: str, referral_id: UUID, state: str, code: str, if_match: str | None
) -> Detail:
    kind = "outcome" if act == "complete" else act

    def same(current: ActTransaction) -> bool:
        return notes.same_note_exists(current, kind, {"code": code})

    with act_transaction(principal, act, referral_id, if_match, same=same) as current:
        if not current.repeated:
            sealed_notes.seal_note(current, kind, {"code": code})
            current.change_own(state=state, handoff_by=None, escalated_at=None)
            current.event(other_side_sees=False)
    return current.answer()


@act(
    Rule(None, Who.CLIENT, "referrals:read"),
    Move(None, frozenset({"sent"})),
    repeat=Repeat.SAFE,
    summary="Confirm that your system has received it.",
    description="A receipt by a partner system of the recipient. It acknowledges nothing, stops no"
    " deadline, and the sender is not shown it.",
    history="Received by a system of ours",
)
def delivered(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Record that a system of the recipient has the referral, as an event of its own side only
    (R15). Twice is safe.

    It names no person, acknowledges nothing and stops no clock. The sender is not shown it.
    """

    def already(current: ActTransaction) -> bool:
        mine = Event.objects.filter(referral_id=referral_id, agency_id=principal.agency_id)
        return mine.filter(act="delivered").exists()

    with act_transaction(principal, "delivered", referral_id, if_match, already) as current:
        if not current.repeated:
            with connection.cursor() as cursor:
                cursor.execute("SELECT sec.record_delivery(%s, %s)", [uuid7(), referral_id])
    return current.answer()
