"""Referrals brought to where a partner's test begins, by the product's own acts. The police send,
the advocates answer; each time it is a new referral."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connections
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from api.dev.demo import agency_id, as_member
from api.sandbox import clock
from permissions.database.clock import database_now
from permissions.errors import NotPossible, NotVisible
from permissions.principal import Principal
from referrals.acts import recipient, return_releases, sender
from referrals.notices import Notice
from referrals.packets import packet
from referrals.releases import lifecycle
from referrals.releases.terms import Consenter, Terms

SENDER, RECIPIENT = ("police", "worker"), ("ywca", "worker")
NOTICE = Notice("urgent", ("shelter", "advocacy"), "406-555-0111")
PACKET = {
    "name": "Invented Person",
    "phone": "406-555-0199",
    "safe_contact": "Text only, before noon. No voicemail.",
}
# What the worker attests of every permission.
_ATTESTED = (
    *("risks_explained", "alternatives_offered", "not_a_condition_of_service"),
    *("platform_explained", "right_to_revoke_told", "may_be_redisclosed_told"),
)


class People(NamedTuple):
    """Who acts: one of the demo's officers, and one of its advocates."""

    officer: Principal
    advocate: Principal


class Scenario(NamedTuple):
    """`play` goes on from a referral that was sent, or, with `shares`, sent with a packet."""

    says: Promise
    play: Callable[[People, UUID], None]
    shares: bool = False


def _wait(people: People, referral_id: UUID) -> None:
    """Leave it: no one has answered."""


def _acknowledge(people: People, referral_id: UUID) -> None:
    recipient.acknowledge(people.advocate, referral_id)


def _accept(people: People, referral_id: UUID) -> None:
    recipient.acknowledge(people.advocate, referral_id)
    recipient.accept(people.advocate, referral_id)


def _decline(people: People, referral_id: UUID) -> None:
    recipient.decline(people.advocate, referral_id, "no_capacity")


def _expire(people: People, referral_id: UUID) -> None:
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT expires_at - sec.clock() FROM referral WHERE id = %s", [referral_id])
        ((left,),) = cursor.fetchall()
    clock.forward(left + timedelta(seconds=1))


def _return(people: People, referral_id: UUID) -> None:
    _accept(people, referral_id)
    recipient.complete(people.advocate, referral_id, "connected")
    terms = _terms(
        basis="written_release",
        form="written",
        fields=("connected", "engaged", "outcome_code"),
        attested="police_may_have_to_disclose",
    )
    return_releases.put_return_release(people.advocate, referral_id, terms)


SCENARIOS = {
    "waiting": Scenario(_("Sent. No one has answered yet."), _wait),
    "acknowledged": Scenario(_("An advocate is looking at it."), _acknowledge),
    "accepted": Scenario(_("Accepted, with a packet to open."), _accept, shares=True),
    "declined": Scenario(_("Declined: no capacity."), _decline),
    "expired": Scenario(_("No one answered in time. The clock moves forward."), _expire),
    "returned": Scenario(_("Completed, and the outcome returned to the sender."), _return),
}


def play(name: str) -> UUID:
    """Make a referral that is where this scenario ends. Returns its id. Each call makes another.
    Raises NotVisible for a name that is none, NotPossible when one of both has ended, and what the
    acts refuse."""
    scenario = SCENARIOS.get(name)
    if scenario is None:
        raise NotVisible
    with as_member(*SENDER) as officer, as_member(*RECIPIENT) as advocate:
        made = sender.create(officer, _service(), NOTICE).referral.id
        if scenario.shares:
            attested = "told_no_effect_on_case"
            terms = _terms("stated_agreement", "oral_witnessed", tuple(PACKET), attested)
            lifecycle.put_release(officer, made, terms)
            packet.put_packet(officer, made, PACKET)
        sender.send(officer, made, "agrees")
        scenario.play(People(officer, advocate), made)
    return made


def _service() -> UUID:
    """Return a service of the directory that the advocates answer, and that takes referrals."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM directory_listing WHERE answered_by = %s AND status = 'active'"
            " AND intake = 'taking' ORDER BY name, id LIMIT 1",
            [agency_id(RECIPIENT[0])],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotPossible("service_not_taking", "The service takes no notice right now.")
    found: UUID = row[0]
    return found


def _terms(basis: str, form: str, fields: tuple[str, ...], attested: str) -> Terms:
    now: datetime = database_now("jobs")
    return Terms(
        basis=basis,
        purpose="receive_service",
        fields=fields,
        form=form,
        signed_at=now,
        expires_at=now + timedelta(days=6),
        attestations=(*_ATTESTED, attested),
        consenters=(Consenter("self", now, True),),
        adult=True,
    )
