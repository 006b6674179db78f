"""A hospital's whole referral, sent as a Bundle, and what it is answered."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.people.callers import Caller
from tests.support.people.stories import (
    NOTICE,
    PACKET,
    authorization,
    release_body,
    service_of,
)

SENDER = "hospital.worker"
WHOLE_NOTICE = NOTICE | {
    "concern": "sex_trafficking",
    "age_band": "adult",
    "household_size": "one",
    "language": "es",
    "interpreter": "in_person",
    "interpreter_not_local": True,
    "access_needs": ["children", "pets"],
    "wanted": "come_here",
    "with_worker_until": (datetime.now(UTC) + timedelta(hours=3)).isoformat(),
    "survivor_can_talk_now": True,
}


def whole(**change: Any) -> dict[str, Any]:
    """A referral with all that a hospital sends; a part that is None is left out."""
    body = WHOLE_NOTICE | {
        "service_id": service_of("ywca"),
        "release": release_body(*PACKET, **authorization(evidence_ref="folder 7")),
        "packet": PACKET,
        "external_ref": "MRN-ORDER-1",
        "send": {"agreement": "agrees"},
    }
    return {name: value for name, value in (body | change).items() if value is not None}


def sent(caller: Caller, method: str, path: str, resource: Any, **headers: str) -> Any:
    """The answer to a resource that is sent to an address below /fhir; '' is the base itself."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return getattr(caller.http, method)(
        f"/fhir/{path}" if path else "/fhir",
        json.dumps(resource),
        content_type="application/fhir+json",
        headers=caller.headers(names),
    )


def posted(api: Any, bundle: Any, who: str | None = SENDER) -> Any:
    return sent(api(who), "post", "", bundle)


def issues(answer: Any) -> list[tuple[str, str, str | None]]:
    """(type, our code, expression) of each issue of an OperationOutcome."""
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome", outcome
    assert answer["Content-Type"] == "application/fhir+json"
    return [
        (
            one["code"],
            one["details"]["coding"][0]["code"],
            (one.get("expression") or [None])[0],
        )
        for one in outcome["issue"]
        if one["severity"] == "error"
    ]


def id_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.json()["entry"][1]["response"]["location"].rpartition("/")[2])
