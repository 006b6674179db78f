"""Legal hold (R13): a lead protects their side's part of a referral from purge until a date."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from permissions.errors import NotPossible
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals.act_registry.fields import Body, Moment
from referrals.act_registry.registry import Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.queries.details import Detail

LONGEST = timedelta(days=366)  # then it is set again, after a review


@act(
    Rule(Who.LEAD, Who.LEAD),
    Move(ANY - DRAFT, ANY - DRAFT),  # a draft ends after a day, or with the survivor's "no" (R14)
    repeat=Repeat.SAFE,
    summary="Set a legal hold on your side's part.",
    description="Nothing of your side's part is purged before that moment, which lies within the"
    " next 366 days. It replaces an earlier hold. The other agency is shown nothing of it.",
    body=Body(
        [
            Moment(
                "until",
                question="End date",
                hint="Up to 366 days ahead. Review it then.",
                help="Within the next 366 days; then look at it again.",
            )
        ]
    ),
    history="Legal hold set",
    page=Page(
        offer="Legal hold",
        title="Legal hold",
        says="Your agency's part is not deleted before that day. The other agency does not see it.",
        button="Set hold",
        done="The hold is set.",
        refused={"hold_length": "until"},
        group=Group.RECORDS,
    ),
)
def set_hold(
    principal: Principal, referral_id: UUID, until: datetime, *, if_match: str | None = None
) -> Detail:
    """Keep everything of this side from purge before `until`. This replaces an earlier hold.

    The other side is not shown it (T4). Twice is safe. Raises NotPossible if `until` is not in the
    next 366 days.
    """

    def already(current: ActTransaction) -> bool:
        return current.own is not None and current.own.hold_until == until

    with act_transaction(principal, "set_hold", referral_id, if_match, already) as current:
        if not current.repeated:
            if not current.now < until <= current.now + LONGEST:
                raise NotPossible("hold_length", "Enter a day within the next 366 days.")
            _hold(current, until)
    return current.answer()


@act(
    Rule(Who.LEAD, Who.LEAD),
    Move(ANY - DRAFT, ANY - DRAFT),
    repeat=Repeat.SAFE,
    summary="End your side's legal hold.",
    description="What is due of your side's part is purged within the hour, and cannot be"
    " restored.",
    history="Legal hold ended",
    page=Page(
        offer="End the legal hold",
        title="End the legal hold",
        says="What is due of your agency's part is deleted within the hour, permanently.",
        button="End the hold",
        done="The legal hold has ended.",
        useful=lambda seen: seen.own is not None and seen.own.hold_until is not None,
        grave=True,
        group=Group.RECORDS,
    ),
)
def end_hold(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """End the hold. What is due goes with the next purge. Twice is safe."""

    def already(current: ActTransaction) -> bool:
        return current.own is None or current.own.hold_until is None

    with act_transaction(principal, "end_hold", referral_id, if_match, already) as current:
        if not current.repeated:
            _hold(current, None)
    return current.answer()


def _hold(current: ActTransaction, until: datetime | None) -> None:
    own = current.own_side()
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.set_legal_hold(%s, %s)", [current.referral.id, until])
    own.version += 1
    own.hold_until = until
    current.event(other_side_sees=False)
