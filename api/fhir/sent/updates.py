"""An update of a Task: its new status is an act of /v1. Only the status, its reason and the
business status can be changed; everything else must be as it was read."""

import json
from typing import Any, NamedTuple

from api.fhir import names
from api.fhir.sent.elements import NOT_KEPT, Coding, Element, listed_code, not_supported
from api.fhir.sent.shapes import require_shape
from api.http.json_bodies import as_json
from permissions.errors import BadRequest

CHANGED = ("status", "statusReason", "businessStatus")


class Update(NamedTuple):
    """A Task as it was sent. `rest`: what may not differ from what is there."""

    status: str
    reason: tuple[Coding, ...]
    business: str | None
    rest: dict[str, Any]


class _Act(NamedTuple):
    """The act that a status means for a side, and which list its reason is of, under which name of
    an argument."""

    name: str
    codes: str = ""
    argument: str = ""


ACTS = {
    ("from", "cancelled"): _Act("withdraw", "withdraw", "code"),
    ("from", "entered-in-error"): _Act("mark_error", "mark_error", "code"),
    ("to", "requested"): _Act("acknowledge"),
    ("to", "accepted"): _Act("accept"),
    ("to", "rejected"): _Act("decline", "decline", "code"),
    ("to", "in-progress"): _Act("start_handoff", "handoff_mode", "mode"),
    ("to", "completed"): _Act("complete", "outcome", "outcome"),
    ("to", "failed"): _Act("unable", "private_reason", "code"),
}


def read_update(body: dict[str, Any]) -> Update:
    """Read a Task that replaces what is there. Raises BadRequest."""
    require_shape("Task", body, "Task")
    task = Element(body, "Task")
    reason = tuple(_codings(task, "statusReason"))
    business = [
        listed_code(coding, "status")
        for coding in _codings(task, "businessStatus")
        if coding.system == names.code_system("status")
    ]
    left = ("resourceType", *NOT_KEPT, *CHANGED)
    rest = {name: value for name, value in body.items() if name not in left}
    return Update(body["status"], reason, business[0] if business else None, rest)


def _codings(task: Element, name: str) -> list[Coding]:
    """Return the codings; none where there is only a text, which is not kept."""
    concept = task.child(name)
    return [] if concept is None else [one.as_coding() for one in concept.children("coding")]


def require_same(change: Update, shown: dict[str, Any]) -> None:
    """Raise BadRequest if anything but the status was changed."""
    as_sent = json.loads(as_json(shown))  # times are texts in it
    for name, value in change.rest.items():
        if value != as_sent.get(name):
            raise not_supported(f"Task.{name}", "An update changes the status and its reason only.")


def act_of(change: Update, side: str) -> tuple[str, dict[str, Any]]:
    """Return the act that the status means for the side, and its arguments. Raises BadRequest."""
    act = ACTS.get((side, change.status))
    if act is None or (act.name == "acknowledge" and change.business != "acknowledged"):
        raise not_supported("Task.status", "The status cannot be set to this by your side.")
    if not act.codes:
        return act.name, {}
    codes = [
        listed_code(coding, act.codes)
        for coding in change.reason
        if coding.system == names.code_system(act.codes)
    ]
    if len(codes) != 1:
        raise BadRequest(
            "unknown_code", f"Give one code of {act.codes} as the reason.", "Task.statusReason"
        )
    return act.name, {act.argument: codes[0]}
