"""The release: what the rules refuse, and that it ends when it says."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from directory import listings
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import (
    AUTHORIZED,
    NOTICE,
    PACKET,
    TOLD,
    Story,
    authorization,
    release_body,
    return_body,
    service_of,
)


def consenter(who: str, not_the_abuser: bool = True) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"who": who, "signed_at": now, "not_the_abuser": not_the_abuser}


@pytest.mark.parametrize(
    ("sender", "basis", "form", "code"),
    [
        # police about their own facts: a stated agreement, oral is enough
        ("police.worker", "stated_agreement", "oral_witnessed", None),
        ("police.worker", "written_release", "written", "basis"),
        ("police.worker", "hipaa_agreement", "oral_witnessed", "basis"),
        # 45 CFR 164.508 asks for a signature; 164.512(c) is for a government authority alone
        ("hospital.worker", "hipaa_authorization", "written", None),
        ("hospital.worker", "hipaa_authorization", "oral_witnessed", "form"),
        ("hospital.worker", "hipaa_agreement", "oral_witnessed", "not_a_government_authority"),
        ("hospital.worker", "stated_agreement", "oral_witnessed", "basis"),
        # 34 U.S.C. 12291(b)(2): written, for every recipient
        ("sarc.worker", "written_release", "written", None),
        ("sarc.worker", "written_release", "oral_witnessed", "form"),
        ("sarc.worker", "stated_agreement", "oral_witnessed", "basis"),
        ("solo.all", "written_release", "written", None),
        ("solo.all", "hipaa_authorization", "written", "basis"),
    ],
)
def test_the_basis_follows_the_senders_duties(sender, basis, form, code, api):
    story = Story(api, service_of("ywca"), sender=sender).create()
    told = release_body()["attestations"] if sender.startswith("police") else TOLD
    told = [*told, *AUTHORIZED] if basis == "hipaa_authorization" else told
    informed = "told" if basis == "hipaa_agreement" else None
    body = release_body(basis=basis, form=form, attestations=told, promptly_informed=informed)
    answer = api(sender).act(story.id, "put_release", body)
    assert answer.json().get("code") == code, answer.content
    assert answer.status_code == (409 if code else 200)


@pytest.mark.parametrize("missing", release_body()["attestations"])
def test_whatever_was_not_told_is_refused(missing, story, api):
    story.create()
    told = [one for one in release_body()["attestations"] if one != missing]
    answer = api("police.worker").act(story.id, "put_release", release_body(attestations=told))
    assert (answer.status_code, answer.json()["code"]) == (409, "attestation_missing")
    assert missing in answer.json()["detail"]


@pytest.mark.parametrize(
    ("age", "consenters", "alone", "code"),
    [
        ("adult", [consenter("self")], False, None),
        ("adult", [consenter("parent")], False, "self_missing"),
        ("minor", [consenter("self")], False, "consenter_missing"),
        ("minor", [consenter("self")], True, None),
        ("minor", [consenter("parent")], False, "self_missing"),
        ("minor", [consenter("self"), consenter("parent")], False, None),
        ("minor", [consenter("self"), consenter("guardian", False)], False, "abuser"),
        ("adult", [consenter("court_appointed")], False, None),
        ("adult", [consenter("court_appointed", False)], False, "abuser"),
    ],
)
def test_who_consents_for_whom(age, consenters, alone, code, story, api):
    """R6: 34 U.S.C. 12291(b)(2)(B), 28 CFR 94.115."""
    story.create(age_band=age)
    body = release_body(consenters=consenters, minor_may_consent_alone=alone, adult=False)
    answer = api("police.worker").act(story.id, "put_release", body)
    assert answer.json().get("code") == code, answer.content


@pytest.mark.parametrize("act", ["put_release", "put_return_release"])
def test_who_consents_alone_is_said_to_be_an_adult(act, story, api):
    """R6: a notice need not state an age; a release by the survivor alone does."""
    returned = act == "put_return_release"
    story.create(age_band="not_stated").send().accept()
    who, body = ("ywca.worker", return_body) if returned else ("police.worker", release_body)
    refused = api(who).act(story.id, act, body(adult=False))
    assert (refused.status_code, refused.json()["code"]) == (409, "age_not_stated")
    assert "adult" in refused.json()["detail"]
    assert api(who).act(story.id, act, body(adult=True)).status_code == 200
    (kept,) = api(who).get(f"/v1/referrals/{story.id}/releases").json()["items"]
    assert kept["adult"] is True
    both = api(who).act(story.id, act, body(minor_may_consent_alone=True))
    assert (both.status_code, both.json()["code"]) == (409, "age_contradicted")


@pytest.mark.parametrize("act", ["put_release", "put_return_release"])
def test_who_came_of_age_since_the_sending_consents_alone(act, story, api):
    """A sent notice can no longer be corrected, and no one else consents for an adult (R6)."""
    returned = act == "put_return_release"
    story.create(age_band="minor")
    draft = api("police.worker").act(story.id, "put_release", release_body())
    assert (draft.status_code, draft.json()["code"]) == (409, "age_contradicted")
    story.send().accept()
    who, body = ("ywca.worker", return_body) if returned else ("police.worker", release_body)
    alone = api(who).act(story.id, act, body(adult=False))
    assert (alone.status_code, alone.json()["code"]) == (409, "consenter_missing")
    only_said = api(who).act(story.id, act, body())
    assert (only_said.status_code, only_said.json()["code"]) == (409, "age_contradicted")
    since = {"attestations": [*body()["attestations"], "came_of_age"]}
    assert api(who).act(story.id, act, body(**since)).status_code == 200
    (kept,) = api(who).get(f"/v1/referrals/{story.id}/releases").json()["items"]
    assert kept["adult"] is True
    both = api(who).act(story.id, act, body(minor_may_consent_alone=True, **since))
    assert (both.status_code, both.json()["code"]) == (409, "age_contradicted")


@pytest.mark.parametrize(
    ("urgency", "who", "signed", "days", "code"),
    [
        ("emergency", "police.worker", 0, 3, None),
        ("emergency", "police.worker", 0, 4, "too_long"),
        ("urgent", "police.worker", 0, 7, None),
        ("urgent", "police.worker", 0, 8, "too_long"),
        ("urgent", "police.worker", -5, 3, "too_long"),  # from the signature, not from today
        ("routine", "police.worker", 0, 30, None),
        ("routine", "police.worker", 0, 31, "too_long"),
        ("routine", "police.worker", 1, 5, "signed_later"),
        ("routine", "police.worker", -3, -1, "expired"),
        ("routine", "police.lead", 0, 89, None),
        ("routine", "police.lead", 0, 91, "too_long"),
    ],
)
def test_how_long_it_may_last(urgency, who, signed, days, code, api):
    story = Story(api, service_of("ywca"), sender=who).create(urgency=urgency)
    now = datetime.now(UTC) - timedelta(seconds=5)
    body = release_body(
        signed_at=(now + timedelta(days=signed)).isoformat(),
        expires_at=(now + timedelta(days=days)).isoformat(),
    )
    answer = api(who).act(story.id, "put_release", body)
    assert answer.json().get("code") == code, answer.content


@pytest.fixture
def to_police(api):
    """A referral by the hospital to the police: no service of the demo is answered by them."""
    services = api(None).get("/v1/directory/services", {"per_page": "100"}).json()["contents"]
    service = next(one for one in services if not one.get("answered_by"))
    listings.bind_organization(UUID(service["organization"]["id"]), agency_id("police"))
    try:
        yield Story(api, service["id"], sender="hospital.worker").create()
    finally:
        listings.bind_organization(UUID(service["organization"]["id"]), None)


def test_substance_use_records_never_go_to_the_police(to_police, api):
    """After 42 CFR 2.12(d): no use against the patient."""
    terms = authorization()
    told = [*terms["attestations"], "police_may_have_to_disclose"]
    officer, path = api("hospital.worker"), to_police.id
    untold = release_body("name", **terms)
    assert officer.act(path, "put_release", untold).json()["code"] == "attestation_missing"
    refused = release_body("name", "substance_use", **terms | {"attestations": told})
    assert officer.act(path, "put_release", refused).json()["code"] == "part2"
    allowed = release_body("name", **terms | {"attestations": told})
    assert officer.act(path, "put_release", allowed).status_code == 200


AGREED = {
    "basis": "hipaa_agreement",
    "promptly_informed": "told",
    "attestations": [*TOLD, "police_may_have_to_disclose", "believed_victim"],
}


def test_a_spoken_agreement_goes_to_a_government_authority_about_an_adult(to_police, api):
    """45 CFR 164.512(c): and not about a child."""
    nurse, path = api("hospital.worker"), to_police.id
    alone = release_body("name", **AGREED, adult=False, minor_may_consent_alone=True)
    refused = nurse.act(path, "put_release", alone)
    assert (refused.status_code, refused.json()["code"]) == (409, "minor_by_agreement")
    together = release_body("name", **AGREED, consenters=[consenter("self"), consenter("parent")])
    assert nurse.act(path, "put_release", together).json()["code"] == "minor_by_agreement"
    assert nurse.act(path, "put_release", release_body("name", **AGREED)).status_code == 200
    minor = NOTICE | {"age_band": "minor"}
    changed = nurse.act(path, "put_notice", minor)
    assert (changed.status_code, changed.json()["code"]) == (409, "minor_by_agreement")


def test_part_2_records_go_on_her_signature_alone(api):
    """42 CFR 2.31, whatever an officer may share on her word."""
    story = Story(api, service_of("ywca")).create()
    officer = api("police.worker")
    refused = officer.act(story.id, "put_release", release_body("name", "substance_use"))
    assert (refused.status_code, refused.json()["code"]) == (409, "form")
    assert "leave out substance use" in refused.json()["detail"]
    assert officer.get(f"/v1/referrals/{story.id}/releases").json()["items"] == []
    signed = release_body("name", "substance_use", form="written")
    assert officer.act(story.id, "put_release", signed).status_code == 200
    assert officer.act(story.id, "put_release", release_body("name")).status_code == 200


def test_the_notice_of_the_release_goes_with_the_packet(api):
    """42 CFR 2.31(a)(4)(ii) and 2.32: the consent names the intermediary, the packet the rule. All
    else goes with the network's own word."""
    story = Story(api, service_of("ywca"), sender="hospital.worker").accept()
    terms = authorization()
    story.release("name", "substance_use", **terms)
    story.packet(name="Invented Person", substance_use="an invented record")

    def opened(who="ywca.worker"):
        packet = api(who).act(story.id, "open_packet", {"purpose": "service"}).json()
        return packet["handling"], packet["notice"]

    part2 = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    assert opened() == (["not_to_portal_or_proxy", "part2"], part2)
    consent = (
        api("ywca.worker").act(story.id, "open_packet", {"purpose": "service"}).json()["consent"]
    )
    assert consent["purpose"] == "receive_service"
    assert consent["fields"] == ["name", "substance_use"]
    assert consent["to_agency_id"] == str(agency_id("ywca"))
    assert set(consent) == {"purpose", "fields", "signed_at", "expires_at", "to_agency_id"}
    (release,) = api("ywca.worker").get(f"/v1/referrals/{story.id}/releases").json()["items"]
    assert (release["redisclosure_notice"], release["intermediary"]) == ("part2", "Cairn")
    story.release("name", **terms)
    handling, notice = opened()
    assert handling == ["not_to_portal_or_proxy", "network"]
    other = api("ywca.worker").act(story.id, "open_packet", {"purpose": "service"}).json()
    assert other["consent"] is None, "for records under Part 2 alone"
    assert notice.startswith("Shared with permission, for this purpose and your agency only.")
    story.release("name", redisclosure_notice="none", **terms)
    assert opened() == (["not_to_portal_or_proxy"], None)
    assert opened("hospital.worker") == (["not_to_portal_or_proxy"], None), "her own packet"


def test_each_side_reads_the_terms_and_its_own_paper_only(story, api):
    story.accept()
    here = {"evidence_ref": "drawer 3", "witnessed_by": str(member_id("police.worker2"))}
    story.release("name", **here).release("name", "phone").answers("revoke_release")
    path = f"/v1/referrals/{story.id}/releases"
    ours, theirs = (api(who).get(path).json()["items"] for who in ("police.lead", "ywca.worker"))
    assert [one["fields"] for one in ours] == [["name", "phone"], ["name"]]
    assert [one["ended"] for one in ours] == [True, True]
    assert not any(one["in_force"] for one in ours)
    assert ours[1]["paper"] == here | {"witnessed_at": ours[1]["signed_at"]}
    assert ours[0]["paper"]["witnessed_by"] == str(member_id("police.worker"))
    assert [one["end"] and one["end"]["revoked_via"] for one in ours] == [None, "superseded"]
    assert [one["end"] and one["end"]["revoked_via"] for one in theirs] == ["oral", None]
    assert [one["paper"] for one in theirs] == [None, None]
    private = ("paper", "end")
    for one, other in zip(ours, theirs, strict=True):
        assert {k: one[k] for k in one if k not in private} == {
            k: other[k] for k in other if k not in private
        }
    for who in ("police.worker2", "ywca.worker2"):
        refused = api(who).get(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_assigned")


def test_before_the_accept_the_recipient_reads_no_release(story, api):
    story.send().release("name")
    path = f"/v1/referrals/{story.id}/releases"
    assert api("ywca.lead").get(path).json() == {"items": []}
    assert len(api("police.worker").get(path).json()["items"]) == 1


def test_a_witness_is_of_the_agency_that_records_it(story, api):
    story.create()
    stranger = release_body(witnessed_by=str(member_id("ywca.worker")))
    answer = api("police.worker").act(story.id, "put_release", stranger)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_member")


@pytest.mark.parametrize(
    ("age", "adult", "notice", "code"),
    [
        ("adult", False, {"age_band": "minor"}, "consenter_missing"),  # R6
        ("adult", False, {"age_band": "not_stated"}, "age_not_stated"),
        ("not_stated", True, {"age_band": "minor"}, "age_contradicted"),
        ("adult", True, {"age_band": "not_stated"}, None),
        ("not_stated", True, {"urgency": "emergency"}, "too_long"),
        ("not_stated", True, {"urgency": "routine", "age_band": "adult"}, None),
    ],
)
def test_a_draft_does_not_change_into_one_that_her_release_does_not_fit(
    age, adult, notice, code, story, api
):
    story.create(age_band=age).release("name", adult=adult)
    body = NOTICE | notice
    answer = api("police.worker").act(story.id, "put_notice", body)
    assert answer.json().get("code") == code, answer.content


def test_no_packet_without_a_release(story, api):
    story.accept()
    answer = api("police.worker").act(story.id, "put_packet", {"packet": PACKET})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_release")


def test_it_ends_at_its_hour_with_no_job_needed(story, api, shift_clock):
    story.accept().release().packet(**PACKET)
    purpose = {"purpose": "intake"}
    assert api("ywca.worker").act(story.id, "open_packet", purpose).status_code == 200
    shift_clock("6 days 1 minute")
    answer = api("ywca.worker").act(story.id, "open_packet", purpose)
    assert (answer.status_code, answer.json()["code"]) == (409, "sealed")
    assert api("police.worker").act(story.id, "open_packet", purpose).status_code == 200
    assert api("police.worker").act(story.id, "put_packet", {"packet": PACKET}).status_code == 409


def test_accepting_after_it_expired_leaves_the_packet_sealed(story, api, shift_clock):
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    story.create(urgency="routine").release(expires_at=soon).packet(**PACKET)
    story.sends("send", {"agreement": "agrees"})
    shift_clock("2 hours")
    story.answers("accept")
    answer = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    assert (answer.status_code, answer.json()["code"]) == (409, "sealed")


@pytest.mark.parametrize("who", ["police.worker", "ywca.worker"])
def test_revoked_at_once_and_the_help_goes_on(who, story, api):
    story.accept().release().packet(**PACKET)
    assert api(who).act(story.id, "revoke_release", {"via": "oral"}).status_code == 200
    answer = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"})
    assert answer.status_code == 409
    assert api("ywca.worker").act(story.id, "complete", {"outcome": "served"}).status_code == 200
    assert api("police.worker").get(f"/v1/referrals/{story.id}").json()["release_ended"] is True
    # she may write no more under it; a new release opens the way again
    assert api("police.worker").act(story.id, "put_packet", {"packet": PACKET}).status_code == 409


def test_widening_is_a_new_release(story, api):
    story.accept().release("name").packet(**PACKET)
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert set(opened["packet"]) == {"name"}
    story.release("name", "phone")
    wider = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert set(wider["packet"]) == {"name", "phone"}
    assert wider["release_id"] != opened["release_id"]
    story.release("phone")
    narrower = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert set(narrower["packet"]) == {"phone"}


def test_an_amended_field_is_what_opens(story, api):
    story.accept().release("name", "phone").packet(**PACKET).packet(phone="406-555-0188")
    opened = api("ywca.worker").act(story.id, "open_packet", {"purpose": "intake"}).json()
    assert opened["packet"] == {"name": PACKET["name"], "phone": "406-555-0188"}
