"""Acts that end a referral and close all of it at once: withdrawn by its sender, or stopped by
either side. Mistakes are in referrals/acts/entered_in_error.py."""

from uuid import UUID

from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import codes
from referrals.act_registry.fields import Body, Code
from referrals.act_registry.registry import Group, Move, Notification, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import DRAFT, TAKEN, WAITING
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.queries.details import Detail
from referrals.releases import lifecycle, notice_release


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, None),
    Move(WAITING | {"accepted"}, None, "withdrawn"),
    closes=True,
    tells={"from": (Notification("to", "holder", "taken_back"),)},
    repeat=Repeat.SAFE,
    summary="Withdraw the referral.",
    description="Ends the referral for both sides. Whatever the recipient could open is closed at"
    " once, and a notice that the survivor signed for is emptied. The recipient is shown the reason"
    " that you choose.",
    body=Body([Code("code", codes.WITHDRAW, question="Reason")]),
    history="Withdrawn",
    codes="withdraw",
    page=Page(
        offer="Withdraw referral",
        title="Withdraw referral",
        says="They lose access right away and will see the reason that you choose.",
        button="Withdraw",
        done="The referral is withdrawn. They can no longer open anything.",
        grave=True,
        group=Group.ENDING,
    ),
)
def withdraw(
    principal: Principal, referral_id: UUID, code: str, *, if_match: str | None = None
) -> Detail:
    """Withdraw the referral as its sender; destroy the recipient's bundle. Twice is safe. Another
    code raises WrongState."""
    codes.check("withdraw", code)

    def same(current: ActTransaction) -> bool:
        return current.referral.code == code

    with act_transaction(principal, "withdraw", referral_id, if_match, same=same) as current:
        if not current.repeated:
            lifecycle.close_packet(current)
            emptied = notice_release.end_with_referral(current)
            current.change(status="withdrawn", code=code, ended_at=current.now, **emptied)
            current.event(other_side_sees=True, code=code)
    return current.answer()


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.ASSIGNEE_OR_LEAD),
    Move(DRAFT | WAITING | {"accepted", "closed"}, TAKEN, "stopped"),
    closes=True,
    tells={"from": (Notification("to", "holder", "stop"),)},
    repeat=Repeat.SAFE,
    summary="Stop everything: no more contact.",
    description="Ends the referral at once and closes whatever was shared. When the sender stops"
    " it, the recipient is asked not to contact the survivor. When the recipient stops it, the"
    " sender is shown nothing. It cannot be undone.",
    history="Stopped",
    page=Page(
        offer="Stop all contact",
        title="Stop all contact",
        says="This ends the referral for everyone right away and cannot be undone. To end only what"
        " is shared, choose “Revoke permission”.",
        button="Stop it now",
        done="Stopped.",
        grave=True,
        brief="Ends this referral right away. It cannot be undone.",
        group=Group.ENDING,
    ),
)
def stop(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Stop everything: no contact. The sender's stop is shown to the recipient; the recipient's
    stop shows the sender nothing (T5). Twice is safe."""
    with act_transaction(principal, "stop", referral_id, if_match) as current:
        if not current.repeated:
            if current.referral.sent_at is not None:
                lifecycle.close_packet(current)
            if current.side == "from":
                emptied = notice_release.end_with_referral(current)
                current.change(status="stopped", ended_at=current.now, **emptied)
            else:
                current.change_own(state="stopped", handoff_by=None, escalated_at=None)
            current.event(other_side_sees=current.side == "from")
    return current.answer()
