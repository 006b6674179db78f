"""A Bundle that says the same as a body of POST /v1/referrals, built from the pages of FHIR and not
by the names of the product."""

from typing import Any
from uuid import uuid4

from django.conf import settings

from tests.support.people.callers import agency_id

BASE = f"{settings.BASE_URL.rstrip('/')}/fhir"
ORDER, TASK, PATIENT = (f"urn:uuid:{uuid4()}" for _ in range(3))
PRIORITY = {"emergency": "stat", "urgent": "urgent", "routine": "routine"}
DETAILS = ("access_needs", "age_band", "household_size", "language", "interpreter", "wanted")
INPUTS = {
    "callback": "valueString",
    "interpreter_not_local": "valueBoolean",
    "with_worker_until": "valueDateTime",
    "survivor_can_talk_now": "valueBoolean",
}
EXTENSIONS = {
    "form": "valueCode",
    "artifact_sha256": "valueString",
    "adult": "valueBoolean",
    "minor_may_consent_alone": "valueBoolean",
    "promptly_informed": "valueCode",
    "redisclosure_notice": "valueCode",
    "witnessed_by": "valueString",
    "witnessed_at": "valueDateTime",
}


def system(name: str) -> str:
    return f"{BASE}/CodeSystem/{name.replace('_', '-')}"


def coding(name: str, code: str) -> dict[str, str]:
    return {"system": system(name), "code": code}


def concept(name: str, *codes: str) -> dict[str, Any]:
    return {"coding": [coding(name, code) for code in codes]}


def extension(name: str, **value: Any) -> dict[str, Any]:
    return {"url": f"{BASE}/StructureDefinition/{name.replace('_', '-')}", **value}


def order(body: dict[str, Any], sender: str, subject: dict[str, Any]) -> dict[str, Any]:
    """The ServiceRequest of a native body."""
    first, *needs = body["needs"]
    details = [concept("needs", need) for need in needs]
    for name in DETAILS:
        given = body.get(name)
        details += [
            concept(name, code) for code in ([given] if isinstance(given, str) else given or ())
        ]
    made = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "category": [{"coding": [{"system": US_CORE, "code": "sdoh"}]}],
        "priority": PRIORITY[body["urgency"]],
        "code": concept("needs", first) | {"text": "As the record says it"},
        "subject": subject,
        "requester": {"reference": f"Organization/{agency_id(sender)}"},
        "performer": [{"reference": f"HealthcareService/{body['service_id']}"}],
    }
    if details:
        made["orderDetail"] = details
    if "concern" in body:
        made["reasonCode"] = [concept("concern", body["concern"])]
    return made


US_CORE = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
PLACER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]}
TO_FULFILL = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}


def task(
    body: dict[str, Any], sender: str, recipient: str, subject: dict[str, Any]
) -> dict[str, Any]:
    """The Task of a native body."""
    inputs = [
        {"type": concept("notice", name), kind: body[name]}
        for name, kind in INPUTS.items()
        if body.get(name) is not None
    ]
    if send := body.get("send"):
        inputs.append({"type": concept("notice", "agreement"), "valueCode": send["agreement"]})
    for name, text in (body.get("packet") or {}).items():
        inputs.append({"type": concept("packet_field", name), "valueString": text})
    made = {
        "resourceType": "Task",
        "status": "requested" if send else "draft",
        "intent": "order",
        "priority": PRIORITY[body["urgency"]],
        "code": TO_FULFILL,
        "focus": {"reference": ORDER},
        "for": subject,
        "authoredOn": "2026-12-01T10:00:00Z",
        "requester": {"reference": f"Organization/{agency_id(sender)}"},
        "owner": {"reference": f"Organization/{agency_id(recipient)}"},
        "input": inputs,
    }
    if number := body.get("external_ref"):
        made["identifier"] = [{"type": PLACER, "system": "urn:oid:1.2.3", "value": number}]
    return made


def consent(
    terms: dict[str, Any], covers: str, sender: str, recipient: str, subject: dict[str, Any]
) -> dict[str, Any]:
    """The Consent of a native release."""
    more = [
        extension(name, **{kind: terms[name]}) for name, kind in EXTENSIONS.items() if name in terms
    ]
    more += [extension("attestations", valueCode=one) for one in terms.get("attestations", ())]
    for one in terms.get("consenters", ()):
        parts = [
            {"url": "who", "valueCode": one["who"]},
            {"url": "signed-at", "valueDateTime": one["signed_at"]},
            {"url": "not-the-abuser", "valueBoolean": one["not_the_abuser"]},
        ]
        more.append(extension("consenter", extension=parts))
    provision = {
        "type": "permit",
        "period": {"end": terms["expires_at"]},
        "purpose": [coding("release_purpose", terms["purpose"])],
        "actor": [
            {
                "role": {"coding": [{"code": "IRCP"}]},
                "reference": {"reference": f"Organization/{agency_id(recipient)}"},
            }
        ],
    }
    if terms.get("fields"):
        provision["code"] = [concept("packet_field", one) for one in terms["fields"]]
    scope = "http://terminology.hl7.org/CodeSystem/consentscope"
    made = {
        "resourceType": "Consent",
        "extension": more,
        "status": "active",
        "scope": {"coding": [{"system": scope, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": subject,
        "dateTime": terms["signed_at"],
        "organization": [{"reference": f"Organization/{agency_id(sender)}"}],
        "policyRule": concept("basis", terms["basis"]),
        "provision": provision,
    }
    if covers == "notice":
        made["category"].append(concept("covers", "notice"))
    if terms.get("evidence_ref"):
        made["sourceAttachment"] = {"title": terms["evidence_ref"]}
    return made


def entry(resource: dict[str, Any], full_url: str = "", **request: str) -> dict[str, Any]:
    made = {
        "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"], **request},
    }
    return {"fullUrl": full_url, **made} if full_url else made


def bundle(
    body: dict[str, Any],
    *,
    sender: str = "hospital",
    recipient: str = "ywca",
    patient: dict[str, Any] | None = None,
    if_none_exist: str = "",
) -> dict[str, Any]:
    """A transaction that says what a native body says. `patient`: a resource that comes with it."""
    subject = {"reference": PATIENT} if patient else {"display": "Not disclosed"}
    once = {"ifNoneExist": if_none_exist} if if_none_exist else {}
    entries = [
        entry(order(body, sender, subject), ORDER),
        entry(task(body, sender, recipient, subject), TASK, **once),
    ]
    if patient:
        entries.append(entry({"resourceType": "Patient"} | patient, PATIENT))
    for part, covers in (("notice_release", "notice"), ("release", "packet")):
        if terms := body.get(part):
            entries.append(entry(consent(terms, covers, sender, recipient, subject)))
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def without_sender(bundle: dict[str, Any]) -> dict[str, Any]:
    """The same as any agency may send it: without a name of its own."""
    for one in bundle["entry"]:
        one["resource"].pop("requester", None)
    return bundle


def subscription(url: str, status: str = "requested") -> dict[str, Any]:
    """A Subscription to the changes of Tasks, by the pages of the R5 backport."""
    content = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
    only_ids = [{"url": f"{content}backport-payload-content", "valueCode": "id-only"}]
    return {
        "resourceType": "Subscription",
        "status": status,
        "reason": "Follow what we referred",
        "criteria": "http://hl7.org/fhir/us/sdoh-clinicalcare/SubscriptionTopic/Task",
        "channel": {
            "type": "rest-hook",
            "endpoint": url,
            "payload": "application/fhir+json",
            "_payload": {"extension": only_ids},
        },
    }


def resources(answer: Any) -> list[dict[str, Any]]:
    """What an answer of 200 shows: the resource itself, or all that its Bundle holds."""
    assert answer.status_code == 200, answer.content
    body = answer.json()
    if body["resourceType"] == "Bundle":
        return [one["resource"] for one in body.get("entry", ())]
    return [body]
