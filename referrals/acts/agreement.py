"""The survivor's agreement to the notice (R14). A "no" stores only a tally: no survivor, no
service, no member, no hour. It leaves no entry in the access log either, since nothing is
disclosed. No one reads the tally: at a send it goes up by one, and whom the referral bars would
learn of it. A draft that was started before the survivor was asked is deleted with it; the log
records that the draft was purged, as for any draft.

A person could add a hundred of these in a second, and the tally would be worth nothing. So a "no"
without a draft is limited by member and by system. The counter names neither and ends after an
hour; the refusal of one too many is an entry of the log."""

from datetime import timedelta
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible, Refused
from permissions.identity import brakes
from permissions.policy import rules
from permissions.principal import Principal
from referrals.act_registry import transitions
from referrals.act_registry.transitions import require_state
from referrals.models import Referral
from referrals.queries.seen import find_locked

OF_MEMBER = brakes.Limit("no_of_member", 12, timedelta(hours=1))  # one in five minutes
OF_CLIENT = brakes.Limit("no_of_client", 60, timedelta(hours=1))


def erase_draft(principal: Principal, draft_id: UUID) -> None:
    """Erase a draft that may never be sent: the survivor could not be asked, and the law asks for
    their signature. It is no "no", so nothing is counted. Raises as `record_no` does."""
    try:
        with identified_transaction(principal):
            _erase(principal, draft_id)
    except Refused as refusal:
        writer.log_refusal(principal, "agreement.decline", refusal.code, draft_id)
        raise


def record_no(principal: Principal, draft_id: UUID | None = None) -> None:
    """Record that the survivor does not want it sent. Adds one to the own agency's tally of this
    month and deletes the draft, if there is one, at once. Both happen or neither.

    Twice counts two. For the same draft the second call raises NotVisible and counts nothing.
    Raises NotVisible, NotPermitted, WrongState if it was sent, and TooOften without a draft; each
    is logged, as every refusal is. A draft is always deleted: its creation is in the log.
    """
    try:
        with identified_transaction(principal):
            transitions.require(principal, "create", rules.CallerRelation("from", True, True))
            if draft_id is not None:
                _erase(principal, draft_id)
            else:
                _brake(principal)
            count_answer(no=True)
    except Refused as refusal:
        writer.log_refusal(principal, "agreement.decline", refusal.code, draft_id)
        raise


def _brake(principal: Principal) -> None:
    brakes.require_turn(OF_MEMBER, principal.staff_id)
    if principal.client_id is not None:
        brakes.require_turn(OF_CLIENT, principal.client_id)


def _erase(principal: Principal, draft_id: UUID) -> None:
    """Erase keys and rows in the transaction of the tally. If the process is killed halfway,
    nothing has changed."""
    seen = find_locked(principal, draft_id, closing=True)
    who = seen.relation(principal)
    transitions.require(principal, "send", who)
    require_state("send", who.side, seen.referral.status)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.erase_draft(%s, %s)", [uuid7(), draft_id])


def count_answer(*, no: bool) -> None:
    """Count one more notice offered, in the transaction of a sending or of a "no"."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.count_agreement_answer(%s)", [no])


def check_agreement(referral: Referral, agreement: str) -> None:
    """Raise NotPossible if the survivor cannot say now and the notice asks for more than that a
    worker comes and asks them when they can. In that case no one is called about them and they are
    sent nowhere."""
    if agreement == "cannot_say" and referral.wanted != "come_here":
        raise NotPossible(
            "wanted", "If the survivor cannot answer now, ask only for a visit (come_here)."
        )
