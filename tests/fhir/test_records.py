"""Releases as Consents, and the access log as AuditEvents: the same as /v1 says, to the same."""

from typing import Any
from uuid import uuid4

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.consent import Consent

from permissions.identity.provisioning import set_agency
from permissions.models import Agency
from tests.support.people import fhir_bundles as fhir
from tests.support.people.callers import agency_id, member_id
from tests.support.people.fhir_bundles import resources
from tests.support.people.stories import PACKET, Story, release_body

# -- Consent ---------------------------------------------------------------------------------------


def test_a_consent_is_the_release_that_v1_lists(story: Story, api: Any) -> None:
    story.send().release(*PACKET, evidence_ref="folder 7").accept()
    for who in ("police.worker", "police.lead", "ywca.worker"):
        (native,) = api(who).get(f"/v1/referrals/{story.id}/releases").json()["items"]
        (found,) = resources(api(who).get("/fhir/Consent", {"data": f"Task/{story.id}"}))
        Consent.model_validate(found)
        assert found == api(who).get(f"/fhir/Consent/{found['id']}").json()
        assert (found["id"], found["status"]) == (native["id"], "active")
        assert found["policyRule"]["coding"][0]["code"] == native["basis"]
        codes = [one["coding"][0]["code"] for one in found["provision"]["code"]]
        assert codes == native["fields"]
        assert found["provision"]["period"]["end"] == native["expires_at"]
        kept_here = who.startswith("police")
        assert ("sourceAttachment" in found) == kept_here, "the paper is the sender's own"


def test_what_ended_stays_and_is_inactive(story: Story, api: Any) -> None:
    story.send().release(*PACKET).sends("revoke_release", {"via": "oral"}).release("name")
    found = resources(api("police.worker").get("/fhir/Consent", {"data": f"Task/{story.id}"}))
    assert [one["status"] for one in found] == ["active", "inactive"]


def test_a_consent_that_was_sent_is_read_as_it_was_sent(api: Any, story: Story) -> None:
    """What `sent` reads and `shown` writes are one vocabulary."""
    story.create()
    terms = release_body(*sorted(PACKET))
    story.sends("put_release", terms)
    (found,) = resources(api("police.worker").get("/fhir/Consent", {"data": f"Task/{story.id}"}))
    sent = fhir.consent(terms, "packet", "police", "ywca", {"display": "Not disclosed"})
    urls = {one["url"] for one in sent["extension"]}
    assert urls <= {one["url"] for one in found["extension"]}
    for name in ("policyRule", "purpose"):
        ours = found.get(name) or found["provision"][name][0]
        theirs = sent.get(name) or sent["provision"][name][0]
        codes = [(one["coding"][0] if "coding" in one else one)["code"] for one in (ours, theirs)]
        assert codes[0] == codes[1]


def test_who_may_not_know_a_release_does_not_find_it(story: Story, api: Any) -> None:
    story.send().release(*PACKET)
    (one,) = resources(api("police.worker").get("/fhir/Consent", {"data": f"Task/{story.id}"}))
    for who, status in (
        ("police.worker2", 403),  # sees the referral, does not work on it
        ("outsider.worker", 404),
        ("ywca.auditor", 404),
    ):
        assert api(who).get(f"/fhir/Consent?data=Task/{story.id}").status_code == status, who
        assert api(who).get(f"/fhir/Consent/{one['id']}").status_code == 404, who
    before_accept = api("ywca.worker").get(f"/fhir/Consent/{one['id']}")
    random = api("ywca.worker").get(f"/fhir/Consent/{uuid4()}")
    assert before_accept.status_code == random.status_code == 404
    assert api("police.worker").get("/fhir/Consent").status_code == 400
    assert api("police.worker").get("/fhir/Consent", {"data": "x"}).status_code == 400


# -- AuditEvent ------------------------------------------------------------------------------------


def test_the_events_tell_the_same_as_the_log(story: Story, api: Any) -> None:
    story.send().release(*PACKET).packet(**PACKET).accept()
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    api("ywca.worker2").act(story.id, "open_packet", {"purpose": "intake"})
    auditor = api("ywca.auditor")
    events = resources(auditor.get("/fhir/AuditEvent", {"entity": f"Task/{story.id}"}))
    native = auditor.get("/v1/access-log", {"referral_id": story.id}).json()["items"]
    before = native[-len(events) :]  # the reading of the events is an entry, too
    assert len(events) >= 3
    for event, entry in zip(events, before, strict=True):
        AuditEvent.model_validate(event)
        assert event["id"] == entry["id"]
        assert event["recorded"] == entry["at"]
        assert event["outcome"] == {"allowed": "0", "refused": "4"}[entry["decision"]]
        assert event.get("outcomeDesc") == entry["rule"]
        assert event["subtype"][1]["code"] == entry["act"]
        who = {
            one["who"].get("identifier", {}).get("value"): one["who"].get("display")
            for one in event["agent"]
        }
        if entry["member_id"]:
            assert who[entry["member_id"]] == entry["member_name"]
        said = str(event["entity"])
        assert f"Task/{story.id}" in said
        assert entry["request_id"] in said
        if entry["subject"]:
            assert entry["subject"] in said
        for name in entry["fields"] or ():
            assert name in said
    (opened,) = (
        one
        for one in events
        if one["subtype"][1]["code"] == "referral.open_packet" and one["outcome"] == "0"
    )
    assert opened["action"] == "R"
    # BALP: a Patient Read names the system, the server, the person, the patient and the request.
    assert {one["type"]["coding"][0]["code"] for one in opened["agent"]} == {
        *("110153", "110152", "IRCP")
    }
    assert {one["type"]["code"] for one in opened["entity"]} == {"1", "2", "XrequestId"}


def test_a_change_of_settings_is_an_event_with_their_names(api: Any) -> None:
    agency = Agency.objects.using("jobs").get(id=agency_id("ywca"))
    set_agency(agency, {"retention_days": agency.retention_days})
    shown = resources(api("ywca.auditor").get("/fhir/AuditEvent", {"_count": "100"}))
    changes = [one for one in shown if one["subtype"][1]["code"] == "agency.change"]
    AuditEvent.model_validate(changes[-1])
    assert "retention_days" in str(changes[-1]["entity"][0]["detail"])


def test_filters_narrow_it_and_pages_miss_none(story: Story, api: Any) -> None:
    story.accept()
    auditor = api("ywca.auditor")
    worker = str(member_id("ywca.worker"))
    for query in (
        {"agent": worker},
        {"agent": f"|{worker}"},
        {"agent": worker, "date": "ge2026-01-01T00:00:00Z"},
    ):
        found = resources(auditor.get("/fhir/AuditEvent", query))
        assert found, query
        assert all(worker in str(one["agent"]) for one in found)
    assert resources(auditor.get("/fhir/AuditEvent", {"date": "lt2020-01-01T00:00:00Z"})) == []
    whole = [one["id"] for one in resources(auditor.get("/fhir/AuditEvent", {"agent": worker}))]
    first = auditor.get("/fhir/AuditEvent", {"agent": worker, "_count": "1"})
    (link,) = [one["url"] for one in first.json()["link"] if one["relation"] == "next"]
    rest = resources(auditor.get(link.removeprefix(fhir.BASE.removesuffix("/fhir"))))
    assert [one["id"] for one in resources(first)] + [one["id"] for one in rest] == whole[:2]


@pytest.mark.parametrize(
    "query",
    [
        {"agent": "x"},
        {"entity": "x"},
        {"patient": "x"},
        {"date": "2026"},
        {"date": "gesoon"},
        {"type": "rest"},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(api: Any, query: dict[str, str]) -> None:
    answer = api("ywca.auditor").get("/fhir/AuditEvent", query)
    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_only_those_who_review_the_log_read_it(story: Story, api: Any) -> None:
    story.send()
    for who, status in (
        *((None, 401), ("police.worker", 403), ("police.lead", 403), ("police.admin", 403)),
        *(("police.client", 403), ("police.auditor", 200)),
    ):
        assert api(who).get("/fhir/AuditEvent").status_code == status, who
    own = resources(api("ywca.auditor").get("/fhir/AuditEvent"))
    police = str(agency_id("police"))
    assert all(police not in str(one) for one in own)
    assert str(member_id("police.worker")) not in str(own)
