"""Who works on a referral, within one agency: assign, hand over, take over (R7).

Access follows assignment, not membership. Leads who assign themselves give a reason. Another member
sees it at once, in the side's history and in `self_assignments`. A referral that has ended cannot
be handed over, but members can be assigned to it until their side's part is purged, because they
are needed for the accounting and the notes. The database checks the same rules, and only it writes
assignments (sec.claim_referral).
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from permissions import assignments
from permissions.audit import writer
from permissions.database.aliases import AUDITOR
from permissions.errors import NotPermitted, NotPossible
from permissions.models import CASEWORK, Agency, Membership
from permissions.policy.rules import Rule, Who, require_scope
from permissions.principal import Principal
from referrals import codes
from referrals.act_registry.fields import Body, Code, Flag, Id
from referrals.act_registry.registry import PUT_ON, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT, TAKEN, WAITING, is_held, is_unheld
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import READS, sees_referrals
from referrals.queries.details import Detail
from referrals.queries.live_blocks import live_blocks

MOST_TOLD = 100


def _may_be_taken_over(seen: Detail) -> bool:
    """Return whether taking it over can be meant. A new one that no one holds is acknowledged."""
    return is_held(seen) or (seen.side, seen.status) != ("to", "sent")


@act(
    Rule(Who.HOLDER_OR_LEAD, Who.HOLDER_OR_LEAD),
    # After the end too. Otherwise no one could account to the survivor once all assignees left.
    Move(ANY, ANY - DRAFT),
    tells={"from": PUT_ON, "to": PUT_ON},
    repeat=Repeat.SAFE,
    summary="Assign a colleague.",
    description="A colleague works on the referral too, and may open the packet and your agency's"
    " notes. It is possible after the end as well. A lead who names themselves gives a reason, and"
    " another member of the agency is notified. The other agency is shown nothing of it.",
    body=Body(
        [
            Id("member_id", help="A worker or lead of your agency."),
            Code(
                "reason",
                codes.SELF_ASSIGNMENT,
                help="Needed from a lead who names themselves.",
                default=None,
            ),
        ]
    ),
    history="Coworker added",
    codes="self_assignment",
    page=Page(
        offer="Add a coworker",
        title="Add a coworker",
        says="They can then open the packet and your notes. The other agency does not see this.",
        button="Add coworker",
        done="The coworker is added.",
        group=Group.PEOPLE,
    ),
)
def assign(
    principal: Principal,
    referral_id: UUID,
    member_id: UUID,
    *,
    reason: str | None = None,
    if_match: str | None = None,
) -> Detail:
    """Assign `member_id`, a worker or lead of the own agency, in addition. Twice is safe.

    Leads who assign themselves give a coded `reason` (R7). It is possible after the end as well,
    until the own part is purged (R13). Raises NotPossible.
    """
    _check(reason)

    def already(current: ActTransaction) -> bool:
        return assignments.is_assigned(current.referral, principal.agency_id, member_id)

    with act_transaction(principal, "assign", referral_id, if_match, already) as current:
        if not current.repeated:
            is_self = member_id == principal.staff_id
            if is_self:
                _log_self_assignment(current, reason)
            _colleague(current, member_id)
            current.assign(member_id, reason if is_self else None)
            current.event(other_side_sees=False, code=reason if is_self else None, about=member_id)
    return current.answer()


@act(
    Rule(Who.HOLDER_OR_LEAD, Who.HOLDER_OR_LEAD),
    Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    tells={"from": PUT_ON, "to": PUT_ON},
    repeat=Repeat.SAFE,
    summary="Hand the referral over to a colleague.",
    description="A colleague becomes the holder on your side. The previous holder is no longer"
    " assigned, unless you set `keep`. The other agency is shown nothing of it.",
    body=Body(
        [
            Id(
                "member_id",
                help="A worker or lead of your agency.",
            ),
            Flag("keep", help="Keep the previous holder assigned.", default=False),
        ]
    ),
    history="Handed over",
    page=Page(
        offer="Hand over to a coworker",
        title="Hand over to a coworker",
        says="The coworker becomes the holder. The other agency does not see this.",
        button="Hand over",
        done="The referral is handed over.",
        useful=is_held,
        group=Group.PEOPLE,
    ),
)
def hand_over(
    principal: Principal,
    referral_id: UUID,
    member_id: UUID,
    *,
    keep: bool = False,
    if_match: str | None = None,
) -> Detail:
    """Make `member_id` of the own agency the holder. Twice is safe.

    The previous holder loses their assignment, unless `keep`. Raises NotPossible.
    """

    def already(current: ActTransaction) -> bool:
        return current.own is not None and current.own.holder_id == member_id

    with act_transaction(principal, "hand_over", referral_id, if_match, already) as current:
        if not current.repeated:
            if member_id == principal.staff_id:
                raise NotPossible(
                    "take_over_instead", "To become the holder yourself, use take_over."
                )
            _colleague(current, member_id)
            current.transfer(member_id, keep=keep)
            current.event(other_side_sees=False, about=member_id)
    return current.answer()


@act(
    Rule(Who.LEAD_OR_UNHELD, Who.WORKER_THEN_LEAD),
    Move(DRAFT | WAITING | {"accepted"}, WAITING | TAKEN),
    repeat=Repeat.SAFE,
    summary="Become the holder yourself.",
    description="The acting member becomes the holder on your side. Before the accept any worker"
    " of the recipient may do so. Otherwise a lead may, and any worker while no one holds it; they"
    " give a reason, and another member of the agency is notified. The previous holder is no longer"
    " assigned, unless you set `keep`.",
    body=Body(
        [
            Code(
                "reason",
                codes.SELF_ASSIGNMENT,
                help="Needed, except at the recipient before the accept.",
                default=None,
            ),
            Flag("keep", help="Keep the previous holder assigned.", default=False),
        ]
    ),
    history="Taken over",
    codes="self_assignment",
    page=Page(
        offer="Take over this referral",
        title="Take over this referral",
        says="You become the holder. The other agency does not see this.",
        button="Take over",
        done="You are the holder now.",
        useful=_may_be_taken_over,
        group=Group.PEOPLE,
    ),
)
def take_over(
    principal: Principal,
    referral_id: UUID,
    *,
    reason: str | None = None,
    keep: bool = False,
    if_match: str | None = None,
) -> Detail:
    """Make the acting member the holder. Twice is safe.

    Until the accept any worker of the recipient may do so; otherwise a lead, or any worker while no
    one holds it, with a coded `reason` (R7). The previous holder loses their assignment, unless
    `keep`. Raises NotPossible.
    """
    _check(reason)

    def already(current: ActTransaction) -> bool:
        return current.own is not None and current.own.holder_id == principal.member_id

    with act_transaction(principal, "take_over", referral_id, if_match, already) as current:
        if not current.repeated:
            waiting = current.side == "to" and current.referral.accepted_at is None
            why = None if waiting else reason
            if not waiting:
                _log_self_assignment(current, reason)
            current.claim(reason=why, keep=keep)
            current.event(other_side_sees=False, code=why, about=principal.staff_id)
    return current.answer()


def _check(reason: str | None) -> None:
    if reason is not None:
        codes.check("self_assignment", reason)


def _log_self_assignment(current: ActTransaction, reason: str | None) -> None:
    """Require a reason, and a lead unless no one holds it, and log the act in the access log as a
    self-assignment (R7).

    Raises NotPermitted, NotPossible."""
    taken_over = current.act == "take_over" and is_unheld(current.own)
    if not (taken_over or current.principal.has_role("lead")):
        raise NotPermitted("not_assigned", "Only a lead may assign themselves.")
    if reason is None:
        raise NotPossible("reason_missing", "State why you assign yourself: a reason code.")
    current.attempt.act = "referral.self_assign"
    current.attempt.record(subject=current.own_side().subject, rule=reason)


def _colleague(current: ActTransaction, member_id: UUID) -> Membership:
    """Return a worker or lead of the caller's own agency who is not barred by a block that the
    caller knows of. Raises NotPossible for anyone else. (A member barred by a block of another side
    is assigned and still sees nothing.)"""
    principal, referral = current.principal, current.referral
    member = Membership.objects.filter(
        id=member_id, agency_id=principal.agency_id, active=True, roles__overlap=list(CASEWORK)
    ).first()
    if member is None:
        raise NotPossible("member_unknown", "Your agency has no such worker or lead.")
    for block in live_blocks(principal, referral):
        if block.member_id == member_id:
            raise NotPossible("barred", "This member is barred from it, at the survivor's request.")
        if block.kind == "leads_only" and current.side == "to" and "lead" not in member.roles:
            raise NotPossible("barred", "Only leads may work on it, at the survivor's request.")
    return member


def colleagues(principal: Principal) -> list[Membership]:
    """Return who could work on a referral of the own agency, ordered by name. Call it within a
    transaction of the caller."""
    own = Membership.objects.filter(agency_id=principal.agency_id, active=True)
    return list(own.filter(roles__overlap=list(CASEWORK)).order_by("name", "id"))


# -- Who is notified -------------------------------------------------------------------------------


class SelfAssignmentAlert(NamedTuple):
    """A lead who assigned themselves to a referral of the own agency."""

    id: UUID
    at: datetime
    referral_id: UUID
    member_id: UUID
    member_name: str | None
    reason: str


class OutsideReviewAlert(NamedTuple):
    """A self-assignment in an agency of one, shown to its outside reviewer by reference only."""

    id: UUID
    at: datetime
    agency_name: str
    reference: str


def self_assignments(
    principal: Principal,
) -> tuple[list[SelfAssignmentAlert], list[OutsideReviewAlert]]:
    """Return the newest self-assignments of the own agency, for its workers, leads and auditor, and
    those of agencies of one that named the caller as their outside reviewer (R7). An administrator
    is shown only the latter. One access entry.

    Raises NotPermitted for anyone else.
    """
    auditor = principal.has_role("auditor") or (
        principal.is_client and principal.may("audit:read") and not sees_referrals(principal)
    )
    using = AUDITOR if auditor else "default"
    with writer.logged_act(principal, "self_assignments.read", using=using) as attempt:
        require_scope(principal, READS, "audit:read")
        reviews = [] if auditor else _to_review()
        oversees = principal.has_role("agency_admin") and not principal.is_client
        if not (auditor or sees_referrals(principal) or reviews or oversees):
            raise NotPermitted("role_missing", "These alerts are for workers, leads and auditors.")
        own = _own(principal, using)
        attempt.record(referral_ids=[alert.referral_id for alert in own])
    return own, reviews


def _own(principal: Principal, using: str) -> list[SelfAssignmentAlert]:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT s.id, s.at, s.referral_id, s.member_id, m.name, s.reason"
            " FROM self_assignment s LEFT JOIN permissions_membership m ON m.id = s.member_id"
            " WHERE s.agency_id = %s ORDER BY s.at DESC, s.id DESC LIMIT %s",
            [principal.agency_id, MOST_TOLD],
        )
        return [SelfAssignmentAlert._make(row) for row in cursor.fetchall()]


def _to_review() -> list[OutsideReviewAlert]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT id, agency_id, reference, at FROM sec.self_assignments_to_review()")
        rows = cursor.fetchall()
    names = dict(Agency.objects.filter(id__in=[row[1] for row in rows]).values_list("id", "name"))
    return [
        OutsideReviewAlert(id_, at, names[agency], reference) for id_, agency, reference, at in rows
    ]
