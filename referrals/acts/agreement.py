"""The survivor's agreement to the notice (R14). A "no" stores only a tally: no survivor, no
service, no member, no hour. It leaves no entry in the access log either, since nothing is
disclosed. A draft that was started before the survivor was asked is deleted with it; the log
records that the draft was purged, as for any draft."""

from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPermitted, NotPossible, NotVisible, Refused
from permissions.policy import rules
from permissions.principal import Principal
from referrals.act_registry import transitions
from referrals.act_registry.transitions import caller_relation, require_state
from referrals.models import AgreementTally, Referral, sees_referrals, side_kept
from referrals.referral_lock import lock_readers
from referrals.visible_status import side_of


class Tally(NamedTuple):
    month: date  # its first day
    offered: int  # notices offered by the own agency, including the declined ones
    declined: int


def record_no(principal: Principal, draft_id: UUID | None = None) -> None:
    """Record that the survivor does not want it sent. Adds one to the own agency's tally of this
    month and deletes the draft, if there is one, at once. Both happen or neither.

    Twice counts two. For the same draft the second call raises NotVisible and counts nothing.
    Raises NotVisible, NotPermitted, and WrongState if it was sent; each is logged, as every refusal
    is.
    """
    try:
        with identified_transaction(principal):
            transitions.require(principal, "create", rules.CallerRelation("from", True, True))
            if draft_id is not None:
                _erase(principal, draft_id)
            count_answer(no=True)
    except Refused as refusal:
        writer.log_refusal(principal, "agreement.decline", refusal.code, draft_id)
        raise


def _erase(principal: Principal, draft_id: UUID) -> None:
    """Erase keys and rows in the transaction of the tally. If the process is killed halfway,
    nothing has changed."""
    lock_readers(draft_id, shared=False)
    visible = Referral.objects.visible_to(principal).filter(id=draft_id)
    if visible.select_for_update().first() is None:
        raise NotVisible
    draft = visible.first()  # see again: referrals/act_transaction.py
    if draft is None:
        raise NotVisible
    side, own = side_of(principal, draft), side_kept(principal, draft_id)
    transitions.require(principal, "send", caller_relation(principal, draft, side, own))
    require_state("send", side, draft.status)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.erase_draft(%s, %s)", [uuid7(), draft_id])


def count_answer(*, no: bool) -> None:
    """Count one more notice offered, in the transaction of a sending or of a "no"."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.tally(%s)", [no])


def tallies(principal: Principal) -> list[Tally]:
    """Return the own agency's tallies, newest month first. One access entry."""
    with writer.logged_act(principal, "agreement.read"):
        if not sees_referrals(principal):
            raise NotPermitted("role_missing", "The tally is for workers and leads.")
        rows = AgreementTally.objects.filter(agency_id=principal.agency_id).order_by("-month")
        return [Tally(*row) for row in rows.values_list("month", "offered", "declined")]


def check_agreement(referral: Referral, agreement: str) -> None:
    """Raise NotPossible if the survivor cannot say now and the notice asks for more than that a
    worker comes and asks them when they can. In that case no one is called about them and they are
    sent nowhere."""
    if agreement == "cannot_say" and referral.wanted != "come_here":
        raise NotPossible(
            "wanted", "She cannot say now: ask only that somebody comes here (come_here)."
        )
