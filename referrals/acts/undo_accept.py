"""An accept by a slip of the thumb, taken back (docs/rules.md, act 29): once a referral, within
five minutes, before the recipient opened or did anything.

It runs under the exclusive lock, as every act that closes: no opening is under way. The database
checks the same (sec.undo_accept). Until an opening no one at the recipient knows more than the
notice says, so the sender may see the answer change (R2); a decline afterwards gives facts about
the agency only.
"""

from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_noop

from permissions import assignments
from permissions.errors import NotPossible
from permissions.identity import bound_access
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals.act_registry.registry import Group, Move, Notification, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import Event
from referrals.queries.details import Detail

WITHIN = timedelta(minutes=5)
# What a decline may say afterwards: facts about the agency, known without the survivor's identity.
DECLINES = frozenset({"no_capacity", "out_of_area", "not_this_service"})

_NOT_NOW = {
    "not_accepted": gettext_noop(
        "You do not hold an accepted referral that no one has started on."
    ),
    "undone_before": gettext_noop(
        "An accept is taken back once only. Close the referral with “Could not help”."
    ),
    "too_late": gettext_noop(
        "An accept can be taken back for five minutes. Close the referral with “Could not help”."
    ),
    "worked_on_since": gettext_noop(
        "Your agency opened it or worked on it since the accept. Close the referral with “Could"
        " not help”."
    ),
}


def _useful(seen: Detail) -> bool:
    accepted = seen.referral.accepted_at
    return accepted is not None and seen.now <= accepted + WITHIN


@act(
    Rule(None, Who.HOLDER),
    Move(None, frozenset({"accepted"}), "acknowledged"),
    closes=True,
    tells={"to": (Notification("from", "holder", "accept_undone"),)},
    repeat=Repeat.SAFE,
    summary="Take your accept back, within five minutes.",
    description="Once a referral, by its holder, and only if your agency has opened nothing and"
    " done nothing else since the accept. The packet closes; the member who held it before holds it"
    " again. The deadlines go on, with ten minutes at least for an answer. The sender is shown"
    " `acknowledged` again and is called. A decline afterwards is `no_capacity`, `out_of_area` or"
    " `not_this_service`.",
    history="Accept taken back",
    page=Page(
        offer="Take back your accept",
        title="Take back your accept",
        says="For five minutes, before anyone at your agency opens it. The sender is called. Then"
        " answer again: accept or decline.",
        button="Take it back",
        done="Your accept is taken back. Now accept or decline.",
        brief="The sender is called. Only before anyone at your agency opens it.",
        group=Group.ANSWER,
        likely={("to", "accepted"): 9},
        useful=_useful,
        grave=True,
    ),
)
def undo_accept(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Take the accept back. The grant closes, and its holder of before holds it again.
    Twice is safe for a caller who still holds it. Raises NotPossible with the reason."""
    with act_transaction(principal, "undo_accept", referral_id, if_match) as current:
        if not current.repeated:
            _refuse_unless_untouched(referral_id)
            _return(current)
            current.event(other_side_sees=True)
    return current.answer()


def _refuse_unless_untouched(referral_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.accept_undo_refusal(%s)", [referral_id])
        (reason,) = cursor.fetchone()
    if reason is not None:
        raise NotPossible(reason, _NOT_NOW[reason])


def _return(current: ActTransaction) -> None:
    """Take the accept out of the rows and of the record of who may open what. The record gives
    nobody an assignment that the accept had not ended."""
    held = set(assignments.undo_accept(current.referral))
    access, caller = current.access, current.principal.staff_id
    access.assigned.discard(caller)
    if not held <= access.assigned | access.displaced | {caller}:
        raise bound_access.refused(current.referral.id)
    access.assigned |= held
    access.accepted = False
    access.displaced = set()
    for row in (current.referral, current.own_side()):
        row.refresh_from_db()


def was_undone(referral_id: UUID) -> bool:
    """Whether an accept of this referral was taken back."""
    return Event.objects.filter(referral_id=referral_id, act="undo_accept").exists()
