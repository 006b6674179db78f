"""Mandated reports and compelled disclosures, as an agency records them for itself (R8; T4).

The records are sealed with the agency's own notes and never go to the other side. They move no
data. Nothing is refused because of what the law may say of the report or the order itself. The
state's line (a setting of the network) and a warning are shown with them.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from permissions.errors import BadRequest
from permissions.policy.rules import Rule, Who
from permissions.principal import Principal
from referrals import codes, idempotency, sealed_notes
from referrals.act_registry.registry import Answer, Group, Move, Page, act
from referrals.act_registry.repeats import Repeat
from referrals.act_registry.transitions import ANY, DRAFT
from referrals.act_transaction import act_transaction
from referrals.deadlines import timestamps
from referrals.law import texts

MAX_DETAIL_CHARS = 1000
SUBPOENA = (
    "A subpoena alone is not an order of a court. The privilege belongs to the survivor: before you"
    " hand anything over, ask a lawyer and tell the survivor."
)


@dataclass(frozen=True, slots=True)
class Record:
    """What was reported or handed over: by what law, to whom, when, and whether the survivor was
    informed or why not. `check` validates it; BadRequest names the field."""

    basis: str
    to: str
    at: datetime  # UTC, aware
    survivor_told: str
    detail: str = ""  # sealed with the rest

    def check(self, basis_list: str, to_list: str) -> None:
        """Raise BadRequest unless every value is in its code list and the time is in range."""
        for name, known in (
            ("basis", basis_list),
            ("to", to_list),
            ("survivor_told", "survivor_told"),
        ):
            if getattr(self, name) not in codes.CODE_LISTS[known]:
                raise BadRequest("unknown_code", f"Not a code of {known}.", f"/{name}")
        timestamps.check(self.at, "/at")
        if len(self.detail) > MAX_DETAIL_CHARS:
            raise BadRequest("invalid", f"At most {MAX_DETAIL_CHARS} characters.", "/detail")


@dataclass(frozen=True, slots=True)
class Recorded:
    id: UUID
    line: str  # the state's line, from the network's settings
    warning: str  # '' if there is none


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE),
    Move(ANY, ANY - DRAFT),
    repeat=Repeat.KEYED,
    summary="Record a mandated report.",
    description="Records a report that the law asked your agency to make, sealed with your"
    " agency's notes. It sends nothing to anyone. The answer includes what your state's law says"
    " of it.",
    body=None,
    answer=Answer.RECORD,
    history="Mandated report recorded",
    page=Page(
        offer="Record a mandated report",
        title="Record a mandated report",
        says="For your own agency, sealed with your notes. It sends nothing to anyone.",
        button="Seal the record",
        done="The record is kept.",
        group=Group.RECORDS,
    ),
)
def record_report(
    principal: Principal, referral_id: UUID, record: Record, *, key: idempotency.Key | None = None
) -> Recorded:
    """Record a mandated report that was made, for the own side's assigned members. With an
    Idempotency-Key twice is safe. Raises BadRequest."""
    record.check("report_basis", "report_to")
    return _keep(principal, "record_report", "report", referral_id, record, key)


@act(
    Rule(Who.ASSIGNEE, Who.ASSIGNEE),
    Move(ANY, ANY - DRAFT),
    repeat=Repeat.KEYED,
    summary="Record a compelled disclosure.",
    description="Records what a court or another authority compelled or asked your agency to"
    " disclose, sealed with your agency's notes. It sends nothing to anyone. An agency with"
    " privilege is warned that a subpoena alone is not an order of a court.",
    body=None,
    answer=Answer.RECORD,
    history="Compelled disclosure recorded",
    page=Page(
        offer="Record a compelled disclosure",
        title="Record a compelled disclosure",
        says="For your own agency, sealed with your notes. It sends nothing to anyone.",
        button="Seal the record",
        done="The record is kept.",
        group=Group.RECORDS,
    ),
)
def record_disclosure(
    principal: Principal, referral_id: UUID, record: Record, *, key: idempotency.Key | None = None
) -> Recorded:
    """Record a disclosure that a court or another authority compelled or asked for. It is never
    refused because of its basis. An agency with privilege is warned that a subpoena alone is not an
    order."""
    record.check("compelled_by", "compelled_to")
    return _keep(principal, "record_disclosure", "disclosure", referral_id, record, key)


def _keep(
    principal: Principal,
    act: str,
    kind: str,
    referral_id: UUID,
    record: Record,
    key: idempotency.Key | None,
) -> Recorded:
    with act_transaction(principal, act, referral_id) as current:
        kept = idempotency.begin(principal, key)
        if kept is None:
            kept = sealed_notes.seal_note(
                current,
                kind,
                {
                    "basis": record.basis,
                    "to": record.to,
                    "at": record.at.isoformat(),
                    "survivor_told": record.survivor_told,
                    "detail": record.detail,
                },
            )
            current.event(other_side_sees=False)
            idempotency.finish(principal, key, kept, current.now, referral_id=referral_id)
    line = " ".join(state_lines(principal, kind))
    return Recorded(kept, line, warning(principal, record.basis))


def state_lines(principal: Principal, kind: str) -> list[str]:
    """Return what the law says of reports, or of what may be compelled, to the caller's agency. A
    network's own line (a setting) replaces it for everyone."""
    report = kind == "report"
    own = str(settings.REPORT_LINE if report else settings.DISCLOSURE_LINE)
    says = texts.reports if report else texts.disclosures
    found = [one.text for one in says(principal.agency_kind, principal.duties)]
    return [own] if own else found


def warning(principal: Principal, basis: str) -> str:
    """Return that a subpoena is not an order, for an agency with privilege; otherwise ''."""
    return SUBPOENA if basis == "subpoena" and "privilege" in principal.duties else ""
