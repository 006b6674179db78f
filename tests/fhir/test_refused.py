"""What a Bundle says and is not read is refused where it is, and nothing of it is there."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support.people import fhir_bundles as fhir
from tests.support.people.access_log import everything_stored
from tests.support.people.fhir_sent import SENDER, issues, posted, whole


def _order(bundle: Any) -> Any:
    return bundle["entry"][0]["resource"]


def _task(bundle: Any) -> Any:
    return bundle["entry"][1]["resource"]


def _consent(bundle: Any) -> Any:
    return bundle["entry"][2]["resource"]


ORDER, TASK, CONSENT = (f"Bundle.entry[{place}].resource" for place in range(3))
REFUSED = {
    "a batch": (lambda b: b.update(type="batch"), "not_supported", "Bundle.type"),
    "no task": (lambda b: b["entry"].pop(1), "not_supported", "Bundle.entry"),
    "two orders": (
        lambda b: b["entry"].append(b["entry"][0]),
        "not_supported",
        "Bundle.entry",
    ),
    "a condition of hers": (
        lambda b: b["entry"].append({"resource": {"resourceType": "Condition"}}),
        "not_supported",
        "Bundle.entry[3].resource",
    ),
    "a wrong type": (
        lambda b: _order(b).update(priority=7),
        "not_fhir",
        f"{ORDER}.priority",
    ),
    "an unknown element": (
        lambda b: _order(b).update(note=[{"text": "she said that"}]),
        "not_supported",
        f"{ORDER}.note",
    ),
    "an invented element": (
        lambda b: _task(b).update(severity="high"),
        "not_fhir",
        TASK,
    ),
    "an invented element inside": (
        lambda b: _order(b)["code"]["coding"][0].update(Jane=1),
        "not_fhir",
        f"{ORDER}.code.coding[0]",
    ),
    "an invented element outside": (
        lambda b: b["entry"][0].update(Jane=1),
        "not_supported",
        "Bundle.entry[0]",
    ),
    "an unknown urgency": (
        lambda b: _order(b).update(priority="asap"),
        "not_supported",
        f"{ORDER}.priority",
    ),
    "two urgencies": (
        lambda b: _task(b).update(priority="routine"),
        "not_supported",
        f"{TASK}.priority",
    ),
    "a text alone": (
        lambda b: _order(b).update(code={"text": "a shelter"}),
        "not_supported",
        f"{ORDER}.code",
    ),
    "a need that is none": (
        lambda b: _order(b)["code"]["coding"][0].update(code="revenge"),
        "unknown_code",
        f"{ORDER}.code.coding[0]",
    ),
    "a code of another list": (
        lambda b: _order(b)["code"]["coding"][0].update(system="http://loinc.org"),
        "not_supported",
        f"{ORDER}.code.coding[0]",
    ),
    "a patient elsewhere": (
        lambda b: _order(b).update(subject={"reference": "Patient/123"}),
        "not_supported",
        "Bundle.entry",
    ),
    "another agency's order": (
        lambda b: _order(b).update(requester={"reference": f"Organization/{uuid4()}"}),
        "not_supported",
        f"{ORDER}.requester",
    ),
    "an agency that does not answer it": (
        lambda b: _task(b).update(owner={"reference": f"Organization/{fhir.agency_id('sarc')}"}),
        "not_supported",
        f"{CONSENT}.provision.actor[0]",
    ),
    "no service": (
        lambda b: _order(b).pop("performer"),
        "not_supported",
        f"{ORDER}.performer",
    ),
    "a service that is not there": (
        lambda b: _order(b).update(performer=[{"reference": f"HealthcareService/{uuid4()}"}]),
        "service_unknown",
        None,
    ),
    "no phone of the worker": (
        lambda b: _task(b)["input"].pop(0),
        "invalid",
        None,
    ),
    "a survivor's agreement that is none": (
        lambda b: _task(b)["input"][-4].update(valueCode="no"),
        "invalid",
        f"{TASK}.input",
    ),
    "a completed task": (
        lambda b: _task(b).update(status="completed"),
        "not_supported",
        f"{TASK}.status",
    ),
    "a task of something else": (
        lambda b: _task(b).update(focus={"reference": "ServiceRequest/1"}),
        "not_supported",
        f"{TASK}.focus",
    ),
    "a consent that denies": (
        lambda b: _consent(b)["provision"].update(type="deny"),
        "not_supported",
        f"{CONSENT}.provision.type",
    ),
    "an attachment with its content": (
        lambda b: _consent(b)["sourceAttachment"].update(data="aGVy"),
        "not_supported",
        f"{CONSENT}.sourceAttachment.data",
    ),
    "a consent that is over": (
        lambda b: _consent(b)["provision"]["period"].update(end="2020-01-01T00:00:00Z"),
        "expired",
        f"{CONSENT}.provision.period.end",
    ),
    "a consent without its risks": (
        lambda b: _consent(b)["extension"].pop(2),
        "attestation_missing",
        None,
    ),
    "a field that does not go there": (
        lambda b: _consent(b)["provision"]["code"][0]["coding"][0].update(code="mind"),
        "unknown_code",
        f"{CONSENT}.provision.code[0].coding[0]",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_read_is_refused_where_it_stands(api: Any, superuser: Any, case: str) -> None:
    spoil, code, place = REFUSED[case]
    before = everything_stored(superuser)
    bundle = fhir.bundle(whole())
    spoil(bundle)
    answer = posted(api, bundle)
    assert 400 <= answer.status_code < 500, answer.content
    found = issues(answer)
    assert code in {one[1] for one in found}, found
    assert place in {one[2] for one in found} or place is None, found
    assert "she said" not in answer.content.decode()
    assert "Jane" not in answer.content.decode(), "a name that FHIR does not have"
    assert everything_stored(superuser) == before
    if found[0][1] == "invalid":  # of the native shape, which logs names that it does not have
        return
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, decision, rule, to_jsonb(e)::text FROM access_entry e"
            " WHERE request_id = %s",
            [answer["X-Request-Id"]],
        )
        ((act, decision, rule, entry),) = cursor.fetchall()
    assert (act.partition(".")[0], decision, rule) == ("referral", "refused", found[0][1])
    assert "she said" not in entry
    assert "Jane" not in entry


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (None, 401),
        ("hospital.auditor", 403),
        ("hospital.admin", 403),
        ("taskforce.coordinator", 403),
    ],
)
def test_who_may_not_refer_by_v1_may_not_by_fhir(api: Any, who: str | None, status: int) -> None:
    bundle = fhir.bundle(whole(), sender=(who or "hospital").partition(".")[0])
    answer = posted(api, bundle, who)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_no_xml_no_other_method_and_no_broken_json(api: Any) -> None:
    caller = api(SENDER)
    asked = caller.get("/fhir/Task", Accept="application/fhir+xml")
    assert (asked.status_code, issues(asked)[0][1]) == (406, "not_acceptable")
    assert caller.get("/fhir/Task", {"_format": "xml"}).status_code == 406
    assert caller.get("/fhir/Task", {"_format": "json"}).status_code == 200
    sent = caller.http.post(
        "/fhir", "<Bundle/>", content_type="application/fhir+xml", headers=caller.headers({})
    )
    assert (sent.status_code, issues(sent)[0][1]) == (415, "media_type")
    broken = caller.http.post(
        "/fhir", "{", content_type="application/fhir+json", headers=caller.headers({})
    )
    assert (broken.status_code, issues(broken)[0][1]) == (400, "not_json")
    wrong = caller.delete("/fhir/Task")
    assert (wrong.status_code, wrong["Allow"]) == (405, "GET, HEAD")
