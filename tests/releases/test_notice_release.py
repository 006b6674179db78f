"""The notice of a victim service provider goes under the survivor's signature or not at all, and
the end of that permission takes the notice back (34 U.S.C. 12291(b)(2))."""

from typing import Any

import psycopg2
import pytest

from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id
from tests.support.people.stories import (
    NOTICE,
    PACKET,
    TOLD,
    Story,
    notice_release_body,
    phone_only,
    release_body,
    service_of,
)

ADVOCATE, THERE = "sarc.worker", "ywca.worker"


@pytest.fixture
def begun(api: Any) -> Story:
    return Story(api, service_of("ywca"), sender=ADVOCATE, recipient=THERE).create(
        concern="sexual_assault", language="es"
    )


def sent(story: Story, agreement: str = "agrees") -> Any:
    return story.api(ADVOCATE).act(story.id, "send", {"agreement": agreement})


def sees(api: Any, who: str, story: Story) -> Any:
    return api(who).get(f"/v1/referrals/{story.id}")


def test_nothing_is_sent_without_a_signature(begun: Story, api: Any) -> None:
    refused = sent(begun)
    assert (refused.status_code, refused.json()["code"]) == (409, "notice_release_missing")
    assert "call the recipient" in refused.json()["detail"]
    assert sees(api, THERE, begun).status_code == 404
    begun.sends("put_notice_release", notice_release_body())
    assert sent(begun).status_code == 200
    assert sees(api, THERE, begun).json()["notice"]["concern"] == "sexual_assault"


@pytest.mark.parametrize("agreement", ["not_asked_unsafe", "cannot_say"])
def test_who_was_not_asked_is_called_about(agreement: str, begun: Story, api: Any) -> None:
    begun.sends("put_notice", NOTICE | {"wanted": "come_here"})
    begun.sends("put_notice_release", notice_release_body())
    refused = sent(begun, agreement)
    assert (refused.status_code, refused.json()["code"]) == (409, "call_instead")
    assert sees(api, THERE, begun).status_code == 404
    call = {"service_id": begun.service_id, "outcome": "reached", "put_through": True}
    assert api(ADVOCATE).post("/v1/call-records", call).status_code == 201
    police = api("police.worker").post("/v1/call-records", call)
    assert (police.status_code, police.json()["code"]) == (409, "answered_here")
    phone = call | {"service_id": phone_only()}
    assert api(ADVOCATE).post("/v1/call-records", phone).status_code == 201


@pytest.mark.parametrize("sender", ["police.worker", "hospital.worker", "solo.all"])
def test_others_send_as_before(sender: str, api: Any) -> None:
    story = Story(api, service_of("ywca"), sender=sender).create()
    assert api(sender).act(story.id, "send", {"agreement": "not_asked_unsafe"}).status_code == 200


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"form": "oral_witnessed"}, "form"),
        ({"basis": "stated_agreement"}, "basis"),
        ({"attestations": TOLD[1:]}, "attestation_missing"),
        ({"adult": False}, "age_not_stated"),
    ],
)
def test_its_terms_are_those_of_any_written_release(
    changed: dict[str, Any], code: str, begun: Story, api: Any
) -> None:
    body = notice_release_body() | changed
    refused = api(ADVOCATE).act(begun.id, "put_notice_release", body)
    assert (refused.status_code, refused.json()["code"]) == (409, code)
    assert sent(begun).json()["code"] == "notice_release_missing"


def test_it_lists_no_field_and_opens_none(begun: Story, api: Any) -> None:
    named = notice_release_body() | {"fields": ["name"]}
    assert api(ADVOCATE).act(begun.id, "put_notice_release", named).status_code == 400
    begun.sends("put_notice_release", notice_release_body())
    packet = api(ADVOCATE).act(begun.id, "put_packet", {"packet": PACKET})
    assert (packet.status_code, packet.json()["code"]) == (409, "no_release")
    assert sees(api, ADVOCATE, begun).json()["release"] is None


def test_a_permission_that_ended_or_ran_out_sends_nothing(
    begun: Story, api: Any, shift_clock: Any
) -> None:
    begun.sends("put_notice_release", notice_release_body())
    begun.sends("revoke_release", {"via": "oral", "covers": "notice"})
    begun.sends("revoke_release", {"via": "oral", "covers": "notice"})  # twice is safe
    assert sent(begun).json()["code"] == "notice_release_missing"
    begun.sends("put_notice_release", notice_release_body())
    shift_clock("8 days")
    assert sent(begun).json()["code"] == "notice_release_missing"


def test_each_of_the_two_permissions_is_recorded_by_itself(begun: Story, api: Any) -> None:
    signed = {"basis": "written_release", "form": "written", "attestations": TOLD}
    begun.sends("put_notice_release", notice_release_body()).release("name", **signed).send()
    begun.packet(name=PACKET["name"]).answers("accept")
    kept = api(ADVOCATE).get(f"/v1/referrals/{begun.id}/releases").json()["items"]
    live = {one["covers"]: one for one in kept if not one["ended"]}
    assert set(live) == {"notice", "packet"}
    assert live["notice"]["fields"] == []
    assert {one["direction"] for one in kept} == {"outbound"}
    theirs = api(THERE).get(f"/v1/referrals/{begun.id}/releases").json()["items"]
    assert [one["covers"] for one in theirs] == ["packet"], "the other is the sender's paper"
    begun.sends("revoke_release", {"via": "oral"})  # the packet alone
    assert sees(api, THERE, begun).json()["notice"]["needs"] == NOTICE["needs"]
    assert sees(api, THERE, begun).json()["status"] == "accepted"


@pytest.mark.parametrize("stage", ["sent", "accepted", "in_handoff"])
def test_its_end_withdraws_and_empties_the_notice(stage: str, begun: Story, api: Any) -> None:
    signed = {"basis": "written_release", "form": "written", "attestations": TOLD}
    begun.release("name", **signed).packet(name=PACKET["name"]).send()
    if stage != "sent":
        begun.answers("accept")
        begun.answers("open_packet", {"purpose": "intake"})
    if stage == "in_handoff":
        begun.answers("start_handoff", {"mode": "phone"})
    begun.sends("revoke_release", {"via": "oral", "covers": "notice"})
    for who in (ADVOCATE, THERE):
        shown = sees(api, who, begun).json()
        assert shown["status"] == "withdrawn"
        notice = shown["notice"]
        assert (notice["needs"], notice["callback"], notice["concern"]) == ([], "", "not_stated")
        assert notice["language"] == "not_stated"
    opened = api(THERE).act(begun.id, "open_packet", {"purpose": "intake"})
    assert opened.status_code in (403, 409)
    kept = api(ADVOCATE).get(f"/v1/referrals/{begun.id}/releases").json()["items"]
    assert all(one["ended"] for one in kept)
    begun.sends("revoke_release", {"via": "oral", "covers": "notice"})  # twice is safe
    steps = api(THERE).get(f"/v1/referrals/{begun.id}/history").json()["items"]
    assert [one["act"] for one in steps if one["side"] == "from"][-1] == "withdraw"


def test_the_recipient_cannot_learn_whether_there_is_one(begun: Story, story: Story) -> None:
    begun.send().answers("accept")
    story.accept()
    answers = [
        one.api(THERE).act(one.id, "revoke_release", {"via": "oral", "covers": "notice"})
        for one in (begun, story)
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(409, "no_release")] * 2


def test_the_database_sends_no_unreleased_notice_either(begun: Story, superuser: Any) -> None:
    """sec.refuse_unreleased_notice, whatever the code does."""
    send = "UPDATE referral SET sent_at = now(), status = 'sent' WHERE id = %s"
    with superuser.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(send, [begun.id])
    superuser.rollback()
    begun.sends("put_notice_release", notice_release_body())
    elsewhere = "UPDATE release SET to_agency_id = %s WHERE referral_id = %s"
    with superuser.cursor() as cursor:
        cursor.execute(elsewhere, [str(agency_id("hospital")), begun.id])
    with superuser.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(send, [begun.id])
    superuser.rollback()
    still = "SELECT FROM referral WHERE sent_at IS NULL AND id = %s"
    assert len(rows(superuser, still, [begun.id])) == 1


def test_a_changed_notice_still_has_to_fit_its_permission(begun: Story, api: Any) -> None:
    begun.sends("put_notice_release", notice_release_body())
    minor = api(ADVOCATE).act(begun.id, "put_notice", NOTICE | {"age_band": "minor"})
    assert (minor.status_code, minor.json()["code"]) == (409, "age_contradicted")


def test_an_officer_may_record_one_and_end_it(story: Story, api: Any) -> None:
    """The survivor ends what anyone sent about them, where they gave it in so many words."""
    story.create()
    body = release_body()
    del body["fields"]
    story.sends("put_notice_release", body).send().answers("acknowledge")
    story.sends("revoke_release", {"via": "oral", "covers": "notice"})
    assert sees(api, THERE, story).json()["status"] == "withdrawn"


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("withdraw", {"code": "help_found"}, "withdrawn"),
        ("stop", {}, "stopped"),
        ("mark_error", {"code": "wrong_recipient"}, "entered_in_error"),
    ],
)
@pytest.mark.parametrize("accepted", [False, True])
def test_what_its_sender_takes_back_leaves_no_notice(
    act: str, body: Any, status: str, accepted: bool, begun: Story, api: Any
) -> None:
    """It was given for this sending: neither it nor the notice outlives that."""
    begun.send()
    if accepted:
        begun.answers("accept")
    begun.sends(act, body)
    for who in (ADVOCATE, THERE):
        shown = sees(api, who, begun).json()
        assert shown["status"] == status
        notice = shown["notice"]
        assert (notice["needs"], notice["concern"], notice["language"]) == (
            [],
            "not_stated",
            "not_stated",
        )
        assert notice["callback"] == ""
    (kept,) = api(ADVOCATE).get(f"/v1/referrals/{begun.id}/releases").json()["items"]
    assert kept["ended"]
    assert kept["end"]["revoked_via"] == "with_referral"
    begun.sends(act, body)  # twice is safe


def test_the_recipients_stop_leaves_the_senders_notice(begun: Story, api: Any) -> None:
    """It is shown to no one there, and is not the survivor's word about the notice (T5)."""
    begun.send().answers("accept")
    before = sees(api, ADVOCATE, begun).content
    begun.answers("stop")
    assert sees(api, ADVOCATE, begun).content == before


def test_a_notice_without_a_permission_stays_as_it_was(story: Story, api: Any) -> None:
    story.send()
    before = sees(api, THERE, story).json()["notice"]
    story.sends("withdraw", {"code": "other"})
    assert sees(api, THERE, story).json()["notice"] == before
