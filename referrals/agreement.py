"""Her agreement to the notice (R14). A "no" stores nothing but a tally: no survivor, no service, no
member, no hour; no entry in the access log either, since nothing is disclosed."""

from datetime import date
from typing import NamedTuple

from django.db import connection

from permissions import log, policy
from permissions.errors import NotPermitted, NotPossible, Refused
from permissions.principal import Principal
from permissions.session import begin
from referrals.models import AgreementTally, Referral, sees_referrals


class Tally(NamedTuple):
    month: date  # its first day
    offered: int  # a notice, by the own agency; the declined ones among them
    declined: int


def said_no(principal: Principal) -> None:
    """She does not want it sent: one more in the own agency's tally of this month.

    Twice is two. Raises NotPermitted (which is logged, as every refusal is).
    """
    try:
        with begin(principal):
            policy.require(principal, "create", policy.Standing("from", True, True))
            count(no=True)
    except Refused as refusal:
        log.deny(principal, "agreement.decline", refusal.code)
        raise


def count(*, no: bool) -> None:
    """One more was offered the notice, in the transaction of a sending or of a "no"."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sec.tally(%s)", [no])


def tallies(principal: Principal) -> list[Tally]:
    """The own agency's, the newest month first. One access entry."""
    with log.attempt(principal, "agreement.read"):
        if not sees_referrals(principal):
            raise NotPermitted("role_missing", "The tally is for workers and leads.")
        rows = AgreementTally.objects.filter(agency_id=principal.agency_id).order_by("-month")
        return [Tally(*row) for row in rows.values_list("month", "offered", "declined")]


def check(referral: Referral, agreement: str) -> None:
    """Raise NotPossible where the notice asks for more than that somebody comes and asks her, once
    she can say: nobody is rung about her, and she is sent nowhere."""
    if agreement == "cannot_say" and referral.wanted != "come_here":
        raise NotPossible(
            "wanted", "She cannot say now: ask only that somebody comes here (come_here)."
        )
