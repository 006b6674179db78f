"""What the sending agency does: create a draft, replace its notice, and send it.

Each act runs inside `act_transaction` (referrals/act_transaction.py), which has seen, locked,
permitted and checked the state before the body begins. An act's fields and texts are declared above
its function.
"""

import secrets
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction

from directory import listings
from permissions.audit import writer
from permissions.enrollment import terms
from permissions.errors import NotPossible
from permissions.identity.access_record import BoundAccess
from permissions.models import Agency
from permissions.policy import rules
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import codes, idempotency
from referrals.act_registry import transitions
from referrals.act_registry.fields import Body, Code
from referrals.act_registry.invented import require_invented
from referrals.act_registry.registry import (
    HOLDER_THERE,
    Answer,
    Group,
    Move,
    Notification,
    Page,
    act,
)
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import DRAFT
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.acts import agreement as consent
from referrals.acts import availability, private_records
from referrals.deadlines import due_times
from referrals.models import READS, Referral
from referrals.notices import Notice
from referrals.queries import details
from referrals.queries.details import Detail
from referrals.releases import lifecycle, notice_release


@act(
    Rule(Who.WORKER, None),
    Move(None, None, "draft"),
    repeat=Repeat.KEYED,
    summary="Create a draft referral.",
    description="Creates a draft for one service of the directory, with its notice. Only your"
    " agency sees it until `send`. The acting member is assigned to it and holds it. A service"
    " that no agency of the network answers is refused (`phone_only`): call it instead. What the"
    " request names in addition is done in the same transaction, as by the act of that name, and in"
    " the order of the fields: `notice_release`, `release`, `packet`, `external_ref`, `send`. All"
    " of it is done or nothing; the `pointer` of a refusal begins with the part that it is about.",
    body=None,
    answer=Answer.OWN,
    history="Draft started",
)
def create(
    principal: Principal,
    service_id: UUID,
    notice: Notice,
    *,
    replaces: UUID | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Create a draft for one service that an agency of the network answers. The creator is
    assigned.

    `replaces`: a referral of the own agency that the draft replaces. The draft takes over the rest
    of its plan and its blocks; no one else learns of the link. With an Idempotency-Key twice is
    safe: it returns the same draft as it is now. Raises NotPermitted, NotPossible (phone only, own
    service), Conflict, KeyReused.
    """
    return create_once(principal, service_id, notice, replaces=replaces, key=key).shown


class Created(NamedTuple):
    """A draft as its creator is shown it. `repeated`: the key had led to it before, and nothing
    was done."""

    shown: Detail
    repeated: bool


def create_once(
    principal: Principal,
    service_id: UUID,
    notice: Notice,
    *,
    replaces: UUID | None = None,
    recipient: UUID | None = None,
    key: idempotency.Key | None = None,
) -> Created:
    """Do what `create` does, with the same refusals, and say whether it was done before. With a
    `recipient`, a service that another agency answers is refused, too."""
    with writer.logged_act(principal, "referral.create") as attempt:
        creator = rules.CallerRelation("from", True, True)
        transitions.require(principal, "create", creator)
        rules.require_scope(principal, READS)  # the answer is the referral
        require_invented(principal, "callback", notice.callback)
        done = idempotency.begin(principal, key)
        if done is not None:
            attempt.referral_id = done
            return Created(details.load_detail(principal, done, attempt.now), True)
        listing = listings.find(principal, service_id)
        if listing is None:
            raise NotPossible("service_unknown", "The directory has no such service.")
        if recipient not in (None, listing.answered_by):
            raise NotPossible(
                "service_unknown", "The directory has no such service of this agency.", "/owner"
            )
        if listing.answered_by is None:
            raise NotPossible(
                "phone_only", "No agency here answers for it. Call it, and record the call."
            )
        if listing.answered_by == principal.agency_id:
            raise NotPossible("own_service", "Your own agency answers this service.")
        referral = _insert_draft(principal, listing, listing.answered_by, notice, attempt.now)
        new = BoundAccess(referral.id, referral.from_agency_id, referral.to_agency_id)
        current = ActTransaction(
            principal, "create", creator, referral, None, attempt, new, new.copy()
        )
        current.claim()
        side = current.own_side()
        attempt.referral_id = referral.id
        current.event(other_side_sees=False)
        if replaces is not None:
            private_records.continue_plan(current, replaces)
        current.store_access()
        idempotency.finish(principal, key, referral.id, attempt.now, referral_id=referral.id)
        return Created(details.record_and_show(attempt, referral, side), False)


def _insert_draft(
    principal: Principal, listing: listings.Listing, to: UUID, notice: Notice, now: datetime
) -> Referral:
    """Insert the draft under a reference that is free today. A taken reference is drawn again."""
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
    """Return six letters to say by phone: no vowels (no words), none that sound or look alike."""
    return "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(6))


@act(
    Rule(Who.ASSIGNEE, None),
    Move(DRAFT, None),
    tells={"from": HOLDER_THERE},
    repeat=Repeat.SAFE,
    summary="Replace the notice of a draft.",
    description="Replaces the whole notice. Fields that you leave out go back to their defaults."
    " It is refused where a release that is already recorded would no longer fit the new notice.",
    body=None,
    history="Notice changed",
    page=Page(
        offer="Change the notice",
        title="Change the notice",
        says="Only your agency sees it until it is sent.",
        button="Save notice",
        done="The notice is changed.",
        likely={("from", "draft"): 2},
        group=Group.ANSWER,
    ),
)
def put_notice(
    principal: Principal, referral_id: UUID, notice: Notice, *, if_match: str | None = None
) -> Detail:
    """Replace the draft's notice. Twice is safe. Raises NotPossible if the release recorded before
    no longer fits it."""
    require_invented(principal, "callback", notice.callback)
    with act_transaction(principal, "put_notice", referral_id, if_match) as current:
        lifecycle.require_release_fits(current, notice)
        current.change(**notice.values())
        current.event(other_side_sees=False)
    return current.answer()


@act(
    Rule(Who.ASSIGNEE, None),
    Move(DRAFT, None, "sent"),
    tells={"from": (Notification("to", "everyone", "notice"),)},
    repeat=Repeat.SAFE,
    summary="Send the referral to the recipient.",
    description="Shows the notice to the recipient's workers and starts its deadlines. State"
    " whether the survivor agrees to the notice. If the survivor does not agree, do not send:"
    " count it with `POST /v1/agreement-tally`. A sender with the duty `victim_services` sends"
    " only under a signed release of the notice (`notice_release_missing`), and calls where the"
    " survivor could not be asked (`call_instead`). A packet that is ready under a release in force"
    " is shared, and opens for the recipient at its accept.",
    body=Body(
        [
            Code(
                "agreement",
                codes.AGREEMENT,
                help="Whether the survivor agrees to this notice.",
            )
        ]
    ),
    history="Sent",
    page=Page(
        offer="Send",
        title="Send it now",
        says="The other agency sees the notice and gets an alert at once.",
        likely={("from", "draft"): 1},
        group=Group.ANSWER,
    ),
)
def send(
    principal: Principal, referral_id: UUID, agreement: str, *, if_match: str | None = None
) -> Detail:
    """Send the notice to the recipient and freeze its deadlines. Twice is safe. Another agreement
    raises WrongState.

    `agreement` is the survivor's agreement to the notice (R14). A "no" is never sent. For a
    survivor who cannot say, the notice may ask only that a worker comes
    (referrals/acts/agreement.py). A victim service provider needs a signed release of the notice
    (referrals/releases/notice_release.py). A packet that is ready under a release in force is
    wrapped for the recipient. Raises NotPossible when no member could answer it, or when too many
    wait there unseen.
    """
    codes.check("agreement", agreement)

    def same(current: ActTransaction) -> bool:
        return current.referral.agreement == agreement

    with act_transaction(principal, "send", referral_id, if_match, same=same) as current:
        if not current.repeated:
            referral = current.referral
            consent.check_agreement(referral, agreement)
            notice_release.require_released(principal, referral, agreement, current.now)
            terms.require_signed(principal.agency_id, current.now)
            availability.require_available(principal, referral, current.now)
            recipient = Agency.objects.get(id=referral.to_agency_id)
            due = due_times.deadlines(recipient, referral.urgency, current.now)
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
                consent.count_answer(no=False)
            lifecycle.share_released_keys(current)
    return current.answer()
