"""What Cairn's words are in FHIR's, and its own lists of codes as CodeSystem resources."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.fhir import names
from referrals import codes
from referrals.queries.list_filters import STATUSES

PRIORITY = {"emergency": "stat", "urgent": "urgent", "routine": "routine"}
URGENCY = {priority: urgency for urgency, priority in PRIORITY.items()}

# Facts of the notice that are no codes: an input of the Task each.
NOTICE_INPUTS = {
    "callback": "The worker's phone number, never the survivor's",
    "interpreter_not_local": "No interpreter who might know the survivor or their family",
    "with_worker_until": "Until when the survivor is with the worker",
    "survivor_can_talk_now": "Whether the survivor can talk now",
    "agreement": "Whether the survivor agrees to this notice",
}
# Codes of the notice that are further instructions of the order: any number of each, and one.
MANY = ("needs", "access_needs")
ONE = ("age_band", "household_size", "language", "interpreter", "wanted")


class _Words(NamedTuple):
    """A status as FHIR's Task and ServiceRequest say it."""

    task: str
    order: str


# The word that a side is shown (T5) decides, and nothing else: to the sender a referral that was
# taken on stays `accepted`, whatever the recipient does (R2). `completed` would tell them.
_SHOWN: Mapping[str, _Words] = {
    "draft": _Words("draft", "draft"),
    "sent": _Words("requested", "active"),
    "acknowledged": _Words("requested", "active"),
    "accepted": _Words("accepted", "active"),
    "closed": _Words("accepted", "active"),
    "cannot_take": _Words("rejected", "active"),
    "declined": _Words("rejected", "active"),
    "expired": _Words("cancelled", "active"),
    "withdrawn": _Words("cancelled", "revoked"),
    "stopped": _Words("cancelled", "revoked"),
    "entered_in_error": _Words("entered-in-error", "entered-in-error"),
    # Of the recipient's side alone.
    "in_handoff": _Words("in-progress", "active"),
    "completed": _Words("completed", "active"),
    "unable": _Words("failed", "active"),
}
STATUS_TEXTS = {
    "draft": "Not sent yet",
    "sent": "Sent, not looked at yet",
    "acknowledged": "Acknowledged: the recipient is looking at it",
    "accepted": "Accepted",
    "closed": "Accepted a week ago; what followed is not reported",
    "cannot_take": "The recipient cannot take it",
    "declined": "Declined",
    "expired": "No one answered in time",
    "withdrawn": "Withdrawn by the sender",
    "stopped": "Stopped",
    "entered_in_error": "Sent by mistake",
    "in_handoff": "The hand-off to the survivor has begun",
    "completed": "Completed",
    "unable": "It did not come about",
}


def task_status(status: str) -> str:
    """Return Task.status for a referral's status as a side is shown it."""
    return _SHOWN[status].task


def order_status(status: str) -> str:
    """Return ServiceRequest.status for a referral's status as a side is shown it."""
    return _SHOWN[status].order


RETURNED = {
    "connected": "Whether the survivor spoke with an advocate",
    "engaged": "Whether the survivor took up the service",
    "outcome_code": "What came of it",
}

LISTS: dict[str, Mapping[str, str]] = {
    **codes.CODE_LISTS,
    "status": {status: STATUS_TEXTS[status] for status in STATUSES},
    "notice": NOTICE_INPUTS,
    "returned": RETURNED,
}


def code_system(name: str) -> dict[str, Any]:
    """Return a list of codes as a CodeSystem. `name` is one of LISTS."""
    concepts = [{"code": code, "display": label} for code, label in LISTS[name].items()]
    return {
        "resourceType": "CodeSystem",
        "id": name.replace("_", "-"),
        "url": names.code_system(name),
        "version": codes.VERSION,
        "name": "".join(word.capitalize() for word in name.split("_")),
        "status": "active",
        "experimental": False,
        "caseSensitive": True,
        "content": "complete",
        "count": len(concepts),
        "concept": concepts,
    }


def coding(name: str, code: str) -> dict[str, str]:
    """Return a Coding of one of this server's lists."""
    return {
        "system": names.code_system(name),
        "code": code,
        "display": LISTS[name].get(code, code),
    }


def concept(name: str, code: str) -> dict[str, Any]:
    """Return a CodeableConcept of one of this server's lists."""
    return {"coding": [coding(name, code)]}
