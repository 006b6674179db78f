"""The survivor's permission for the notice itself, and what its end does.

A victim service provider may not disclose "personally identifying information or individual
information" without a written release (34 U.S.C. 12291(b)(2)(A)). So the notice of such a sender,
though it names no one, needs a release of its own: signed, for this recipient, recorded before the
sending (permissions/policy/disclosure.py: NOTICE). It is a release of direction `notice` with no
packet field. The recipient never reads it. Whether it runs out does not matter once the notice was
sent; that the survivor ends it does: the referral is withdrawn and the notice emptied at once.
"""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from permissions.enrollment import notice_opinions
from permissions.errors import NotPossible
from permissions.models import Agency
from permissions.policy import disclosure
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import idempotency
from referrals.act_registry.registry import Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import DRAFT, WAITING
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import Referral, Release
from referrals.notices import Notice
from referrals.queries import details
from referrals.queries.details import Detail
from referrals.releases import lifecycle
from referrals.releases.terms import Terms
from referrals.visible_status import status_shown


def _is_asked_for(seen: Detail) -> bool:
    return disclosure.notice_needs_release(frozenset(seen.from_agency.duties))


@act(
    Rule(Who.ASSIGNEE, None),
    Move(DRAFT, None),
    repeat=Repeat.KEYED,
    summary="Record the survivor's permission for the notice.",
    description="Records that the survivor lets this recipient have the notice, before it is sent."
    " A sender with the duty `victim_services` needs it in writing (34 U.S.C. 12291(b)(2)):"
    " without it `send` is refused. Others may record it. It replaces the one before it, and"
    " covers no field of the packet.",
    body=None,
    history="Permission for the notice recorded",
    page=Page(
        offer="Record permission for the notice",
        title="Permission for the notice",
        says="The notice has no name. It is about one person all the same, so the law asks for"
        " their signature before you send it.",
        button="Record permission",
        done="The permission for the notice is recorded. Now you can send it.",
        likely={("from", "draft"): 0},
        useful=lambda seen: _is_asked_for(seen) and not seen.notice_released,
        brief="The survivor's signature, before you send it.",
        group=Group.ANSWER,
    ),
)
def put_notice_release(
    principal: Principal,
    referral_id: UUID,
    terms: Terms,
    *,
    if_match: str | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Record the survivor's permission for the notice of a draft. It replaces the last one.

    `terms.fields` is empty. The same paper twice is two records, of which the newer counts; with an
    Idempotency-Key twice is safe. Raises BadRequest and NotPossible for terms that the law or the
    rules refuse.
    """
    act = "put_notice_release"
    with act_transaction(principal, act, referral_id, if_match, key=key) as current:
        if not current.repeated:
            recipient = Agency.objects.only("kind").get(id=current.referral.to_agency_id)
            terms = replace(terms, fields=())
            release = lifecycle.record_release(current, terms, recipient.kind, "notice")
            current.change()
            current.event(other_side_sees=False)
            current.attempt.record(subject=current.own_side().subject, release_id=release.id)
    return current.answer()


def require_released(
    principal: Principal, referral: Referral, agreement: str, now: datetime
) -> None:
    """Raise NotPossible unless the law lets this sender send the notice: nothing goes without a
    signature, and the way that is left is the telephone."""
    if not notice_opinions.must_sign(principal):
        return
    if agreement in disclosure.NOTICE_NOT_ASKED:
        raise NotPossible(
            "call_instead",
            "Your agency may send nothing about a person who has not signed. Call the recipient,"
            " and record the call.",
        )
    if not details.is_notice_released(referral, now):
        raise NotPossible(
            "notice_release_missing",
            "Record the survivor's signed permission for the notice first. If they do not sign,"
            " call the recipient, and record the call.",
        )


def end(current: ActTransaction, via: str) -> None:
    """End the survivor's permission for the notice. What was sent is withdrawn and emptied.

    For those who answer for it on the sender's side. Twice is safe. Raises NotPossible: there was
    never one.
    """
    releases = Release.objects.filter(referral=current.referral, direction="notice")
    live = list(releases.filter(ended=False))
    if not live:
        if releases.exists():
            return  # a retried request
        raise NotPossible("no_release", "There is no release to end.")
    for release in live:
        lifecycle.end_release(current, release, via)
    if current.referral.sent_at is None:
        current.change()
        current.event(other_side_sees=False)
        return
    _take_back(current, via)


def _take_back(current: ActTransaction, via: str) -> None:
    """Close the packet, withdraw what was not over, and empty the notice. A hold keeps no notice:
    without the survivor's permission it may not be there."""
    lifecycle.close_packet(current)
    for release in Release.objects.filter(
        referral=current.referral, direction="outbound", ended=False
    ):
        lifecycle.end_release(current, release, via)
    values: dict[str, Any] = {"release_ended": True, **empty_notice()}
    shown = status_shown(current.referral, current.own, "from", current.now)
    withdraws = shown in WAITING | {"accepted"}
    if withdraws:
        values |= {"status": "withdrawn", "code": "no_longer_wanted", "ended_at": current.now}
    current.change(**values)
    current.event(other_side_sees=False)
    if withdraws:
        current.event(act="withdraw", other_side_sees=True, code="no_longer_wanted")


def end_with_referral(current: ActTransaction) -> dict[str, Any]:
    """End the survivor's permission for a notice that its sender takes back, stops or marks as a
    mistake: it was given for this sending, and does not outlive it. Returns the columns that empty
    the notice; none if there was no such permission, or the notice was not sent."""
    if current.referral.sent_at is None:
        return {}
    live = Release.objects.filter(referral=current.referral, direction="notice", ended=False)
    found = list(live)
    for release in found:
        lifecycle.end_release(current, release, lifecycle.WITH_REFERRAL)
    return empty_notice() if found else {}


def empty_notice() -> dict[str, Any]:
    """Return the columns of a notice from which everything was taken out."""
    empty = Referral()  # the columns' own defaults
    return {one.name: getattr(empty, one.name) for one in fields(Notice)}
