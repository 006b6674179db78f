"""The rights record: which rights and offers a survivor was given, and what was asked for on their
behalf, as an agency records it for itself (T4).

It is sealed with the agency's own notes and never goes to the other side. A certification that was
asked for has a clock: the side's own reminder, which says in the clear when and never of what.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from permissions.errors import BadRequest, NotPossible
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import idempotency
from referrals.act_registry.registry import Answer, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT
from referrals.act_transaction import ActTransaction, act_transaction
from referrals.deadlines import timestamps
from referrals.law import texts
from referrals.models import Referral
from referrals.rights import tally
from referrals.rights.items import AWAITED, BY_NAME, CERTIFICATIONS, DECIDED, OF_A_MINOR
from referrals.sealed_notes import seal_note

KIND = "rights"  # of the note
REMIND_AFTER = timedelta(days=30)  # Cairn's own: no statute sets a time for the certifying agency
LONGEST_REMINDER = timedelta(days=366)


class Answered(NamedTuple):
    """One item: its code, and when it was so (None: now). `at` is aware."""

    code: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """What is recorded, by item. `remind_at`: when to remind the side's holder; None: after
    REMIND_AFTER where a certification was asked for, and otherwise as it was."""

    items: Mapping[str, Answered] = field(default_factory=dict)
    remind_at: datetime | None = None

    def check(self) -> None:
        """Raise BadRequest unless there is something, each code is known and each time in range."""
        if not self.items:
            raise BadRequest("invalid", "Record at least one item.", "/victim_rights")
        for name, given in self.items.items():
            if name not in BY_NAME:
                raise BadRequest("unknown_field", "Not an item of the rights record.", f"/{name}")
            if given.code not in BY_NAME[name].answers:
                raise BadRequest("unknown_code", f"Not a code of {name}.", f"/{name}")
            timestamps.check(given.at, f"/{name}_at")
        timestamps.check(self.remind_at, "/remind_at")


class RightsRecorded(NamedTuple):
    id: UUID
    remind_at: datetime | None  # of the side, as it is now
    prompts: list[str]  # the calls that the survivor's age asks for and that this does not answer


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE),
    Move(ANY - DRAFT, ANY - DRAFT),
    repeat=Repeat.KEYED,
    summary="Record which rights the survivor was given.",
    description="Records the notice of rights and of compensation, VINE, a certification for a U or"
    " T visa that was asked for, and calls about a child, sealed with your agency's notes. It"
    " sends nothing to anyone, and the other agency is shown nothing of it. A certification that"
    " was asked for sets a reminder for your side's holder, after 30 days or at `remind_at`;"
    " recording a decision ends it.",
    body=None,
    answer=Answer.RECORD,
    history="Rights recorded",
    page=Page(
        offer="Record rights given",
        title="Rights and offers given",
        says="What the survivor was given, offered or helped to ask for. For your own agency,"
        " sealed with your notes. It sends nothing to anyone.",
        button="Seal the record",
        done="The record is kept.",
        refused={"reminder_length": "remind_at"},
        brief="Rights, compensation, VINE, visa certification, calls about a child.",
        group=Group.RECORDS,
    ),
)
def record_rights(
    principal: Principal, referral_id: UUID, rights: Rights, *, key: idempotency.Key | None = None
) -> RightsRecorded:
    """Record what the survivor was given, for the own side's assigned members. What is recorded
    later adds to it. With an Idempotency-Key twice is safe. Raises BadRequest, NotPossible (a
    reminder that is not in the next 366 days)."""
    rights.check()
    with act_transaction(principal, "record_rights", referral_id) as current:
        kept = idempotency.begin(principal, key)
        if kept is None:
            kept = seal_note(current, KIND, _content(rights, current.now))
            _remind(current, rights)
            done = (name for name, given in rights.items.items() if _counts(name, given))
            tally.mark(referral_id, done)
            current.event(other_side_sees=False)
            idempotency.finish(principal, key, kept, current.now, referral_id=referral_id)
        asked = prompts(principal, current.referral, rights.items)
        return RightsRecorded(kept, current.own_side().remind_at, asked)


def _counts(name: str, given: Answered) -> bool:
    return given.code == BY_NAME[name].counted


def _content(rights: Rights, now: datetime) -> dict[str, str | None]:
    content: dict[str, str | None] = {}
    for name, given in rights.items.items():
        content[name] = given.code
        content[f"{name}_at"] = (given.at or now).isoformat()
    return content


def _remind(current: ActTransaction, rights: Rights) -> None:
    """Set the side's one reminder, or end it. It is in the clear, so it does not say of what."""
    answers = {rights.items[one].code for one in CERTIFICATIONS if one in rights.items}
    at = rights.remind_at
    if at is not None and not current.now < at <= current.now + LONGEST_REMINDER:
        raise NotPossible("reminder_length", "Enter a time within the next 366 days.")
    if at is None and AWAITED in answers:
        at = current.now + REMIND_AFTER
    if at is not None or answers & DECIDED:
        current.change_own(remind_at=at)


def prompts(
    principal: Principal, referral: Referral, answered: Mapping[str, object] = {}
) -> list[str]:
    """Return what to think of because the notice, which the caller sees, says that the survivor is
    a minor: the calls that `answered` does not have. Nothing of a packet is opened for it."""
    if referral.age_band != "minor" or all(one in answered for one in OF_A_MINOR):
        return []
    found = texts.calls_about_a_minor(principal.agency_kind, principal.duties)
    return [one.text for one in found]
