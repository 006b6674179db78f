"""Each resource keeps what the guide's profiles ask, or the page of deviations says where not."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.ground.repository import REPOSITORY
from tests.support.people import fhir_rules
from tests.support.people.fhir_bundles import resources
from tests.support.people.stories import PACKET, Story, return_body

DEVIATIONS = REPOSITORY / "openapi" / "fhir-deviations.md"
SIDES = ("police.worker", "ywca.worker")
# Rules that are not kept, with the words of the page that say so.
NOT_KEPT = {
    "ServiceRequest.code": "`ServiceRequest.code` is a need of `CodeSystem/needs`",
    "Consent.source[x]": "To the recipient a Consent has no `source`",
    "HealthcareService.telecom": "A service need not have a `telecom`",
    "HealthcareService.telecom:AppointmentContact": "none is marked as the contact for appoint",
    "Location.address": "A Location whose address is confidential has none",
}


def of_the_referral(api: Any, story: Story) -> Iterator[dict[str, Any]]:
    """All that each side is shown of a referral, read and searched."""
    for who in SIDES:
        yield from resources(api(who).get(f"/fhir/Task/{story.id}"))
        yield from resources(api(who).get(f"/fhir/ServiceRequest/{story.id}"))
        yield from resources(api(who).get("/fhir/Task?_include=Task:focus"))


def broken(found: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> set[str]:
    return set().union(*map(fhir_rules.broken, found))


ENDS: dict[str, list[tuple[str, str, Any]]] = {
    "accepted": [("answers", "acknowledge", None), ("answers", "accept", None)],
    "completed": [
        ("answers", "accept", None),
        ("answers", "start_handoff", {"mode": "phone"}),
        ("answers", "complete", {"outcome": "served"}),
        ("answers", "put_return_release", return_body()),
    ],
    "failed": [("answers", "accept", None), ("answers", "unable", {"code": "other"})],
    "rejected": [("answers", "decline", {"code": "no_capacity"})],
    "cancelled": [("sends", "withdraw", {"code": "help_found"})],
    "entered-in-error": [("sends", "mark_error", {"code": "wrong_recipient"})],
}


@pytest.mark.parametrize("end", sorted(ENDS))
def test_a_referral_keeps_the_guides_rules_at_each_step(story: Story, api: Any, end: str) -> None:
    story.create()
    seen = list(resources(api("police.worker").get(f"/fhir/Task/{story.id}")))
    story.send()
    for side, act, body in ENDS[end]:
        seen += of_the_referral(api, story)
        getattr(story, side)(act, body)
    seen += of_the_referral(api, story)
    assert end in {one["status"] for one in seen}
    assert broken(seen) == {"ServiceRequest.code"}


@pytest.mark.parametrize("act", ["expired", "stopped"])
def test_what_ended_by_itself_has_its_text(
    story: Story, api: Any, act: str, shift_clock: Any
) -> None:
    story.send()
    if act == "stopped":
        story.sends("stop")
    else:
        shift_clock("30 days")
    seen = list(of_the_referral(api, story))
    ended = [one for one in seen if one.get("status") in ("rejected", "cancelled", "failed")]
    assert ended
    assert all(one["statusReason"]["text"] for one in ended)
    assert broken(seen) <= {"ServiceRequest.code"}


def test_a_consent_keeps_the_guides_rules(story: Story, api: Any) -> None:
    story.send().release(*PACKET, evidence_ref="folder 7").accept()
    ours, theirs = (
        resources(api(who).get("/fhir/Consent", {"data": f"Task/{story.id}"})) for who in SIDES
    )
    assert (broken(ours), broken(theirs)) == (set(), {"Consent.source[x]"})


def test_the_directory_keeps_the_guides_rules(api: Any) -> None:
    asked = "/fhir/HealthcareService?_include=HealthcareService:location&_count=50"
    found = [one for who in (None, "hospital.worker") for one in resources(api(who).get(asked))]
    assert {one["resourceType"] for one in found} == {"HealthcareService", "Location"}
    services = [one for one in found if one["resourceType"] == "HealthcareService"]
    assert all(fhir_rules.broken(one) for one in services), "none has a contact for appointments"
    assert broken(found) <= {name for name in NOT_KEPT if name.startswith(("Health", "Location"))}


def test_each_rule_that_is_not_kept_is_on_the_page() -> None:
    page = " ".join(DEVIATIONS.read_text().split())
    assert set(NOT_KEPT) <= {rule.id for rule in fhir_rules.RULES}
    for words in NOT_KEPT.values():
        assert words in page, words


# -- The rules can be broken -----------------------------------------------------------------------

KEPT: dict[str, dict[str, Any]] = {
    "Task": {
        "status": "rejected",
        "statusReason": {"text": "x"},
        "intent": "order",
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]
        },
        "focus": {"reference": "ServiceRequest/1"},
        "for": {"display": "x"},
        "authoredOn": "2026-12-02",
        "requester": {"display": "x"},
    },
    "ServiceRequest": {"code": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}},
    "Consent": {
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                        "code": "IDSCL",
                    }
                ]
            }
        ],
        "patient": {"display": "x"},
        "dateTime": "2026-12-02",
        "organization": [{"display": "x"}],
        "sourceAttachment": {"title": "x"},
    },
    "HealthcareService": {"active": True, "telecom": [{"value": "406-555-0100"}]},
    "Location": {"name": "x", "address": {"city": "x"}},
}


@pytest.mark.parametrize("rule", fhir_rules.RULES, ids=lambda rule: rule.id)
def test_a_rule_is_broken_by_what_breaks_it(rule: fhir_rules.Rule) -> None:
    kind, *path = rule.id.split(".")
    resource = copy.deepcopy(KEPT[kind]) | {"resourceType": kind}
    if ":AppointmentContact" in rule.id:
        assert rule.id in fhir_rules.broken(resource), "nothing here can be one"
        return
    assert rule.id not in fhir_rules.broken(resource)
    holder: Any = resource
    for name in path[:-1]:
        holder = holder[name]
    last = path[-1].partition(":")[0]
    name = next((one for one in holder if one.startswith(last.removesuffix("[x]"))), last)
    if rule.most == "0":
        holder[name] = [{"text": "x"}]
    elif rule.least:
        del holder[name]
    elif rule.value_set:
        holder[name] = "received"
    else:
        holder[name] = "plan"
    assert rule.id in fhir_rules.broken(resource)
    if rule.most == "1":
        resource = copy.deepcopy(KEPT[kind]) | {"resourceType": kind}
        resource[name] *= 2
        assert rule.id in fhir_rules.broken(resource), "twice"
