"""The accounting of disclosures (45 CFR 164.528): what a survivor is given of their agency's own
log, compared with the log itself; nothing of the other agency's, and only for assigned members.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from referrals.deadlines import purge
from tests.support.ground.database import as_app
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import (
    PACKET,
    RECORD,
    REPORT,
    SECRET,
    Story,
    opened,
    reads_the_log,
    release_body,
    return_body,
    service_of,
)

ORDER = RECORD | {"basis": "court_order", "to": "court", "survivor_told": "told_after"}
FOUGHT = RECORD | {"basis": "subpoena", "to": "nobody", "survivor_told": "told_before"}


def account(story, who, purpose="review"):
    answer = story.api(who).act(story.id, "account_disclosures", {"purpose": purpose})
    assert answer.status_code == 200, answer.content
    return answer.json()


def logged(superuser, story, key):
    """How many entries the log holds of an agency's own people about the referral."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM access_entry WHERE agency_id = %s AND decision = 'allowed'"
            " AND (referral_id = %s OR referral_ids @> ARRAY[%s::uuid])",
            [agency_id(key), story.id, story.id],
        )
        return cursor.fetchone()[0]


def test_the_sender_accounts_for_what_the_recipient_could_open_and_not_whether_it_did(story):
    opened(story)
    made = account(story, story.sender)
    [given] = made["given"]
    assert given["fields"] == ["name", "phone"]
    assert given["to_agency_id"] == str(agency_id("ywca"))
    assert given["purpose"] == "receive_service"
    acts = {one["act"] for one in made["opened"]}
    assert acts == {"referral.open_notes"}, "the recipient's opening is its own to account for"
    people = {one["member_id"] for one in made["seen"]}
    assert people == {str(member_id(story.sender))}


def test_the_notice_is_told_as_what_left_the_agency_from_the_sending_on(story):
    """It does not say who she is; that it went there, she cannot know otherwise."""
    story.create()
    assert account(story, story.sender)["notice"] is None
    story.send()
    shown = story.api(story.sender).get(f"/v1/referrals/{story.id}").json()
    made = account(story, story.sender)
    assert made["notice"]["at"] == shown["sent_at"]
    assert made["notice"]["to_agency_id"] == str(agency_id("ywca"))
    assert made["notice"]["to_addresses"] == [OFFICE]
    assert made["given"] == []
    opened(story)
    assert account(story, story.recipient)["notice"] is None, "it did not send it"


def test_it_says_who_consented(story):
    signed = release_body()["consenters"][0]
    parent, court = (signed | {"who": who} for who in ("parent", "court_appointed"))
    story.create(age_band="minor").send().accept()
    story.release(adult=False, consenters=[signed, parent]).packet(**PACKET)
    story.release(adult=False, consenters=[court])
    given = account(story, story.sender)["given"]
    assert [one["consenters"] for one in given] == [["self", "parent"], ["court_appointed"]]


def test_the_recipients_own_openings_are_accounted_one_by_one(story):
    opened(story)
    for _ in range(2):
        story.answers("open_packet", {"purpose": "safety"})
    made = account(story, story.recipient)
    assert made["given"] == []
    acts = [(one["act"], one["purpose"], one["fields"], one["times"]) for one in made["opened"]]
    assert acts == [
        ("referral.open_packet", "intake", ["name", "phone"], 1),
        *[("referral.open_packet", "safety", ["name", "phone"], 1)] * 2,
        ("referral.open_notes", "review_or_legal_duty", None, 1),  # by the accounting itself
    ]
    assert {one["member_id"] for one in made["opened"]} == {str(member_id(story.recipient))}


@pytest.mark.parametrize(("who", "key"), [("police.worker", "police"), ("ywca.worker", "ywca")])
def test_its_total_equals_the_log(story, superuser, who, key):
    opened(story)
    for _ in range(3):  # list pages count, too
        assert story.api(who).get("/v1/referrals").status_code == 200
        assert story.api(who).get(f"/v1/referrals/{story.id}").status_code == 200
    colleague = story.api(f"{key}.worker2").act(story.id, "open_packet", {"purpose": "service"})
    assert colleague.status_code == 403, "nothing was disclosed, and nothing is accounted"
    assert reads_the_log(story, f"{key}.auditor").status_code == 200
    for _ in range(2):  # the next one includes the entries of this one
        made = account(story, who)
        assert made["entries"] == logged(superuser, story, key)
        assert sum(line["times"] for line in (*made["opened"], *made["seen"])) == made["entries"]


def test_notes_opened_for_each_accounting_are_one_line(story, superuser):
    opened(story)
    for _ in range(3):
        made = account(story, story.recipient)
    lines = {
        one["act"]: (one["times"], one["purpose"])
        for one in (*made["opened"], *made["seen"])
        if one["act"] in ("referral.open_notes", "referral.account_disclosures")
    }
    assert lines == {
        "referral.open_notes": (3, "review_or_legal_duty"),
        "referral.account_disclosures": (3, None),
    }
    assert made["entries"] == logged(superuser, story, "ywca")


def test_who_checks_the_log_did_not_work_on_it(story):
    opened(story)
    for _ in range(2):
        assert reads_the_log(story, "ywca.auditor").status_code == 200
    auditor = str(member_id("ywca.auditor"))
    lines = [one for one in account(story, story.recipient)["seen"] if one["member_id"] == auditor]
    assert [(one["act"], one["times"]) for one in lines] == [("access_log.check", 2)]


def test_what_the_system_did_by_itself_is_nobodys_act(story, superuser, shift_clock):
    opened(story)
    for days, due in ((14.1, "ask"), (21.2, "end")):  # no one worked on it (R13)
        shift_clock(f"{days * 24} hours")
        assert purge.run()[due] == 1
    made = account(story, story.recipient)
    [itself] = [one for one in made["seen"] if not one["member_id"] and not one["client"]]
    assert (itself["act"], itself["times"], itself["reason"]) == ("system.work", 1, None)
    assert made["entries"] == logged(superuser, story, "ywca")


def told_addresses(story, who):
    return [one["to_addresses"] for one in account(story, who)["given"]]


OFFICE = "101 Example Street, Suite 2, Missoula, MT 59802"


def test_it_says_where_the_recipient_is_if_anybody_may_know(api):
    """45 CFR 164.528(b)(2)(ii): the name and, if known, the address."""
    services = api(None).get("/v1/directory/services", {"per_page": "100"}).json()["contents"]
    ids = {one["name"]: one["id"] for one in services}
    for name, found in (("Advocacy and safety planning", [OFFICE]), ("Crisis line", [OFFICE])):
        assert told_addresses(opened(Story(api, ids[name])), "police.worker") == [found], name
    back = opened(Story(api, ids["Crisis line"]))
    back.answers("complete", {"outcome": "connected"})
    back.answers("put_return_release", return_body("connected"))
    assert told_addresses(back, "ywca.worker") == [[]], "the directory does not have the police"


def test_where_a_confidential_service_is_no_one_is_told(api):
    """R4: nor the agency's office, to which she was not sent."""
    hits = api("police.worker").get("/v1/directory/services", {"search": "Emergency shelter"})
    hidden = next(x["id"] for x in hits.json()["contents"] if x["name"] == "Emergency shelter")
    story = opened(Story(api, hidden))
    made = account(story, "police.worker")
    assert [one["to_addresses"] for one in made["given"]] == [[]]
    assert "Example" not in json.dumps([one | {"to_agency_name": ""} for one in made["given"]])


def test_before_the_accept_nothing_is_given_and_from_it_on_what_lay_ready_last(story):
    story.create().release("name").packet(name=PACKET["name"], phone=PACKET["phone"]).send()
    assert account(story, story.sender)["given"] == []
    story.release("name", "phone")  # a wider one, still before the accept
    assert account(story, story.sender)["given"] == []
    story.answers("accept")
    [given] = account(story, story.sender)["given"]
    shown = story.api(story.sender).get(f"/v1/referrals/{story.id}").json()
    assert given["at"] == shown["accepted_at"]
    assert given["fields"] == ["name", "phone"]


def test_what_was_taken_back_before_the_accept_was_never_given(story):
    story.create().release(*PACKET).packet(**PACKET).send()
    story.sends("revoke_release", {"via": "oral"}).answers("accept")
    refused = story.api(story.recipient).act(story.id, "open_packet", {"purpose": "intake"})
    assert refused.json()["code"] == "sealed"
    assert account(story, story.sender)["given"] == []
    story.release("name")
    [given] = account(story, story.sender)["given"]
    assert given["fields"] == ["name"]


def test_what_was_narrowed_before_the_accept_is_given_as_narrow_as_it_was(story):
    story.create().release(*PACKET).packet(**PACKET).send()
    story.sends("narrow_release", {"fields": ["name", "safe_contact"]})
    story.sends("narrow_release", {"fields": ["name"]}).answers("accept")
    [given] = account(story, story.sender)["given"]
    assert given["fields"] == ["name"]


def test_what_had_run_out_before_the_accept_was_never_given(story, shift_clock):
    soon = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()
    story.create().release(*PACKET, expires_at=soon).packet(**PACKET).send()
    shift_clock("3 minutes")
    story.answers("accept")
    assert account(story, story.sender)["given"] == []


def test_a_release_that_opens_nothing_ends_what_lay_ready(story):
    story.create().release("name", "phone").packet(phone=PACKET["phone"]).send()
    story.release("name").answers("accept")
    assert account(story, story.sender)["given"] == []


def test_a_return_release_is_the_recipients_disclosure(story):
    opened(story)
    story.answers("complete", {"outcome": "connected"})
    story.answers("put_return_release", return_body("connected"))
    [given] = account(story, story.recipient)["given"]
    assert (given["fields"], given["to_agency_id"]) == (["connected"], str(agency_id("police")))
    assert len(account(story, story.sender)["given"]) == 1, "her packet alone"


def test_reports_and_orders_are_in_it_but_for_those_that_must_not_be_told(story):
    opened(story)
    story.answers("record_report", REPORT).answers("record_disclosure", ORDER)
    story.answers("record_disclosure", SECRET).answers("record_disclosure", FOUGHT)
    made = account(story, story.recipient)
    assert [(one["kind"], one["to"]) for one in made["outside"]] == [
        ("report", "child_protection"),
        ("disclosure", "court"),
    ]
    assert account(story, story.sender)["outside"] == []


def shape(made):
    """An accounting without what is another in each: ids, moments, the receipt."""
    lines = [
        {name: one[name] for name in ("act", "times", "member_id", "purpose", "fields", "reason")}
        for one in (*made["opened"], *made["seen"])
    ]
    return sorted(made), lines, made["given"], made["outside"], made["entries"]


def like_a_look(story):
    story.api(story.recipient).get(f"/v1/referrals/{story.id}")


def like_a_note(story):
    story.answers("add_note", {"text": "an invented note"})


@pytest.mark.parametrize("ordinary", [like_a_look, like_a_note])
@pytest.mark.parametrize("act", ["record_disclosure", "record_report"])
def test_what_must_not_be_told_is_nowhere_in_it(api, ordinary, act):
    """In its place might stand any look or note: not by name, time, count or a number left out."""
    told = []
    kept = (REPORT if act == "record_report" else SECRET) | {"survivor_told": "not_told_forbidden"}
    for does in (lambda story: story.answers(act, kept), ordinary):
        story = Story(api, service_of("ywca")).accept()
        does(story)
        made = account(story, story.recipient)
        told.append(shape(made))
        words = json.dumps(made)
        for word in ("record_", "withheld", "search_warrant", "forbidden"):
            assert word not in words
    assert told[0] == told[1]


def test_why_her_packet_was_opened_does_not_tell_of_a_warrant(story):
    opened(story)
    lead = story.api("ywca.lead")
    for reason in ("review", "legal_duty"):
        story.answers("open_packet", {"purpose": reason}).answers("open_notes", {"purpose": reason})
        assert lead.act(story.id, "take_over", {"reason": reason}).status_code == 200
        gives = {"member_id": str(member_id("ywca.worker")), "keep": False}
        assert lead.act(story.id, "hand_over", gives).status_code == 200
    made = account(story, story.recipient, "legal_duty")
    said = {one["purpose"] for one in (*made["opened"], *made["seen"])}
    assert said == {None, "intake", "review_or_legal_duty"}
    reasons = [one["reason"] for one in made["seen"] if one["reason"]]
    assert reasons == ["review_or_legal_duty"] * 2


def test_once_it_may_be_told_a_new_record_tells_it(story):
    """45 CFR 164.528(a)(2): suspended for a time; the record of then stays as it was."""
    opened(story)
    story.answers("record_disclosure", SECRET)
    story.answers("record_disclosure", SECRET | {"survivor_told": "told_after"})
    [one] = account(story, story.recipient)["outside"]
    assert (one["to"], one["basis"]) == ("police", "search_warrant")


def test_a_lead_who_assigned_themselves_is_listed_with_the_reason(story):
    opened(story)
    lead = story.api("ywca.lead")
    assert lead.act(story.id, "take_over", {"reason": "safety", "keep": True}).status_code == 200
    seen = account(story, "ywca.lead")["seen"]
    [taken] = [one for one in seen if one["reason"]]
    assert (taken["act"], taken["reason"]) == ("referral.self_assign", "safety")
    assert taken["member_id"] == str(member_id("ywca.lead"))


def test_each_time_that_a_lead_puts_herself_on_it_is_a_line_of_its_own(story):
    opened(story)
    lead = story.api("ywca.lead")
    for _ in range(2):
        assert lead.act(story.id, "take_over", {"reason": "safety"}).status_code == 200
        gives = {"member_id": str(member_id("ywca.worker")), "keep": False}
        assert lead.act(story.id, "hand_over", gives).status_code == 200
    taken = [one for one in account(story, "ywca.worker")["seen"] if one["reason"]]
    assert [(one["reason"], one["times"]) for one in taken] == [("safety", 1)] * 2


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("ywca.worker2", 403, "not_assigned"),
        ("ywca.lead", 403, "not_assigned"),
        ("ywca.auditor", 404, "not_found"),
        ("police.worker2", 403, "not_assigned"),
        ("outsider.lead", 404, "not_found"),
    ],
)
def test_no_one_else_is_given_it(story, who, status, code):
    opened(story)
    answer = story.api(who).act(story.id, "account_disclosures", {"purpose": "review"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_log_opens_to_an_entry_of_the_same_transaction_and_to_no_other(story):
    opened(story)
    account(story, story.recipient)
    for who in (story.recipient, story.sender, "ywca.lead", "outsider.lead"):
        with as_app(story.api(who)) as cursor:
            cursor.execute("SELECT * FROM sec.accounting(%s, '{}')", [story.id])
            assert cursor.fetchall() == [], who


def test_the_purpose_is_stated(story):
    opened(story)
    answer = story.api(story.recipient).act(story.id, "account_disclosures", {"purpose": "because"})
    assert answer.status_code == 400


def test_before_a_purge_each_side_is_offered_it(story, shift_clock):
    opened(story)
    story.answers("complete", {"outcome": "connected"})
    caller, pages = story.api(story.recipient), at_the_desk(story.recipient)
    assert caller.get(f"/v1/referrals/{story.id}").json()["purge_at"] is None
    shift_clock("23 days 1 hour")
    assert purge.run()["tell_to"] == 1
    caller, pages = story.api(story.recipient), at_the_desk(story.recipient)
    shown = caller.get(f"/v1/referrals/{story.id}").json()
    assert shown["purge_at"] is not None
    page = pages.get(f"/desk/referrals/{story.id}").content.decode()
    assert f"/desk/referrals/{story.id}/account_disclosures" in page
    assert "will be deleted" in text_of(page)
    sender = story.api(story.sender).get(f"/v1/referrals/{story.id}").json()
    assert sender["purge_at"] is None, "its own part ends by what it was shown"


def test_it_is_itself_in_the_log(story, superuser):
    opened(story)
    made = account(story, story.recipient)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, purpose FROM access_entry WHERE id = %s AND member_id = %s",
            [made["receipt"], member_id(story.recipient)],
        )
        assert cursor.fetchone() == ("referral.account_disclosures", "review")
