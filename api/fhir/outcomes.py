"""Refusals as OperationOutcome. The same refusals as in /v1, with the same status and code: only
the shape is FHIR's."""

from typing import Any

from api.fhir.names import MEDIA_TYPE, code_system, deviations
from api.http import problem_details
from api.http.json_bodies import Answer
from permissions.errors import BadRequest, Fault, Refused

# IssueType, by the status of the answer (FHIR R4, http.html).
_ISSUES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    409: "conflict",
    412: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "business-rule",
    428: "required",
    429: "throttled",
    500: "exception",
    503: "transient",
}
_OF_CODE = {
    "not_supported": "not-supported",
    "not_fhir": "structure",
    "unknown_code": "code-invalid",
    "unknown_field": "structure",
    "wrong_state": "business-rule",
    "not_possible": "business-rule",
}


class NotAcceptable(Refused):
    code = "not_acceptable"
    detail = "This server answers in JSON (application/fhir+json), and not in XML."


problem_details.STATUS[NotAcceptable] = (406, "Not acceptable")


def refused(refusal: Refused, allowed: str) -> Answer:
    """Answer a refusal. `allowed`: the methods of the address."""
    status, problem, headers = problem_details.problem(refusal)
    faults = (
        refusal.faults
        if isinstance(refusal, BadRequest)
        else [Fault(refusal.code, refusal.detail, refusal.pointer)]
    )
    issues = [_issue(status, fault) for fault in faults]
    for line in problem.get("safety_lines", ()):  # a service that is away can still be phoned
        issues.append(
            {
                "severity": "information",
                "code": "informational",
                "diagnostics": " ".join(str(part) for part in line.values() if part),
            }
        )
    if status == 405:
        headers["Allow"] = allowed
    outcome = {"resourceType": "OperationOutcome", "issue": issues}
    return Answer(outcome, status, headers=headers, media_type=MEDIA_TYPE)


def _issue(status: int, fault: Fault) -> dict[str, Any]:
    made: dict[str, Any] = {
        "severity": "error",
        "code": _OF_CODE.get(fault.code) or _ISSUES[status],
        "details": {"coding": [{"system": code_system("refusal"), "code": fault.code}]},
        "diagnostics": fault.detail,
    }
    if fault.code == "not_supported":
        made["diagnostics"] = f"{fault.detail} {deviations()}"
    if fault.place:
        made["expression"] = [fault.place]
    return made
