"""A referral as a Task and a ServiceRequest, as the caller's side is shown it (T2 and T5).

Nothing here decides what is shown: the detail and the line of a list did (referrals/queries). What
no side is shown in /v1 is not shown here, and no element moves when only the other side's own state
does (R2): there is no `lastUpdated`, and `versionId` is the ETag of /v1.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from api.fhir import names, vocabulary
from referrals.queries.details import Detail
from referrals.queries.lists import Line

SECURITY = [  # on everything that is about a survivor
    {"system": names.CONFIDENTIALITY, "code": "R"},
    {"system": names.ACT_CODE, "code": "SDV"},
    {"system": names.ACT_CODE, "code": "NORDSCLCD"},
]
_SUBSETTED = {"system": names.OBSERVATION_VALUE, "code": "SUBSETTED"}


class Party(NamedTuple):
    """An agency or a service, with its name."""

    id: UUID | str
    name: str


class Facts(NamedTuple):
    """What both resources are made of."""

    id: UUID | str
    side: str
    reference: str
    status: str
    urgency: str
    created_at: datetime
    sender: Party
    recipient: Party
    service: Party
    external_ref: str | None
    code: str | None = None  # why it ended
    version: str | None = None  # None: of a list, which has none


def facts_of(seen: Detail) -> Facts:
    referral = seen.referral
    return Facts(
        id=referral.id,
        side=seen.side,
        reference=referral.reference,
        status=seen.status,
        urgency=referral.urgency,
        created_at=referral.created_at,
        sender=Party(seen.from_agency.id, seen.from_agency.name),
        recipient=Party(seen.to_agency.id, seen.to_agency.name),
        service=Party(referral.service_id, referral.service_name),
        external_ref=seen.external_ref,
        code=referral.code,
        version=version_of(seen),
    )


def facts_of_line(line: Line) -> Facts:
    return Facts(
        id=line.id,
        side=line.side,
        reference=line.reference,
        status=line.status,
        urgency=line.urgency,
        created_at=line.created_at,
        sender=Party(line.from_agency_id, line.from_agency_name),
        recipient=Party(line.to_agency_id, line.to_agency_name),
        service=Party(line.service_id, line.service_name),
        external_ref=line.external_ref,
    )


def version_of(seen: Detail) -> str:
    """Return the version that the caller's side is shown, as meta.versionId."""
    return seen.etag.strip('"')


def subject() -> dict[str, Any]:
    """Return the subject of a referral: a person that no resource says more of. Who they are is
    in the packet, which is opened for a purpose and not read here."""
    return {"display": "Not disclosed"}


# -- Task ------------------------------------------------------------------------------------------


def task(facts: Facts, output: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Return the Task. `output`: what a return release lets the sender read."""
    made: dict[str, Any] = {
        "resourceType": "Task",
        "id": str(facts.id),
        "meta": _meta(facts),
        "identifier": _identifiers(facts),
        "status": vocabulary.task_status(facts.status),
        "businessStatus": vocabulary.concept("status", facts.status),
        "intent": "order",
        "priority": vocabulary.PRIORITY[facts.urgency],
        "code": {"coding": [{"system": names.TASK_CODE, "code": "fulfill"}]},
        "focus": names.reference("ServiceRequest", facts.id),
        "for": subject(),
        "authoredOn": facts.created_at,
        "requester": names.reference("Organization", *facts.sender),
        "owner": names.reference("Organization", *facts.recipient),
    }
    if made["status"] in _ENDED:
        made["statusReason"] = _reason(facts)
    if output:
        made["output"] = list(output)
    return made


_ENDED = ("rejected", "cancelled", "failed", "entered-in-error")
_REASONS = {
    "cannot_take": "decline",
    "declined": "decline",
    "withdrawn": "withdraw",
    "entered_in_error": "mark_error",
}


def _reason(facts: Facts) -> dict[str, Any]:
    """Return why it ended: the code if there is one, and always a text, as SDOHCC asks."""
    text = vocabulary.STATUS_TEXTS[facts.status]
    name = _REASONS.get(facts.status)
    label = vocabulary.LISTS[name].get(facts.code or "") if name else None
    if name is None or facts.code is None or label is None:
        return {"text": text}
    return vocabulary.concept(name, facts.code) | {"text": label}


def _identifiers(facts: Facts) -> list[dict[str, Any]]:
    """Return this server's reference, to say by phone, and the own agency's number."""

    def of_type(code: str) -> dict[str, Any]:
        return {"coding": [{"system": names.IDENTIFIER_TYPE, "code": code}]}

    made = [
        {
            "type": of_type("FILL"),
            "system": names.identifier_system("reference"),
            "value": facts.reference,
        }
    ]
    if facts.external_ref is not None:
        made.append({"type": of_type("PLAC"), "value": facts.external_ref})
    return made


def _meta(facts: Facts, *, part: bool = False) -> dict[str, Any]:
    meta: dict[str, Any] = {"versionId": facts.version} if facts.version else {}
    return meta | {"security": SECURITY, **({"tag": [_SUBSETTED]} if part else {})}


# -- ServiceRequest --------------------------------------------------------------------------------


def order(seen: Detail) -> dict[str, Any]:
    """Return the ServiceRequest with the whole notice."""
    referral, facts = seen.referral, facts_of(seen)
    details = [(name, code) for name in vocabulary.MANY for code in getattr(referral, name)]
    details += [(name, getattr(referral, name)) for name in vocabulary.ONE]
    made = _order(facts, referral.needs, details)
    if referral.concern != "not_stated":
        made["reasonCode"] = [vocabulary.concept("concern", referral.concern)]
    return made


def order_of_line(line: Line) -> dict[str, Any]:
    """Return the ServiceRequest as far as a list shows its notice: it says that it is a part."""
    details = [*(("needs", code) for code in line.needs), ("wanted", line.wanted)]
    return _order(facts_of_line(line), line.needs, details, part=True)


def _order(
    facts: Facts, needs: Sequence[str], details: Sequence[tuple[str, str]], *, part: bool = False
) -> dict[str, Any]:
    rest = [pair for pair in details if pair != ("needs", needs[0]) and pair[1] != "not_stated"]
    made: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "id": str(facts.id),
        "meta": _meta(facts, part=part),
        "identifier": _identifiers(facts),
        "status": vocabulary.order_status(facts.status),
        "intent": "order",
        "category": [{"coding": [{"system": names.US_CORE_CATEGORY, "code": "sdoh"}]}],
        "priority": vocabulary.PRIORITY[facts.urgency],
        "code": vocabulary.concept("needs", needs[0]),
        "subject": subject(),
        "authoredOn": facts.created_at,
        "requester": names.reference("Organization", *facts.sender),
        "performer": [names.reference("HealthcareService", *facts.service)],
    }
    if rest:
        made["orderDetail"] = [vocabulary.concept(*pair) for pair in rest]
    return made


# -- What came back --------------------------------------------------------------------------------

_RETURNED = {"connected": "valueBoolean", "engaged": "valueBoolean", "outcome_code": "valueCode"}


def output(returned: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the recipient reported under a return release, as the Task's output. What it did
    not report is not there."""
    return [
        {"type": vocabulary.concept("returned", name), kind: returned[name]}
        for name, kind in _RETURNED.items()
        if returned.get(name) is not None
    ]
