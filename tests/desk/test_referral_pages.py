"""Referrals at the desk: the forms, what they refuse and where, what they leave behind."""

import re

import pytest

from referrals.deadlines import purge
from referrals.models import Referral
from tests.support.people.desk_pages import at_the_desk, rows, text_of
from tests.support.people.stories import PACKET, service_of

NOTICE = {
    "urgency": "urgent",
    "needs": ["shelter"],
    "wanted": "call_worker",
    "callback": "406-555-0111",
    "agreement": "agrees",
}


@pytest.fixture
def officer():
    return at_the_desk("police.worker")


@pytest.fixture
def advocate():
    return at_the_desk("ywca.worker")


def new_referral(officer, **changed):
    fields = {"send": "1"} | NOTICE | changed
    return officer.submit(f"/desk/referrals/new?service={service_of('ywca')}", fields)


# -- The notice ------------------------------------------------------------------------------------


def test_an_emergency_leads_to_the_number_to_ring(officer):
    answer = new_referral(officer, urgency="emergency")
    assert answer.request["PATH_INFO"].endswith("/sent")
    page = answer.content.decode()
    assert 'href="tel:4065550130"' in page  # the recipient's 24-hour line
    assert re.search(r"Give this reference: [A-Z]( [A-Z]){5} ", text_of(page))


def test_a_draft_is_kept_changed_and_sent(officer, advocate, api):
    answer = officer.submit(
        f"/desk/referrals/new?service={service_of('ywca')}",
        {"keep": "1", "stays": "30"} | NOTICE,
    )
    assert "Draft saved. Nothing was sent." in text_of(answer.content)
    path = answer.request["PATH_INFO"]
    assert advocate.get(path).status_code == 404
    until = api("police.worker").get(path.replace("/desk/", "/v1/")).json()["notice"]

    changed = {**NOTICE, "needs": ["shelter", "legal_aid"], "language": "es", "stays": "as_before"}
    answer = officer.submit(f"{path}/put_notice", changed)
    assert "The notice is changed." in text_of(answer.content)
    notice = api("police.worker").get(path.replace("/desk/", "/v1/")).json()["notice"]
    assert notice["needs"] == ["shelter", "legal_aid"]
    assert notice["with_worker_until"] == until["with_worker_until"]

    answer = officer.submit(f"{path}/send", {"agreement": "not_asked_unsafe"})
    assert "Sent. They can see it now." in text_of(answer.content)
    seen = text_of(advocate.get(path).content)
    assert "It was not safe to ask" in seen
    assert "Language Spanish" in seen


def test_what_they_will_see_is_shown_before_anything_is_saved(officer, superuser):
    new = f"/desk/referrals/new?service={service_of('ywca')}"
    asked = {"language": "es", "stays": "30", "access_needs": ["wheelchair"]}
    shown = officer.submit(new, NOTICE | asked | {"preview": "1"})
    text = text_of(shown.content)
    assert "Nothing was sent or saved yet." in text
    assert "Language Spanish" in text
    assert "The worker, until" in text
    assert rows(superuser, Referral) == 0
    page = shown.content.decode()
    carried: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page):
        carried.setdefault(name, []).append(value)
    changed = officer.http.post("/desk/referrals/new", carried | {"change": "1"})
    assert re.search(r'value="wheelchair"[^>]*checked', changed.content.decode())
    assert "Please fix" not in text_of(changed.content)
    assert rows(superuser, Referral) == 0
    sent = officer.http.post("/desk/referrals/new", carried | {"send": "1"}, follow=True)
    assert "Sent. They can see it now." in text_of(sent.content)
    assert rows(superuser, Referral) == 1
    for wrong in ({"callback": "no number"}, {"agreement": ""}):
        answer = officer.submit(new, NOTICE | wrong | {"preview": "1"})
        assert "Please fix the following" in text_of(answer.content)
    no = officer.submit(new, NOTICE | {"agreement": "no", "preview": "1"})
    assert "Nothing was stored." in text_of(no.content)


def test_when_she_does_not_agree_nothing_is_stored(officer, superuser):
    answer = new_referral(officer, agreement="no")
    shown = text_of(answer.content)
    assert "Nothing was stored." in shown
    assert "406-555-0111" in shown or "406-555-0112" in shown  # the service's own number
    assert rows(superuser, Referral) == 0


def test_when_she_does_not_agree_to_a_draft_it_ends(story, officer):
    path = f"/desk/referrals/{story.create().id}"
    answer = officer.submit(f"{path}/send", {"agreement": "no"})
    assert "The draft and everything in it were deleted." in text_of(answer.content)
    assert officer.get(path).status_code == 404, "it is gone at once (R14)"


def test_without_her_agreement_stated_nothing_is_saved_or_sent(officer, superuser):
    for button in ("send", "keep"):
        new = f"/desk/referrals/new?service={service_of('ywca')}"
        answer = officer.submit(new, NOTICE | {"agreement": "", button: "1"})
        said = "Ask the survivor first. Nothing is saved or sent without their answer."
        assert said in text_of(answer.content)
        assert rows(superuser, Referral) == 0


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"callback": "call me maybe"}, "callback", "Enter a phone number"),
        ({"needs": []}, "needs", "Choose at least one."),
        ({"needs": ["a pony"]}, "needs", "Select a valid choice"),
        ({"urgency": ""}, "urgency", "Choose one."),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_on_top(officer, superuser, changed, field, says):
    page = new_referral(officer, **changed).content.decode()
    assert says in text_of(page)
    assert f'<a href="#field-{field}">' in page
    assert f'has-error" id="field-{field}"' in page
    assert rows(superuser, Referral) == 0


def test_a_second_tap_on_send_is_one_referral(officer, superuser):
    path = f"/desk/referrals/new?service={service_of('ywca')}"
    fields = officer.hidden(path) | NOTICE | {"send": "1"}
    first = officer.http.post("/desk/referrals/new", fields)
    second = officer.http.post("/desk/referrals/new", fields)
    assert first["Location"] == second["Location"]
    assert rows(superuser, Referral) == 1
    third = officer.http.post("/desk/referrals/new", fields | {"needs": ["housing"]})
    assert third.status_code == 422
    assert "This form was already sent" in text_of(third.content)


@pytest.mark.parametrize("who", ["police.admin", "police.auditor"])
def test_who_does_no_casework_makes_no_referral(who):
    pages = at_the_desk(who)
    assert pages.get(f"/desk/referrals/new?service={service_of('ywca')}").status_code == 403


# -- The answer ------------------------------------------------------------------------------------


def test_a_colleague_who_comes_second_is_told_how_it_stands(story, advocate):
    story.send()
    path = f"/desk/referrals/{story.id}"
    colleague = at_the_desk("ywca.worker2")
    fields = colleague.hidden(f"{path}/accept")
    accepted = advocate.submit(f"{path}/accept")
    assert "Accepted and assigned to you." in text_of(accepted.content)
    answer = colleague.http.post(f"{path}/accept", fields)
    assert answer.status_code == 409
    assert "It has changed since you opened this page." in text_of(answer.content)
    assert "Accepted Your agency accepted." in text_of(answer.content)
    assert "Assigned to Yve Example" in text_of(answer.content)


def test_a_decline_tells_the_code_and_the_suggestion_and_no_more(story, advocate, officer):
    story.send()
    path = f"/desk/referrals/{story.id}"
    answer = advocate.submit(
        f"{path}/decline",
        {
            "code": "other",
            "suggested_service_id": service_of("sarc"),
            "private_reason": "already_served",
        },
    )
    assert "Declined. The sender sees it now." in text_of(answer.content)
    shown = officer.get(path).content.decode()
    assert "Their reason: Other . They suggest another service" in text_of(shown)
    assert f"/desk/directory/{service_of('sarc')}" in shown
    assert "lready" not in shown
    notes = advocate.submit(f"{path}/open_notes", {"purpose": "review"})
    assert "Private reason for declining" in text_of(notes.content)
    assert "Already with us" in text_of(notes.content)


def test_an_act_that_is_not_open_leads_back_and_says_so(story, advocate):
    story.send()
    answer = advocate.get(f"/desk/referrals/{story.id}/complete", follow=True)
    assert answer.request["PATH_INFO"] == f"/desk/referrals/{story.id}"
    assert "That cannot be done now." in text_of(answer.content)


# -- The end ---------------------------------------------------------------------------------------


def test_the_sender_is_shown_the_same_page_whatever_became_of_it(story, advocate, officer):
    story.accept()
    path = f"/desk/referrals/{story.id}"

    def shown():
        return [
            text_of(officer.get(at).content) for at in (path, f"{path}/history", "/desk/?box=out")
        ]

    before = shown()
    advocate.submit(f"{path}/start_handoff", {"mode": "video", "at": "2026-12-24T10:00"})
    assert shown() == before
    advocate.submit(f"{path}/complete", {"outcome": "served"})
    assert shown() == before
    assert "Completed" in text_of(advocate.get(path).content)
    history = text_of(advocate.get(f"{path}/history").content)
    assert "Completed" in history
    assert "Yve Example" in history


@pytest.mark.parametrize(
    ("act", "fields", "says"),
    [
        ("withdraw", {"code": "help_found"}, "Do not contact the survivor."),
        ("stop", {}, "Do not contact"),
    ],
)
def test_what_the_sender_ends_the_recipient_is_told(story, officer, advocate, act, fields, says):
    story.accept().release().packet(**PACKET)
    path = f"/desk/referrals/{story.id}"
    asked = {"withdraw": "lose access right away", "stop": "cannot be undone"}[act]
    assert asked in text_of(officer.get(f"{path}/{act}").content)
    officer.submit(f"{path}/{act}", fields)
    shown = text_of(advocate.get(path).content)
    assert says in shown
    assert "Open the packet" not in shown


def test_a_stop_asks_before_it_is_done(story, officer):
    story.send()
    path = f"/desk/referrals/{story.id}"
    asked = text_of(officer.get(f"{path}/stop").content)
    assert "cannot be undone" in asked
    assert "No one there has answered yet." in text_of(officer.get(path).content)


def test_a_draft_says_when_it_goes_and_goes_then(officer, story, shift_clock):
    story.create()
    page = text_of(officer.get(f"/desk/referrals/{story.id}").content)
    assert "it will be deleted" in page
    assert "a day after its last change." in page
    shift_clock("23 hours 55 minutes")
    purge.run()
    path = f"/desk/referrals/{story.id}"
    assert at_the_desk("police.worker").get(path).status_code == 200
    shift_clock("24 hours 1 minute")
    purge.run()
    assert at_the_desk("police.worker").get(path).status_code == 404
