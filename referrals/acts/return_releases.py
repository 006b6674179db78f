"""What goes back to the sender, and only under a release of its own (R2; ADR 0013): whether the
survivor was connected, whether they engaged, and the outcome's code.

The values are read once from the recipient's own sealed record, when the return release is put.
What comes later reaches the sender by a further return release or not at all. Nothing else that the
sender gets shows that there is one; the sender asks here.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from permissions.audit import writer
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPermitted, NotPossible
from permissions.identity import bound_access
from permissions.identity.access_record import Opening
from permissions.keys import grants
from permissions.keys.keystore import KeyGone, Wrapped, seal, unseal
from permissions.models import Agency
from permissions.policy.rules import Rule, Who, require_scope
from permissions.principal import Principal
from referrals import codes, idempotency
from referrals.act_registry.registry import Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT, TAKEN, require
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import READS, Event, Referral, Release, Returned
from referrals.packets import notes
from referrals.queries.details import Detail
from referrals.queries.seen import find
from referrals.referral_lock import lock_shared
from referrals.releases import lifecycle
from referrals.releases.terms import Terms
from referrals.visible_status import side_of

Value = bool | str | None
SPOKE = frozenset({"connected", "served", "referred_on", "information_given"})


def returned_values(state: str, outcome: str | None) -> dict[str, Value]:
    """Return what the recipient's record says. None: nothing recorded decides it.

    `connected`: the survivor spoke with an advocate, as every outcome but `other` shows. `engaged`:
    the survivor took up the service itself (`served`). Why it did not come about (a code of
    `unable`) is known only from who the survivor is, and is never an outcome_code (R2).
    """
    if state == "unable":
        return {"connected": False, "engaged": False, "outcome_code": None}
    if outcome in (None, "other"):
        return {"connected": None, "engaged": None, "outcome_code": outcome}
    return {
        "connected": outcome in SPOKE,
        "engaged": outcome == "served",
        "outcome_code": outcome,
    }


@act(
    Rule(None, Who.ASSIGNEE),
    Move(None, TAKEN | {"completed", "unable"}),
    closes=True,  # it ends the previous one
    repeat=Repeat.KEYED,
    summary="Tell the sender what the survivor allows.",
    description="Records the survivor's permission to tell the sender the result of the referral,"
    " and shares it now, once, from your agency's own record. Later changes reach the sender by"
    " another return release only.",
    body=None,
    history="Outcome shared with the sender, at the survivor's request",
    page=Page(
        offer="Share the outcome with the sender",
        title="Share the outcome with the sender",
        says="Only what the survivor marks is shared, once, as your record states it now. Without"
        " this the sender does not see the outcome.",
        button="Share outcome",
        done="The sender can see the outcome now. Later changes are not shared.",
        brief="With the survivor's permission. The sender sees what the survivor marks.",
        group=Group.SHARING,
    ),
)
def put_return_release(
    principal: Principal,
    referral_id: UUID,
    terms: Terms,
    *,
    if_match: str | None = None,
    key: idempotency.Key | None = None,
) -> Detail:
    """Record the survivor's permission to inform the sender, and send the values, now and once.

    The caller must be an assignee of the recipient who may open the agency's notes. It replaces the
    last return release. With an Idempotency-Key twice is safe. Raises BadRequest and NotPossible
    for terms that the rules refuse, and NotPermitted.
    """
    act = "put_return_release"
    with act_transaction(principal, act, referral_id, if_match, key=key) as current:
        require(principal, "open_notes", current.relation)  # it reads the outcome
        if not current.repeated:
            _return_outcome(current, terms)
    return current.answer()


def _return_outcome(current: ActTransaction, terms: Terms) -> None:
    """Record the release, and seal for the sender what it names, as the record states it now."""
    referral, own = current.referral, current.own_side()
    sender = Agency.objects.only("kind").get(id=referral.from_agency_id)
    release = lifecycle.record_release(current, terms, sender.kind, "return")
    known = returned_values(*_recorded(current))
    current.attempt.discloses(release.fields, release.id, release.purpose)
    _seal_for_sender(referral, release, {name: known[name] for name in release.fields})
    current.change_own()
    current.event(other_side_sees=False)
    current.attempt.record(subject=own.subject)


def _recorded(current: ActTransaction) -> tuple[str, str | None]:
    """Return the recorded end and the code of `complete`, from the agency's own notes. This is an
    opening, with its entry first. If the clock ended the referral (act 23), there is no record of
    how it went."""
    found = notes.notes_within(current.attempt, current.own_side().subject, "service")
    for note in reversed(found):
        if note.kind == "outcome":
            return "completed", note.content["code"]
        if note.kind == "unable":
            return "unable", None
    return "accepted", None


def _seal_for_sender(referral: Referral, release: Release, content: dict[str, Value]) -> None:
    """Seal the values under a key of their own, wrapped for the sender, together with the release's
    notice. The notice is included because the release is the recipient's paper, which the sender
    never reads."""
    row, key = uuid7(), AESGCM.generate_key(256)
    plain = json.dumps({"told": content, "notice": release.redisclosure_notice})
    sealed = seal(key, plain.encode(), f"returned:{row}")
    wrapped = grants.wrap_for_sender(referral.id, referral.from_agency_id, key)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sec.store_returned(%s, %s, %s, %s, %s)",
            [row, release.id, wrapped.kek_version, wrapped.blob, sealed],
        )


@act(
    Rule(Who.ASSIGNEE_OR_LEAD, Who.ASSIGNEE_OR_LEAD),
    Move(ANY - DRAFT, ANY - DRAFT),
    closes=True,
    repeat=Repeat.SAFE,
    summary="End the return release.",
    description="On the survivor's word. What was shared with the sender closes at once. Either"
    " side may record it; the other side is not notified.",
    history="Outcome no longer shared with the sender",
    page=Page(
        offer="Stop sharing the outcome",
        title="Stop sharing the outcome",
        says="The survivor's word is enough. The sender can no longer see the outcome.",
        button="Stop sharing",
        done="The sender can no longer see the outcome.",
        # The sender is not shown that there is one: its page of what came back leads here.
        useful=lambda seen: seen.side == "to",
        grave=True,
        group=Group.SHARING,
    ),
)
def revoke_return_release(
    principal: Principal, referral_id: UUID, *, if_match: str | None = None
) -> Detail:
    """End the return release on the survivor's word, by either side. The sender can no longer read
    it. Twice is safe.

    The other side is not notified. Raises NotPossible if there never was one; for the sender, if it
    could read none and has ended none.
    """
    with act_transaction(principal, "revoke_return_release", referral_id, if_match) as current:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.end_return_release(%s)", [referral_id])
            ((ended,),) = cursor.fetchall()
        current.access.returned = None
        if ended:
            current.event(other_side_sees=False)
        elif not _ended_one(current):
            raise NotPossible("no_release", "There is no return release to end.")
    return current.answer()


def _ended_one(current: ActTransaction) -> bool:
    mine = {"act": current.act, "agency_id": current.principal.agency_id}
    return Event.objects.filter(referral=current.referral, **mine).exists()


def is_shared(principal: Principal, referral_id: UUID) -> bool:
    """Return whether the principal's agency, as the recipient, shares the outcome under a return
    release. Row-level security shows it to those who answer for it. Call it within a transaction.
    """
    given = Release.objects.filter(referral_id=referral_id, direction="return", ended=False)
    return given.filter(from_agency_id=principal.agency_id).exists()


@dataclass(frozen=True, slots=True)
class ReturnedContent:
    """What the sender is shown, until when, and the release's notice in words, or None if it has
    none. For a Part 2 program 42 CFR 2.32 requires the notice with each disclosure."""

    content: dict[str, Value]
    expires_at: datetime
    notice: str | None


def read_returned(principal: Principal, referral_id: UUID) -> ReturnedContent | None:
    """Return what came back under a return release in force. None: nothing, whatever happened.

    For the sender's assigned members and leads. One access entry, which names the fields. Raises
    NotVisible, NotPermitted, Unavailable.
    """
    with writer.logged_act(principal, "referral.read_returned", referral_id) as attempt:
        require_scope(principal, READS)
        lock_shared(referral_id)
        seen = find(principal, referral_id)
        if side_of(principal, seen.referral) != "from":
            raise NotPermitted(
                "wrong_side", "Only the agency that sent the referral may read this."
            )
        if not (seen.assigned or principal.has_role("lead")):
            raise NotPermitted("not_assigned", "Only assigned members and leads may read this.")
        subject = seen.own.subject if seen.own else None
        rows = Returned.objects.filter(
            referral_id=referral_id,
            agency_id=principal.agency_id,
            key_bundle__isnull=False,
            expires_at__gt=attempt.now,
        )
        found = rows.order_by("-id").first()
        if found is None:
            attempt.record(subject=subject)
            return None
        access = bound_access.opened(referral_id, seen.access)
        asked = Opening(found.release_id, found.fields, found.expires_at)
        if not access.lets_read_returned(principal, asked):
            raise bound_access.refused(referral_id)
        attempt.record(subject=subject, fields=found.fields, release_id=found.release_id)
        plain = unseal(
            _key(principal, found), bytes(found.ciphertext or b""), f"returned:{found.id}"
        )
        opened = json.loads(plain)
        return ReturnedContent(
            opened["told"], found.expires_at, codes.notice_in_words(opened["notice"])
        )


def _key(principal: Principal, row: Returned) -> bytes:
    wrapped = Wrapped(row.kek_version or 0, bytes(row.key_bundle or b""))
    try:
        return grants.unwrap_returned_key(principal, row.referral_id, wrapped)
    except KeyGone:  # a rotation rewrapped the key after the read and ended that version
        row.refresh_from_db()
        if row.kek_version == wrapped.kek_version:
            raise
        return _key(principal, row)
