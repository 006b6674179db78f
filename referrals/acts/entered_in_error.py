"""A referral that was a mistake: misdirected at 2 a.m., the wrong content, a test.

The recipient's bundle is destroyed at once. A misdirected packet is a breach that must be reported.
The sender is therefore shown whether it had been opened, by how many and when, but not by whom.
This is all that the sender ever learns about the recipient's reading. The leads of both sides are
given the list.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from permissions.audit import writer
from permissions.errors import NotPermitted
from permissions.models import Agency
from permissions.policy.rules import Rule, Who, require_scope
from permissions.principal import Principal
from referrals import codes
from referrals.act_registry.fields import Body, Code
from referrals.act_registry.registry import REVIEWED, Group, Move, Notification, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import OPEN
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import READS, Referral
from referrals.queries import details
from referrals.queries.details import Detail
from referrals.releases import lifecycle, notice_release

MOST_LISTED = 100


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, None),
    Move(OPEN - {"in_handoff"}, None, "entered_in_error"),
    closes=True,
    tells={"from": (Notification("to", "holder", "taken_back"), *REVIEWED)},
    repeat=Repeat.SAFE,
    summary="Mark the referral as a mistake.",
    description="Ends a referral that should not have been sent: to the wrong agency, with the"
    " wrong content, twice. Whatever the recipient could open is closed at once. The recipient is"
    " shown the code; you are shown whether the packet had been opened, by how many and when."
    " Leads of both agencies review it (`GET /v1/mistakes`).",
    body=Body(
        [
            Code(
                "code",
                codes.MARK_ERROR,
                question="What was the mistake?",
                help="The recipient is shown it.",
            )
        ]
    ),
    history="Marked as sent by mistake",
    codes="mark_error",
    page=Page(
        offer="Sent by mistake",
        title="Sent by mistake",
        says="They lose access right away and will see your reason. You see whether the packet had"
        " been opened. Your lead and theirs review it.",
        button="Mark it as a mistake",
        done="Marked as a mistake. They can no longer open anything.",
        grave=True,
        brief="They lose access right away and see your reason. Your lead and theirs review it.",
        group=Group.ENDING,
    ),
)
def mark_error(
    principal: Principal, referral_id: UUID, code: str, *, if_match: str | None = None
) -> Detail:
    """Mark it as the sender's mistake. Its content can no longer be opened. Twice is safe. Another
    code raises WrongState."""
    codes.check("mark_error", code)

    def same(current: ActTransaction) -> bool:
        return current.referral.code == code

    with act_transaction(principal, "mark_error", referral_id, if_match, same=same) as current:
        if not current.repeated:
            if current.referral.sent_at is not None:
                lifecycle.close_packet(current)
            emptied = notice_release.end_with_referral(current)
            current.change(status="entered_in_error", code=code, ended_at=current.now, **emptied)
            current.event(other_side_sees=True, code=code)
    return current.answer()


class Mistake(NamedTuple):
    """A referral marked as an error. `openings` is for the sender. It is None for the recipient,
    whose own log says which of its people opened what."""

    referral_id: UUID
    reference: str
    side: str
    other_agency_name: str
    code: str
    at: datetime
    openings: details.Openings | None


def list_mistakes(principal: Principal) -> list[Mistake]:
    """Return the newest hundred mistakes of either side, for a lead. Raises NotPermitted. One
    access entry."""
    with writer.logged_act(principal, "mistakes.read") as attempt:
        require_scope(principal, READS)
        if not principal.has_role("lead"):
            raise NotPermitted(
                "role_missing", "Only a lead reviews referrals that were marked as a mistake."
            )
        seen = Referral.objects.visible_to(principal).filter(
            status="entered_in_error", sent_at__isnull=False
        )
        newest = seen.order_by("-ended_at", "-id")
        # By side: each is a scan of a small index, however long the history is (ADR 0121).
        rows = [
            *newest.filter(from_agency_id=principal.agency_id)[:MOST_LISTED],
            *newest.filter(to_agency_id=principal.agency_id)[:MOST_LISTED],
        ]
        rows = sorted(rows, key=lambda row: (row.ended_at, row.id), reverse=True)[:MOST_LISTED]
        attempt.record(referral_ids=[row.id for row in rows])
        names = dict(
            Agency.objects.filter(
                id__in={a for row in rows for a in (row.from_agency_id, row.to_agency_id)}
            ).values_list("id", "name")
        )
        ours = [row.id for row in rows if row.from_agency_id == principal.agency_id]
        opened = details.openings_of(ours)
        return [_mistake(principal, row, names, opened.get(row.id)) for row in rows]


def _mistake(
    principal: Principal,
    referral: Referral,
    names: dict[UUID, str],
    openings: details.Openings | None,
) -> Mistake:
    ours = referral.from_agency_id == principal.agency_id
    assert referral.ended_at is not None  # written with the state
    return Mistake(
        referral.id,
        referral.reference,
        "from" if ours else "to",
        names[referral.to_agency_id if ours else referral.from_agency_id],
        referral.code or "",
        referral.ended_at,
        openings,
    )
