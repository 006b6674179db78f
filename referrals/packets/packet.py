"""The packet and the notes: sealing, and the only way to read them. Releases are in
referrals/releases/lifecycle.py.

The order of a read is: purpose stated → visible → permitted → access entry → the rows that this
entry opens (row-level security, R11) → unsealed with the caller's own agency's key (ADR 0019).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from permissions import displayed_text
from permissions.audit import writer
from permissions.database.db_identity import identified_transaction, run_in_round_trip
from permissions.database.prepared_statements import (
    PreparedStatement,
    RoundTrip,
    array_literal,
)
from permissions.enrollment import resets
from permissions.errors import BadRequest, NotPossible, NotVisible, Unavailable
from permissions.identity import bound_access, client_quota
from permissions.identity.access_record import Opening
from permissions.keys import grants
from permissions.keys.grants import GrantView, SealedKey
from permissions.keys.keystore import seal, unseal
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import codes, packet_fields
from referrals.act_registry.invented import require_invented
from referrals.act_registry.registry import HOLDER_THERE, Answer, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT, TAKEN, WAITING, require, require_state
from referrals.act_transaction import act_transaction
from referrals.models import PacketField, Release, sees_referrals
from referrals.packets.read_context import (
    ReadContext,
    context_of,
    context_query,
    locked_context_query,
)
from referrals.queries.details import Detail
from referrals.referral_lock import shared_lock_query
from referrals.releases import lifecycle
from referrals.sealed_notes import seal_context

SEALED = ("sealed", "Nothing is open here: there is no release in force.")
LOOKS = 3  # attempts to read the open grant, when newer releases or packets overtake a reader


class Consent(NamedTuple):
    """The scope of the survivor's consent, which goes with each disclosure of records under 42 CFR
    part 2 (2.32(b))."""

    purpose: str
    fields: list[str]
    signed_at: datetime
    expires_at: datetime
    to_agency_id: UUID


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened packet. `entry_id` is the access entry that opened it: the reader's receipt."""

    fields: dict[str, str]
    safe_contact: str | None  # shown before any contact among the fields; None: there is none
    release_id: UUID | None  # None: the sender reads its own packet
    release_expires_at: datetime | None
    handling: tuple[str, ...]  # labels, including the code of the release's notice
    notice: str | None  # shown with the fields to everyone who opens them (42 CFR 2.32)
    entry_id: UUID
    consent: Consent | None = None  # of records under Part 2


# -- Packet ----------------------------------------------------------------------------------------


@act(
    Rule(Who.ASSIGNEE, None),
    Move(DRAFT | WAITING | {"accepted"}, None),
    tells={"from": HOLDER_THERE},
    repeat=Repeat.SAFE,
    summary="Write fields of the packet.",
    description="Seals each field on its own; fields that you do not name stay as they are. It"
    " needs a release in force. The recipient can open the fields that the release lists, from its"
    " accept until the release ends; other fields stay with your agency.",
    body=None,
    history="Packet written",
    page=Page(
        offer="Write the packet",
        title="Write the packet",
        says="Sealed field by field. Fields that you leave empty stay as they are.",
        button="Save packet",
        done="The packet is saved and sealed.",
        likely={("from", "accepted"): 1},
        useful=lambda seen: seen.release_in_force,
        brief="What the survivor lets you share. They can open only what the permission lists.",
        group=Group.SHARING,
    ),
)
def put_packet(
    principal: Principal,
    referral_id: UUID,
    fields: Mapping[str, str],
    *,
    if_match: str | None = None,
) -> Detail:
    """Write packet fields, each sealed under a key of its own. Other fields stay as they are.

    It takes a release in force (R1). What the release does not list stays with the sender. Twice is
    safe: the newer version counts. Raises BadRequest, NotPossible.
    """
    fields = checked_fields(principal, fields)
    with act_transaction(principal, "put_packet", referral_id, if_match) as current:
        referral = current.referral
        release = lifecycle.release_in_force(referral, current.now)
        if release is None:
            raise NotPossible("no_release", "Record the survivor's release first: put_release.")
        grant = grants.live_grant(principal, referral_id)
        keys = grants.open_bundle(principal, grant) if grant else {}
        version = referral.version  # every change raises it, so it is free for each field
        for name, text in fields.items():
            key = AESGCM.generate_key(256)
            row = PacketField(
                referral=referral,
                from_agency_id=principal.agency_id,
                field=name,
                version=version,
            )
            row.ciphertext = seal(key, text.encode(), seal_context("packet_field", row.id, name))
            row.save(force_insert=True)
            keys[name] = SealedKey(str(row.id), key)
        grants.store_own_bundle(principal, referral_id, grant, keys)
        current.change()
        current.event(other_side_sees=True)
        if referral.sent_at is not None:
            lifecycle.share_keys(current, release, keys)
        current.attempt.record(subject=current.own_side().subject, fields=sorted(fields))
    return current.answer()


def checked_fields(principal: Principal, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields as they are sealed. Twice is safe. Raises BadRequest."""
    texts = {}
    if not fields:
        raise BadRequest("fields_missing", "Write at least one field.", "/packet")
    for name, text in fields.items():
        field = packet_fields.BY_NAME.get(name)
        if field is None:
            raise BadRequest("unknown_field", "Not a field of the packet.", "/packet")
        text = displayed_text.normalized(text)
        if fault := displayed_text.fault_of(text, lines=field.lines > 1):
            raise BadRequest("invalid", fault, f"/packet/{name}")
        if not text.strip() or len(text) > field.longest:
            raise BadRequest(
                "field_length", f"Between 1 and {field.longest} characters.", f"/packet/{name}"
            )
        if packet_fields.codes_in(name, text) is None:
            require_invented(principal, name, text)
        texts[name] = text
    return texts


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE, "packets:read", opens=True),
    Move(ANY, TAKEN | {"completed", "unable"}),
    repeat=Repeat.SAFE,
    summary="Open the packet.",
    description="Returns the fields in clear, for a stated purpose. For assigned members; the"
    " recipient's from the accept until the release ends. Each opening is an entry in your"
    " agency's access log, whose id is the receipt.",
    body=None,
    answer=Answer.OWN,
    logged="Opened a packet",
    page=Page(
        offer="Open the packet",
        title="Open the packet",
        says="We log who opens it, when and why.",
        likely={("to", "accepted"): 1, ("to", "in_handoff"): 3},
        group=Group.SHARING,
    ),
)
def open_packet(principal: Principal, referral_id: UUID, purpose: str) -> Opened:
    """Return the packet's fields in clear, for an assigned member with a purpose of use.

    Each opening is an access entry that commits with the read. Twice is two entries. Raises
    NotVisible, NotPermitted, WrongState, NotPossible (sealed), BudgetSpent (a partner system),
    Unavailable (altered rows, or not bound).
    """
    _check_purpose(purpose)
    act = "referral.open_packet"
    look = context_query(principal, referral_id)
    with writer.log_refusals(principal, act, referral_id, purpose=purpose):
        seen = _permitted(principal, "open_packet", referral_id, run_in_round_trip(principal, look))
        for _ in range(LOOKS):
            grant = seen.grant(referral_id)
            if grant is None:
                raise NotPossible(*SEALED)
            opening = Opening(grant.release_id, grant.fields, grant.expires_at)
            if not bound_access.opened(referral_id, seen.access).lets_open(principal, opening):
                raise bound_access.refused(referral_id)
            keys = grants.open_bundle(
                principal, grant, lambda: _current_grant(principal, referral_id)
            )
            wanted = [keys[name].row for name in grant.fields if name in keys]
            attempt = writer.LoggedAct(principal, act, referral_id, seen.now, purpose=purpose)
            sealed_rows = attempt.record_in_round_trip(
                shared_lock_query(referral_id),
                RoundTrip(
                    OPENED.text(), {"referral": referral_id, "wanted": array_literal(wanted)}
                ),
                subject=seen.subject,
                fields=grant.fields,
                release_id=grant.release_id,
            )
            if len(sealed_rows) == len(wanted) > 0:
                break
            # Something ended or was narrowed after it was seen. Reading it again shows how, or that
            # a newer release or packet has replaced it.
            rows = run_in_round_trip(principal, look)
            seen = _permitted(principal, "open_packet", referral_id, rows)
            if sealed_rows and seen.grant(referral_id) == grant:
                break  # nothing changed: a sealed row is missing
        else:
            raise NotPossible(*SEALED)
        fields = _in_clear(grant.fields, keys, dict(sealed_rows))
        handling, notice = _labels_and_notice(grant)
        return Opened(
            fields,
            safe_contact(fields, seen.callback),
            grant.release_id,
            grant.expires_at,
            handling,
            notice,
            attempt.entry_id,
            _consent(principal, grant),
        )


def _consent(principal: Principal, grant: GrantView) -> Consent | None:
    """Return the scope of the consent under which records under Part 2 were opened. A query more,
    for these alone: an assigned member may read the release."""
    if grant.redisclosure_notice != "part2" or grant.release_id is None:
        return None
    with identified_transaction(principal):
        row = Release.objects.filter(id=grant.release_id).values_list(*Consent._fields).first()
    return Consent._make(row) if row else None


def _in_clear(
    names: Sequence[str], keys: grants.Keys, sealed: Mapping[str, bytes | memoryview]
) -> dict[str, str]:
    fields = {}
    for name in names:
        if name not in keys or keys[name].row not in sealed:
            raise Unavailable("unsealing_failed", "A part of this packet is missing.")
        row, key = keys[name]
        context = seal_context("packet_field", row, name)
        fields[name] = unseal(key, bytes(sealed[row]), context).decode()
    return fields


def _labels_and_notice(grant: GrantView) -> tuple[tuple[str, ...], str | None]:
    """Return the labels of what a grant opens and the notice of its release in words. There is no
    notice for the sender's own packet or for a release with the code `none`."""
    code = grant.redisclosure_notice
    if code is None or code == "none":
        return packet_fields.HANDLING, None
    return (*packet_fields.HANDLING, code), codes.notice_in_words(code)


def safe_contact(fields: Mapping[str, str], callback: str) -> str | None:
    """Return how the survivor may be contacted (R5), which is shown wherever a way to reach them
    is. If they stated no safe way, do not try any: call the worker who referred them instead."""
    if not set(fields) & set(packet_fields.CONTACT_FIELDS):
        return None
    return fields.get("safe_contact") or (
        "No safe way is known. Do not contact the survivor. Call the worker who referred them:"
        f" {callback}."
    )


def _current_grant(principal: Principal, referral_id: UUID) -> GrantView | None:
    """Return the grant as it is now. A rotation may have wrapped its keys again meanwhile."""
    seen = context_of(run_in_round_trip(principal, context_query(principal, referral_id)))
    return seen.grant(referral_id) if seen else None


# The sealed rows that row-level security shows: the entry comes first (R11). If the entry opens
# none, because the release or the assignment ended in between, the entry is rolled back too.
OPENED = PreparedStatement(
    "opened_fields",
    "WITH opened AS MATERIALIZED (SELECT p.id::text, p.ciphertext FROM packet_field p"
    " WHERE p.referral_id = %(referral)s AND p.id = ANY (%(wanted)s::uuid[]))"
    " SELECT * FROM opened"
    " UNION ALL SELECT sec.refuse_nothing_open(), NULL WHERE NOT EXISTS (SELECT FROM opened)",
)


def _has_agreed(principal: Principal, seen: ReadContext, referral_id: UUID) -> bool:
    """Return whether the survivor agreed, or a release was put after they could not say (R14)."""
    if seen.agreement != "cannot_say":
        return True
    query = RoundTrip("SELECT sec.has_agreed(%(referral)s)", {"referral": referral_id})
    ((agreed,),) = run_in_round_trip(principal, query)
    return bool(agreed)


@contextmanager
def sealed_read(
    principal: Principal, act: str, referral_id: UUID, purpose: str
) -> Iterator[tuple[writer.LoggedAct, ReadContext]]:
    """Run a sealed read: see → permit → state, holding the referral's lock shared. The caller
    records the entry, then reads. Raises NotVisible, NotPermitted, WrongState, BudgetSpent,
    Unavailable (not bound).

    Opening a packet takes a shorter path (`open_packet`). There the view is from before the lock.
    Lock, entry and read go in one round trip, where the policy decides (sec.current_opening).
    """
    _check_purpose(purpose)
    ask = locked_context_query(principal, referral_id)
    with writer.logged_act(
        principal, f"referral.{act}", referral_id, purpose=purpose, ask=ask
    ) as attempt:
        seen = _permitted(principal, act, referral_id, attempt.found)
        if not bound_access.opened(referral_id, seen.access).lets_work(principal):
            raise bound_access.refused(referral_id)
        yield attempt, seen


def _check_purpose(purpose: str) -> None:
    if purpose not in codes.PURPOSE:
        raise BadRequest("unknown_code", "Not a purpose of use.", "/purpose")


def _permitted(
    principal: Principal, act: str, referral_id: UUID, rows: Sequence[tuple[Any, ...]]
) -> ReadContext:
    """Return what was seen if the caller may do the act. Raises NotVisible, NotPermitted,
    WrongState, NotPossible (no release yet; the caller's reset waits), BudgetSpent."""
    seen = context_of(rows)
    if seen is None or not sees_referrals(principal):
        raise NotVisible
    require(principal, act, seen.standing(principal))
    require_state(act, seen.side(principal), seen.status_shown(principal))
    if act == "open_packet" and not _has_agreed(principal, seen, referral_id):
        raise NotPossible(
            "no_release", "The survivor could not say yet. Record their release first."
        )
    resets.require_confirmed(principal)
    client_quota.require_quota_left(principal, seen.budget_wait)
    return seen
