"""An agency's own notes (T4): sealed one by one, for its assigned members only.

Reading them is an opening, as for the packet: a purpose is stated and the access entry comes first
(referrals/packets/packet.py). Other acts seal their codes among the notes
(referrals/sealed_notes.py).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from permissions.audit import writer
from permissions.errors import BadRequest, NotPermitted
from permissions.keys import grants
from permissions.keys.keystore import unseal
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import idempotency
from referrals.act_registry.fields import Body, Text
from referrals.act_registry.invented import require_invented
from referrals.act_registry.registry import Answer, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT, require
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.models import Note, Referral
from referrals.packets.packet import sealed_read
from referrals.sealed_notes import seal_context, seal_note

MAX_NOTE_CHARS = 4000
SAME_PERSON = "same_person_as"  # a note that names another referral


@dataclass(frozen=True, slots=True)
class OpenedNote:
    id: UUID
    kind: str
    member_id: UUID
    created_at: datetime
    content: dict[str, str | None]


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE),
    Move(ANY, ANY - DRAFT),
    repeat=Repeat.KEYED,
    summary="Add a note.",
    description="Seals a note of your own agency. Only your agency's assigned members can open it.",
    body=Body([Text("text", MAX_NOTE_CHARS, question="Note", lines=6)], name="NoteIn"),
    answer=Answer.RECORD,
    history="Note added",
    page=Page(
        offer="Add a note",
        title="Add a note",
        says="Sealed. Only your own agency's members who work on this can open it.",
        button="Save note",
        done="The note is saved.",
        refused={"note_length": "text"},
        group=Group.RECORDS,
    ),
)
def add_note(
    principal: Principal, referral_id: UUID, text: str, *, key: idempotency.Key | None = None
) -> UUID:
    """Seal a note of the caller's own agency, for its assigned members only. Returns its id."""
    if not text.strip() or len(text) > MAX_NOTE_CHARS:
        raise BadRequest("note_length", f"Between 1 and {MAX_NOTE_CHARS} characters.", "/text")
    require_invented(principal, "text", text)
    with act_transaction(principal, "add_note", referral_id) as current:
        done = idempotency.begin(principal, key)
        if done is not None:
            return done
        note = seal_note(current, "note", {"text": text})
        current.event(other_side_sees=False)
        idempotency.finish(principal, key, note, current.now, referral_id=referral_id)
    return note


def same_note_exists(
    current: ActTransaction, kind: str, content: Mapping[str, str | None] | None
) -> bool:
    """Return whether the agency's last note of this kind has this content (None: there is no such
    note). Returns True as well if the caller may open no notes. This is an opening, with its own
    entry."""
    try:
        require(current.principal, "open_notes", current.relation)
    except NotPermitted:
        return True
    notes = notes_within(current.attempt, current.own_side().subject, "service")
    last = next((note.content for note in reversed(notes) if note.kind == kind), None)
    return last == content


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE, "packets:read", opens=True),
    Move(ANY, ANY - DRAFT),
    repeat=Repeat.SAFE,
    summary="Read your agency's own notes.",
    description="Returns the notes of your own agency in clear, oldest first, for a stated"
    " purpose. For assigned members. Each opening is an entry in your agency's access log.",
    body=None,
    answer=Answer.OWN,
    logged="Opened notes",
    page=Page(
        offer="Open our notes",
        title="Open our notes",
        says="We log who opens them, when and why.",
        group=Group.RECORDS,
    ),
)
def open_notes(principal: Principal, referral_id: UUID, purpose: str) -> list[OpenedNote]:
    """Return the agency's own notes, oldest first, for an assigned member with a purpose of use."""
    with sealed_read(principal, "open_notes", referral_id, purpose) as (attempt, seen):
        attempt.record(subject=seen.subject)
        return unsealed_notes(principal, referral_id)


def notes_within(attempt: writer.LoggedAct, subject: UUID | None, purpose: str) -> list[OpenedNote]:
    """Return the notes, opened within another act on the same referral. This is an opening with its
    own entry, in addition to that act's."""
    assert attempt.referral_id is not None
    attempt.second_entry("referral.open_notes", purpose).record(subject=subject)
    return unsealed_notes(attempt.principal, attempt.referral_id)


def unsealed_notes(principal: Principal, referral_id: UUID) -> list[OpenedNote]:
    """Return the agency's own notes, after an entry of this transaction has opened them (R11)."""
    mine = Note.objects.filter(referral_id=referral_id, agency_id=principal.agency_id)
    rows = list(mine.order_by("created_at", "id"))
    if not rows:
        return []
    key = grants.own_notes_key(principal, referral_id)["notes"].key
    notes = [
        OpenedNote(
            row.id,
            row.kind,
            row.member_id,
            row.created_at,
            json.loads(unseal(key, bytes(row.ciphertext), seal_context("note", row.id, row.kind))),
        )
        for row in rows
    ]
    named = {str(note.content["referral_id"]) for note in notes if note.kind == SAME_PERSON}
    if not named:
        return notes
    # Leave out a note that names a referral which the reader cannot see: it may bar them (R3, R12).
    there = Referral.objects.visible_to(principal).filter(id__in=named)
    known = {str(id_) for id_ in there.values_list("id", flat=True)}
    return [one for one in notes if one.kind != SAME_PERSON or one.content["referral_id"] in known]
