"""Conflict blocks (R12): on the survivor's word, who may not know of a referral.

A block overrides every grant, assignment and role. A barred caller is answered as for a random id,
by `visible_to` and by every policy (`sec.is_not_blocked`). The database stores and lifts blocks and
checks the same rules: sql/functions/blocks.sql. All blocks belong to the own side (T4) and are
visible to those who answer for it. A recipient's leads also know of the sender's `leads_only`,
which binds them.
"""

from contextlib import AbstractContextManager
from uuid import UUID

from django.db import connection

from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, NotPermitted, NotPossible
from permissions.identity.access_record import Block
from permissions.models import Membership
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals.act_registry.fields import Body, Flag, Id
from referrals.act_registry.registry import Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import DRAFT, TAKEN, WAITING
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import Referral
from referrals.queries.details import Detail
from referrals.queries.live_blocks import live_blocks

WHOM = Body(
    [
        Id("member_id", help="A member of your own agency.", default=None),
        Flag("other_agency", help="The whole other agency; by the sender.", default=False),
    ],
    name="BlockIn",
    says="The member, or the whole other agency: give exactly one.",
)


def marked(seen: Detail) -> bool:
    """Return whether the own side has set `leads_only`."""
    return any(block_.ours and block_.kind == "leads_only" for block_ in seen.blocks)


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.ASSIGNEE_OR_LEAD),
    Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    closes=True,
    repeat=Repeat.SAFE,
    summary="Bar a person, or the other agency, from it.",
    description="On the survivor's word. From then on the referral does not exist for them,"
    " whatever their role, and they cannot find out that it does. The sender may also bar the"
    " whole other agency. Only your agency's people who answer for the referral learn of it.",
    body=WHOM,
    history="Kept out, at the survivor's request",
    page=Page(
        offer="Keep someone out (conflict of interest)",
        title="Keep someone out",
        says="From now on this referral does not exist for them, whatever their role. They are not"
        " notified, and cannot find out here. Do not tell them yourself.",
        button="Keep them out",
        done="They are kept out. If they try to open it, you will see an alert.",
        grave=True,
        brief="For a conflict of interest. They no longer see this referral. They are not"
        " notified.",
        group=Group.PEOPLE,
    ),
)
def block(
    principal: Principal,
    referral_id: UUID,
    member_id: UUID | None = None,
    *,
    other_agency: bool = False,
    if_match: str | None = None,
) -> Detail:
    """Bar a member of the own agency or, if the caller is the sender, the whole other agency. Twice
    is safe.

    A barred member loses their assignment. If they were the holder and the caller works on the
    referral, the caller becomes the holder. Raises BadRequest, NotPermitted, NotPossible.
    """
    return _set(principal, "block", referral_id, member_id, other_agency, if_match)


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.ASSIGNEE_OR_LEAD),
    Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    repeat=Repeat.SAFE,
    summary="Lift a block that your side set.",
    description="The person or agency can see the referral again. No one is assigned again by it.",
    body=WHOM,
    history="Let in again",
    page=Page(
        offer="Let someone see it again",
        title="Let someone see it again",
        says="Only at the survivor's request. It does not assign them again.",
        button="Let them see it again",
        done="They can see it again.",
        useful=lambda seen: any(one.ours and one.kind != "leads_only" for one in seen.blocks),
        group=Group.PEOPLE,
    ),
)
def unblock(
    principal: Principal,
    referral_id: UUID,
    member_id: UUID | None = None,
    *,
    other_agency: bool = False,
    if_match: str | None = None,
) -> Detail:
    """Lift the own side's block. This does not assign the barred member again. Twice is safe."""
    return _set(principal, "unblock", referral_id, member_id, other_agency, if_match)


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.LEAD),
    Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    closes=True,
    repeat=Repeat.SAFE,
    summary="Show it to the recipient's leads only.",
    description="For a survivor who fears one of the recipient's people and cannot say whom. From"
    " then on only leads of the recipient see the referral. It is refused where the recipient of a"
    " sent referral has no lead to answer it (`nobody_to_answer`): call them.",
    history="For leads only",
    page=Page(
        offer="Restrict to their leads",
        title="Restrict to their leads",
        says="Use this if the survivor fears a person who works there and you cannot say who. Only"
        " leads of the receiving agency will see it. Call a lead there and give the reference.",
        button="Leads only",
        done="Only leads of the receiving agency see it now.",
        grave=True,
        useful=lambda seen: not marked(seen),
        brief="Only leads of the receiving agency will see it. Their workers are not notified.",
        group=Group.PEOPLE,
    ),
)
def leads_only(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Restrict the referral to the recipient's leads, when the survivor fears one of the
    recipient's people and cannot say whom. Twice is safe.

    Raises NotPossible if the recipient of a sent referral has no lead left to answer it.
    """
    with _marking(principal, "leads_only", referral_id, if_match) as current:
        if not current.repeated:
            _set_block(current, "leads_only", None)
            if current.referral.sent_at is not None and not can_answer(
                current.referral.to_agency_id, referral_id
            ):
                raise NotPossible(
                    "nobody_to_answer", "They have no lead who could answer it. Call them."
                )
            current.event(other_side_sees=False, reserved=True)
    return current.answer()


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.LEAD),
    Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    repeat=Repeat.SAFE,
    summary="Show it to all of the recipient's workers again.",
    description="Lifts the mark that your own side set with `leads_only`.",
    history="Opened to all their staff again",
    page=Page(
        offer="Let all their staff see it",
        title="Let all their staff see it",
        says="All workers of the receiving agency will see it again.",
        button="Let them see it",
        done="Workers of the receiving agency see it again.",
        useful=marked,
        group=Group.PEOPLE,
    ),
)
def end_leads_only(
    principal: Principal, referral_id: UUID, *, if_match: str | None = None
) -> Detail:
    """Lift the own side's `leads_only`. Twice is safe."""
    with _marking(principal, "end_leads_only", referral_id, if_match) as current:
        if not current.repeated:
            _lift_block(current, "leads_only", None)
            current.event(other_side_sees=False, reserved=True)
    return current.answer()


def _marking(
    principal: Principal, act: str, referral_id: UUID, if_match: str | None
) -> AbstractContextManager[ActTransaction]:
    def already(current: ActTransaction) -> bool:
        there = _is_set(current, "leads_only", None)
        return there if act == "leads_only" else not there

    return act_transaction(principal, act, referral_id, if_match, already)


def _set(
    principal: Principal,
    act: str,
    referral_id: UUID,
    member_id: UUID | None,
    other_agency: bool,
    if_match: str | None,
) -> Detail:
    if (member_id is None) != other_agency:
        raise BadRequest("whom", "Name a member of your agency or the other agency, but not both.")
    kind = "agency" if other_agency else "member"

    def already(current: ActTransaction) -> bool:
        there = _is_set(current, kind, member_id)
        return there if act == "block" else not there

    with act_transaction(principal, act, referral_id, if_match, already) as current:
        if other_agency and current.side == "to":
            raise NotPermitted("wrong_side", "The recipient may bar its own members only.")
        if not current.repeated:
            if act == "unblock":
                _lift_block(current, kind, member_id)
            else:
                _check(principal, member_id)
                _set_block(current, kind, member_id)
                if current.own is not None:
                    current.own.refresh_from_db()
            current.event(other_side_sees=False, about=member_id, reserved=True)
    return current.answer()


def copy_blocks(current: ActTransaction, before: Referral) -> None:
    """Copy the own side's blocks from `before` to the current draft, which replaces it. What the
    survivor said of a person holds wherever they go next; what they said of the other agency holds
    while it is the same agency. Each copy is an act with its own event and entry, as if it were set
    again (R12)."""
    principal, referral = current.principal, current.referral
    for block_ in live_blocks(principal, before):
        if block_.kind == "member" or before.to_agency_id == referral.to_agency_id:
            act = "leads_only" if block_.kind == "leads_only" else "block"
            _set_block(current, block_.kind, block_.member_id)
            current.event(other_side_sees=False, act=act, about=block_.member_id, reserved=True)
            current.attempt.second_entry(f"referral.{act}").record(
                subject=current.own_side().subject
            )


def _check(principal: Principal, member_id: UUID | None) -> None:
    if member_id is None:
        return
    if member_id == principal.staff_id:
        raise NotPossible(
            "barring_yourself", "You cannot bar yourself. Hand it over; the new holder can bar you."
        )
    if not Membership.objects.filter(id=member_id, agency_id=principal.agency_id).exists():
        raise NotPossible("member_unknown", "Your agency has no such member.")


def _is_set(current: ActTransaction, kind: str, member_id: UUID | None) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM conflict_block WHERE referral_id = %s AND agency_id = %s AND kind = %s"
            " AND bars_member_id IS NOT DISTINCT FROM %s AND lifted_at IS NULL",
            [current.referral.id, current.principal.agency_id, kind, member_id],
        )
        return cursor.fetchone() is not None


def _set_block(current: ActTransaction, kind: str, member_id: UUID | None) -> None:
    referral, own = current.referral, current.principal.agency_id
    _call("sec.set_block(%s, %s, %s, %s)", uuid7(), referral.id, kind, member_id)
    person_id = None
    if member_id is not None:
        person_id = Membership.objects.values_list("person_id", flat=True).get(id=member_id)
        current.access.assigned.discard(member_id)
    barred = own if kind == "member" else referral.to_agency_id
    current.access.blocks.add(Block(kind, own, barred, member_id, person_id))


def _lift_block(current: ActTransaction, kind: str, member_id: UUID | None) -> None:
    own = current.principal.agency_id
    _call("sec.lift_block(%s, %s, %s)", current.referral.id, kind, member_id)
    current.access.blocks = {
        block_
        for block_ in current.access.blocks
        if (block_.kind, block_.set_by_agency_id, block_.member_id) != (kind, own, member_id)
    }


def _call(call: str, *values: UUID | str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {call}", values)


def can_answer(agency_id: UUID, referral_id: UUID) -> bool:
    """Return whether the agency takes notices and has a member to answer who is not barred by a
    block of the caller's side. The answer is yes or no, never who (the staff list is theirs)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.has_staff_to_answer(%s, %s)", [agency_id, referral_id])
        row = cursor.fetchone()
    return bool(row and row[0])
