"""The acts on a referral, one function each: what the sender, the recipient and either may do.

Each runs inside `turn` (referrals/turns.py), which has seen, locked, permitted and checked
the state before the body begins. The hand-off: referrals/warm.py; what a side keeps for itself:
referrals/own.py; releases: referrals/papers.py; packets and notes: referrals/packets.py.
"""

import secrets
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from directory import listings
from permissions import grants, log, policy
from permissions.errors import BadRequest, NotPermitted, NotPossible
from permissions.ids import uuid7
from permissions.models import Agency
from permissions.principal import Principal
from referrals import agreement as consent
from referrals import answering, clocks, codes, idempotency, own, packets, papers, reading, warm
from referrals.models import Event, Referral, Release, sees_referrals
from referrals.notices import Notice
from referrals.reading import Detail
from referrals.turns import Turn, turn

# -- The sender ------------------------------------------------------------------------------------


def create(
    principal: Principal,
    service_id: UUID,
    notice: Notice,
    *,
    replaces: UUID | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """A draft for one service that an agency of the network answers. The creator is assigned.

    `replaces`: a referral of the own agency that it takes the place of, with what is left of its
    plan and with whom it bars; nobody else learns of the link. With an Idempotency-Key twice is
    safe: the same draft, as it is now. Raises NotPermitted, NotPossible (phone only, own service),
    Conflict, KeyReused.
    """
    with log.attempt(principal, "referral.create") as attempt:
        policy.require(principal, "create", policy.Standing("from", True, True))
        if not sees_referrals(principal):  # its answer is the referral
            raise NotPermitted("scope_missing", "The client needs the scope referrals:read.")
        done = idempotency.begin(principal, key)
        if done is not None:
            attempt.referral_id = done
            return reading.look_up(principal, done, attempt.now)
        listing = listings.find(principal, service_id)
        if listing is None:
            raise NotPossible("service_unknown", "No such service in the directory.")
        if listing.answered_by is None:
            raise NotPossible("phone_only", "Nobody here answers it: ring, and record the call.")
        if listing.answered_by == principal.agency_id:
            raise NotPossible("own_service", "Your own agency answers this service.")
        referral = _insert_draft(principal, listing, listing.answered_by, notice, attempt.now)
        current = Turn(principal, "create", "from", referral, None, attempt)
        current.take()
        side = current.own_side()
        attempt.referral_id = referral.id
        current.event(other_side_sees=False)
        if replaces is not None:
            own.take_the_next(current, replaces)
        idempotency.finish(principal, key, referral.id, attempt.now, referral_id=referral.id)
        attempt.record(subject=side.subject)
        return reading.look(principal, referral, side, attempt.now)


def _insert_draft(
    principal: Principal, listing: listings.Listing, to: UUID, notice: Notice, now: datetime
) -> Referral:
    """Insert the draft under a reference that is free today; a taken one is drawn again."""
    for _ in range(5):
        try:
            with transaction.atomic():
                return Referral.objects.create(
                    from_agency_id=principal.agency_id,
                    to_agency_id=to,
                    service_id=listing.id,
                    service_name=listing.name,
                    reference=_reference(),
                    reference_day=now.date(),
                    created_at=now,
                    **notice.values(),
                )
        except IntegrityError as error:
            if "one_reference_a_pair_and_day" not in str(error):
                raise
    raise NotPossible("no_reference", "No free reference. Try again.")


def _reference() -> str:
    """Six letters to say on the phone: no vowels (no words), none that sound or look alike."""
    return "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(6))


def put_notice(
    principal: Principal, referral_id: UUID, notice: Notice, *, if_match: str | None = None
) -> Detail:
    """Replace the draft's notice. Twice is safe. Raises NotPossible where her release, recorded
    before, does not fit it any more."""
    with turn(principal, "put_notice", referral_id, if_match) as current:
        papers.still_fits(current, notice)
        current.change(**notice.values())
        current.event(other_side_sees=False)
    return current.answer()


def send(
    principal: Principal, referral_id: UUID, agreement: str, *, if_match: str | None = None
) -> Detail:
    """Put the notice before the recipient; its deadlines are frozen now. Twice is safe.

    `agreement` is the survivor's to the notice (R14): a "no" is never sent, and for somebody who
    cannot say, it may ask only that somebody comes (referrals/agreement.py). A packet
    that lies ready under a release in force is wrapped for the recipient. Raises NotPossible when
    nobody could answer it, or so many wait there unseen that nobody will.
    """
    codes.check("agreement", agreement)
    with turn(principal, "send", referral_id, if_match) as current:
        if not current.repeated:
            referral = current.referral
            consent.check(referral, agreement)
            answering.require(principal, referral, current.now)
            recipient = Agency.objects.get(id=referral.to_agency_id)
            due = clocks.deadlines(recipient, referral.urgency, current.now)
            current.change(
                status="sent",
                sent_at=current.now,
                agreement=agreement,
                ack_by=due.ack_by,
                accept_by=due.accept_by,
                expires_at=due.expires_at,
                handoff_within=due.handoff_within,
            )
            current.event(other_side_sees=True)
            if agreement == "agrees":
                consent.count(no=False)
            papers.share(current)
    return current.answer()


def withdraw(
    principal: Principal, referral_id: UUID, code: str, *, if_match: str | None = None
) -> Detail:
    """The sender takes it back; the recipient's bundle is destroyed at once. Twice is safe."""
    codes.check("withdraw", code)
    with turn(principal, "withdraw", referral_id, if_match) as current:
        if not current.repeated:
            grants.close_recipients(referral_id)
            current.change(status="withdrawn", code=code, ended_at=current.now)
            current.event(other_side_sees=True, code=code)
    return current.answer()


# -- The recipient ---------------------------------------------------------------------------------


def acknowledge(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """Somebody is looking: she becomes the holder, and has seen no identity. Twice is safe."""
    with turn(principal, "acknowledge", referral_id, if_match) as current:
        if not current.repeated:
            current.take()
            current.change(status="acknowledged", acknowledged_at=current.now)
            current.event(other_side_sees=True)
    return current.answer()


def accept(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """The agency takes it on; the grant opens while a release is in force. Twice is safe.

    The accepter is assigned and becomes the holder; another acknowledger's assignment ends.
    """
    with turn(principal, "accept", referral_id, if_match) as current:
        if not current.repeated:
            due = warm.due_anew(current)
            current.take()
            current.change_own(state="accepted", handoff_by=due)
            current.change(status="accepted", accepted_at=current.now)
            current.event(other_side_sees=True)
            grants.open_recipients(referral_id)
    return current.answer()


def decline(
    principal: Principal,
    referral_id: UUID,
    code: str,
    *,
    suggested_service_id: UUID | None = None,
    private_reason: str | None = None,
    if_match: str | None = None,
) -> Detail:
    """The agency cannot take it. The sender learns `code` and the suggestion. Twice is safe; with
    another code, suggestion or reason it is a WrongState.

    `private_reason` (a code) is sealed with the agency's own notes and goes nowhere (R2).
    """
    codes.check("decline", code)
    if private_reason is not None:
        codes.check("private_reason", private_reason)
        if code != "other":  # what is known only by reading who she is, is never told as another
            raise BadRequest(
                "private_reason", "Beside a private reason, tell “other”.", "/private_reason"
            )

    def same(current: Turn) -> bool:
        told = (current.referral.code, current.referral.suggested_service_id)
        kept = {"code": private_reason} if private_reason else None
        return told == (code, suggested_service_id) and packets.said_so(
            current, "decline_reason", kept
        )

    with turn(principal, "decline", referral_id, if_match, same=same) as current:
        if not current.repeated:
            if suggested_service_id and listings.find(principal, suggested_service_id) is None:
                raise NotPossible(
                    "service_unknown", "The suggested service is not in the directory."
                )
            current.take()
            if private_reason:
                packets.keep_note(current, "decline_reason", {"code": private_reason})
            grants.close_recipients(referral_id)
            current.change(
                status="declined",
                code=code,
                suggested_service_id=suggested_service_id,
                ended_at=current.now,
            )
            current.event(other_side_sees=True, code=code)
    return current.answer()


def complete(
    principal: Principal, referral_id: UUID, outcome: str, *, if_match: str | None = None
) -> Detail:
    """The work is done. The outcome is sealed; the sender is shown `accepted` as before (T4). Twice
    is safe; another outcome is a WrongState: add a note."""
    codes.check("outcome", outcome)
    return _end_own(principal, "complete", referral_id, "completed", outcome, if_match)


def unable(
    principal: Principal, referral_id: UUID, code: str, *, if_match: str | None = None
) -> Detail:
    """It did not come about. After an accept there is no decline: she would learn of it (T4)."""
    codes.check("private_reason", code)
    return _end_own(principal, "unable", referral_id, "unable", code, if_match)


def _end_own(
    principal: Principal, act: str, referral_id: UUID, state: str, code: str, if_match: str | None
) -> Detail:
    kind = "outcome" if act == "complete" else act

    def same(current: Turn) -> bool:
        return packets.said_so(current, kind, {"code": code})

    with turn(principal, act, referral_id, if_match, same=same) as current:
        if not current.repeated:
            packets.keep_note(current, kind, {"code": code})
            current.change_own(state=state, handoff_by=None, escalated_at=None)
            current.event(other_side_sees=False)
    return current.answer()


def delivered(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """A system of the recipient's has it: its own side's event, and no more (R15). Twice is safe.

    It names nobody, acknowledges nothing and stops no clock; the sender is not shown it.
    """

    def already(current: Turn) -> bool:
        mine = Event.objects.filter(referral_id=referral_id, agency_id=principal.agency_id)
        return mine.filter(act="delivered").exists()

    with turn(principal, "delivered", referral_id, if_match, already) as current:
        if not current.repeated:
            with connection.cursor() as cursor:
                cursor.execute("SELECT sec.deliver(%s, %s)", [uuid7(), referral_id])
    return current.answer()


# -- Either side -----------------------------------------------------------------------------------


def revoke_release(
    principal: Principal, referral_id: UUID, via: str, *, if_match: str | None = None
) -> Detail:
    """The paper ends at once, the help goes on. Oral is enough (NNEDV on releases). Twice is safe.

    The recipient's bundle is destroyed. When the recipient records it, the sender is shown
    `release_ended` and nothing else: no time, no who. Before its accept the recipient is answered
    alike whether there was a release or not; else, where there is none, raises NotPossible.
    """
    codes.check("revoked_via", via)
    with turn(principal, "revoke_release", referral_id, if_match) as current:
        if current.side == "to" and current.referral.accepted_at is None:
            _end_unseen(current, via)
        else:
            _end_releases(current, via)
    return current.answer()


def _end_releases(current: Turn, via: str) -> None:
    releases = Release.objects.filter(referral=current.referral, direction="outbound")
    live = list(releases.filter(ended=False))
    if not live and not releases.exists():
        raise NotPossible("no_release", "There is no release to end.")
    if live:  # else it was ended already: a retried request, or the other side was first
        grants.close_recipients(current.referral.id)
        for release in live:
            papers.end_release(current, release, via)
        current.change(release_ended=True)
        current.event(other_side_sees=current.side == "from")


def _end_unseen(current: Turn, via: str) -> None:
    """Of what the recipient may not know yet. What it is shown of its own act hangs on nothing but
    what it knows: whether a release was put since it said so last."""
    grants.end_unseen(current.referral.id, via)
    current.referral.refresh_from_db(fields=["version"])  # its ETag: the sender's may have moved
    known = Event.objects.filter(
        referral=current.referral, to_sees=True, act__in=("put_release", "revoke_release")
    )
    last = known.order_by("-at", "-id").first()
    if last is None or last.agency_id != current.principal.agency_id:
        current.change_own()
        current.event(other_side_sees=False)


def stop(principal: Principal, referral_id: UUID, *, if_match: str | None = None) -> Detail:
    """No contact, everything ends. The sender's stop tells the recipient; the recipient's tells the
    sender nothing (T5). Twice is safe."""
    with turn(principal, "stop", referral_id, if_match) as current:
        if not current.repeated:
            if current.referral.sent_at is not None:
                grants.close_recipients(referral_id)
            if current.side == "from":
                current.change(status="stopped", ended_at=current.now)
            else:
                current.change_own(state="stopped", handoff_by=None, escalated_at=None)
            current.event(other_side_sees=current.side == "from")
    return current.answer()
