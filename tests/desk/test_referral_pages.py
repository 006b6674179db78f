"""Referrals at the desk: the forms, what they refuse and where, what they leave behind."""

import re
from html import unescape

import pytest
from django.db import connections

from api.desk.inbox import call_records, inbox
from referrals.deadlines import purge
from referrals.models import CallRecord, Referral
from tests.support.callers import agency_id
from tests.support.database import phone_only_service
from tests.support.desk_pages import at_the_desk, rows, text_of
from tests.support.stories import PACKET, Story, service_of

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
    assert re.search(r"Say the reference [A-Z]( [A-Z]){5} ", text_of(page))


def test_a_draft_is_kept_changed_and_sent(officer, advocate, api):
    answer = officer.submit(
        f"/desk/referrals/new?service={service_of('ywca')}",
        {"keep": "1", "stays": "30"} | NOTICE | {"agreement": ""},
    )
    assert "Kept as a draft. Nothing was sent." in text_of(answer.content)
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
    assert "Sent. They see it now." in text_of(answer.content)
    seen = text_of(advocate.get(path).content)
    assert "Asking was not safe" in seen
    assert "Language Spanish" in seen


def test_when_she_does_not_agree_nothing_is_stored(officer, superuser):
    answer = new_referral(officer, agreement="no")
    shown = text_of(answer.content)
    assert "Nothing was stored." in shown
    assert "406-555-0111" in shown or "406-555-0112" in shown  # the service's own number
    assert rows(superuser, Referral) == 0


def test_when_she_does_not_agree_to_a_draft_it_ends(story, officer):
    path = f"/desk/referrals/{story.create().id}"
    answer = officer.submit(f"{path}/send", {"agreement": "no"})
    assert "The draft is gone, with all that was written in it." in text_of(answer.content)
    assert officer.get(path).status_code == 404, "it is gone at once (R14)"


def test_without_her_agreement_stated_nothing_is_sent(officer, superuser):
    answer = new_referral(officer, agreement="")
    assert "Say whether she agrees. Without it nothing is sent." in text_of(answer.content)
    assert rows(superuser, Referral) == 0


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"callback": "call me maybe"}, "callback", "The worker's phone number"),
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
    assert "This form was sent before" in text_of(third.content)


@pytest.mark.parametrize("who", ["police.admin", "police.auditor"])
def test_who_does_no_casework_makes_no_referral(who):
    pages = at_the_desk(who)
    assert pages.get(f"/desk/referrals/new?service={service_of('ywca')}").status_code == 403


# -- The answer ------------------------------------------------------------------------------------


def test_the_inbox_has_the_nearest_deadline_on_top_and_says_when_it_is_late(
    story, advocate, shift_clock
):
    story.create(urgency="urgent").sends("send", {"agreement": "agrees"})
    story.create(urgency="emergency").sends("send", {"agreement": "agrees"})
    shown = text_of(advocate.get("/desk/").content)
    assert re.search("Needs your answer .* 1[0-4] min left .* 5[5-9] min left .* All others", shown)
    shift_clock("18 minutes")
    assert "late by 3 min" in text_of(advocate.get("/desk/").content)
    shift_clock("5 hours")
    shown = text_of(advocate.get("/desk/").content)
    assert "Nothing waits for your agency." in shown
    assert "Expired" in shown


@pytest.mark.parametrize("who", ["ywca.worker", "police.worker"])
def test_the_oldest_emergency_stays_on_top_however_many_came_after_it(story, api, monkeypatch, who):
    monkeypatch.setattr(inbox, "PRESSING_AT_ONCE", 2)
    box = "" if who == "ywca.worker" else "?box=out"
    emergency = story.create(urgency="emergency").send()
    second = Story(api, story.service_id).create(urgency="urgent").send()
    desk = at_the_desk(who)
    assert "More than 2 press." not in text_of(desk.get(f"/desk/{box}").content)
    for _ in range(2):
        Story(api, story.service_id).create(urgency="routine").send()
    page = desk.get(f"/desk/{box}").content.decode()
    above = page.partition('id="rest-title"')[0]
    assert re.findall(r'href="/desk/referrals/([0-9a-f-]{36})"', above) == [emergency.id, second.id]
    assert "More than 2 press." in text_of(page)


def test_the_inbox_shows_a_ring_that_was_asked_for_and_a_contact_that_is_late_on_top(
    story, advocate, officer, shift_clock
):
    story.accept()
    waits = Story(story.api, story.service_id).send()
    assert "Cannot wait" not in text_of(advocate.get("/desk/").content)
    story.sends("call_me")
    shown = text_of(advocate.get("/desk/").content)
    assert re.search("Cannot wait .* They ask you to ring , .* Needs your answer .* New", shown)
    assert "They ask you to ring" not in text_of(officer.get("/desk/?box=out").content)
    waits.answers("acknowledge").answers("call_me")
    shown = text_of(officer.get("/desk/?box=out").content)
    assert re.search("Waiting for their answer .* They ask you to ring , .* All others", shown)
    shift_clock("5 hours")
    shown = text_of(advocate.get("/desk/").content)
    assert re.search("Cannot wait .* Overdue: first contact is due .* Nothing waits", shown)
    assert "Cannot wait" not in text_of(officer.get("/desk/?box=out").content)


def test_the_inbox_leads_on_page_by_page(story, advocate):
    made = set()
    for _ in range(27):
        story.create().sends("send", {"agreement": "agrees"}).answers("decline", {"code": "other"})
        made.add(story.id)
    first = advocate.get("/desk/").content.decode()
    later = re.search(r'href="(/desk/\?box=in&amp;after=[^"]+)"', first)[1].replace("&amp;", "&")
    second = advocate.get(later).content.decode()
    ids = r"/desk/referrals/([0-9a-f-]{36})"
    assert set(re.findall(ids, first)) | set(re.findall(ids, second)) == made
    assert not set(re.findall(ids, first)) & set(re.findall(ids, second))
    assert at_the_desk("ywca.worker2").get(later).status_code == 400  # bound to its caller


def test_a_colleague_who_comes_second_is_told_how_it_stands(story, advocate):
    story.send()
    path = f"/desk/referrals/{story.id}"
    colleague = at_the_desk("ywca.worker2")
    fields = colleague.hidden(path, f"{path}/accept")
    assert "Accepted. You hold it" in text_of(
        advocate.submit(path, action=f"{path}/accept").content
    )
    answer = colleague.http.post(f"{path}/accept", fields)
    assert answer.status_code == 409
    assert "it is accepted. This is how it stands." in text_of(answer.content)
    assert "Held by Yve Example" in text_of(answer.content)


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
    assert "They say: Other . They suggest another service" in text_of(shown)
    assert f"/desk/directory/{service_of('sarc')}" in shown
    assert "lready" not in shown
    notes = advocate.submit(f"{path}/open_notes", {"purpose": "review"})
    assert "Private reason of the decline" in text_of(notes.content)
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
    [("withdraw", {"code": "help_found"}, "Do not contact her."), ("stop", {}, "Do not contact")],
)
def test_what_the_sender_ends_the_recipient_is_told(story, officer, advocate, act, fields, says):
    story.accept().release().packet(**PACKET)
    path = f"/desk/referrals/{story.id}"
    assert "at once" in text_of(officer.get(f"{path}/{act}").content)
    officer.submit(f"{path}/{act}", fields)
    shown = text_of(advocate.get(path).content)
    assert says in shown
    assert "Open the packet" not in shown


def test_a_stop_asks_before_it_is_done(story, officer):
    story.send()
    path = f"/desk/referrals/{story.id}"
    asked = text_of(officer.get(f"{path}/stop").content)
    assert "it cannot be taken back" in asked
    assert "Nobody there has answered yet." in text_of(officer.get(path).content)


# -- Calls -----------------------------------------------------------------------------------------


def test_a_call_to_a_phone_only_service_is_recorded_once(officer, superuser):
    page = officer.submit("/desk/directory", {"words": "compensation"}).content.decode()
    path = re.search(r'href="(/desk/calls/new\?service=[^"]+)"', page)[1]
    assert 'href="tel:' in officer.get(path).content.decode()
    fields = officer.hidden(path) | {"outcome": "full", "put_through": "yes"}
    for _ in range(2):
        assert officer.http.post("/desk/calls/new", fields).status_code == 302
    assert rows(superuser, CallRecord) == 1
    shown = text_of(officer.get("/desk/calls").content)
    assert "Crime victim compensation Full; she spoke with them herself" in shown
    colleague = text_of(at_the_desk("police.worker2").get("/desk/calls").content)
    assert "None yet." in colleague


def test_a_service_that_is_answered_here_takes_no_call_record(officer, superuser):
    path = f"/desk/calls/new?service={service_of('ywca')}"
    answer = officer.submit(path, {"outcome": "full", "put_through": "no"})
    assert answer.status_code == 409
    assert "make a referral" in text_of(answer.content)
    assert rows(superuser, CallRecord) == 0


@pytest.fixture
def rung_only():
    """ywca, as an agency that takes no notices: others ring it."""
    turn = "UPDATE permissions_agency SET takes_notices = %s WHERE id = %s"
    with connections["jobs"].cursor() as cursor:
        cursor.execute(turn, [False, agency_id("ywca")])
        yield service_of("ywca")
        cursor.execute(turn, [True, agency_id("ywca")])


@pytest.fixture
def in_the_list(officer):
    """What the list of what was found says of one service."""

    def row(service):
        own_page = officer.get(f"/desk/directory/{service}").content.decode()
        name = re.search(r"<h1>(.*?)</h1>", own_page)
        page = officer.submit("/desk/directory", {"words": unescape(name[1])}).content.decode()
        rows_of = re.findall(r"<li><div class=\"plain\">.*?</div></li>", page, re.S)
        return next(one for one in rows_of if str(service) in one)

    return row


def test_what_takes_no_referral_now_is_rung_on_every_page(officer, story, rung_only, in_the_list):
    """The desk never leads to a referral that cannot be sent."""
    refer = f"/desk/referrals/new?service={rung_only}"
    ring = f"/desk/calls/new?service={rung_only}"
    page = officer.get(f"/desk/directory/{rung_only}").content.decode()
    assert refer not in page
    assert ring in page
    assert "No referral can be made to it just now: ring, then record the call." in text_of(page)
    row = in_the_list(rung_only)
    assert refer not in row
    assert ring in row
    assert "No referral just now: ring, then record the call." in text_of(row)
    page = officer.get(refer).content.decode()
    assert "No referral can be sent there just now." in text_of(page)
    assert ring in page


def test_the_next_service_that_takes_no_referral_now_is_rung(officer, api, rung_only):
    before = Story(api, service_of("sarc"), recipient="sarc.worker").send()
    before.sends("set_plan", {"services": [rung_only]})
    before.answers("decline", {"code": "no_capacity"})
    page = officer.get(f"/desk/referrals/{before.id}").content.decode()
    assert f"/desk/calls/new?service={rung_only}" in page
    assert f"/desk/referrals/new?service={rung_only}" not in page


def test_what_takes_referrals_is_referred_to_on_every_page(officer, in_the_list):
    service = service_of("ywca")
    for page in (
        officer.get(f"/desk/directory/{service}").content.decode(),
        in_the_list(service),
    ):
        assert f"/desk/referrals/new?service={service}" in page
        assert f"/desk/calls/new?service={service}" not in page


def test_earlier_calls_are_a_page_away(officer, superuser, monkeypatch):
    monkeypatch.setattr(call_records, "SHOWN", 2)
    for outcome in ("reached", "no_answer", "full"):
        path = f"/desk/calls/new?service={phone_only_service()}"
        officer.submit(path, {"outcome": outcome, "put_through": "no"})
    assert rows(superuser, CallRecord) == 3
    said = re.compile(r"<p>([^<]+)</p><p class=\"quiet small\">")
    page = officer.get("/desk/calls").content.decode()
    first = said.findall(page)
    assert "To the newest" not in page
    page = officer.get(re.search(r'href="(/desk/calls\?after=[^"]+)"', page)[1]).content.decode()
    assert (len(first), len(said.findall(page))) == (2, 1)
    assert first[0] == "Full"
    assert len({*first, *said.findall(page)}) == 3
    assert "Earlier ones" not in page
    assert "To the newest" in page


def test_a_draft_says_when_it_goes_and_goes_then(officer, story, shift_clock):
    story.create()
    page = text_of(officer.get(f"/desk/referrals/{story.id}").content)
    assert "It is deleted" in page
    assert "a day after its last change, if it is not sent before." in page
    shift_clock("23 hours 55 minutes")
    purge.run()
    path = f"/desk/referrals/{story.id}"
    assert at_the_desk("police.worker").get(path).status_code == 200
    shift_clock("24 hours 1 minute")
    purge.run()
    assert at_the_desk("police.worker").get(path).status_code == 404
