"""What a side keeps for itself: its own number, the plan, a duplicate referral; and a mistake, of
which the sender learns what it has to report, and no more."""

import re
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import translation
from django.utils.translation import gettext

from api.desk import forms
from directory import models as m
from directory import vocabulary
from referrals import codes
from tests.support.ground.database import as_app, identify, phone_only_service, refused
from tests.support.ground.stored_rows import counts
from tests.support.people.callers import agency_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.directory_entries import Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture
from tests.support.people.stories import NOTICE, PACKET, Story, notes, seen, service_of, two
from tests.support.proofs.sender_view import Sender

SENDER, RECIPIENT = "police.worker", "ywca.worker"


# -- Its own number --------------------------------------------------------------------------------


def test_its_own_number_is_sealed_and_the_newest_counts(story: Story, api: Any) -> None:
    story.accept()
    sender = Sender(api)
    before = sender.view(story.id)
    for ref in ("Y-0001", "Y-0002"):
        story.answers("set_external_ref", {"ref": ref})
    assert sender.view(story.id) == before
    assert notes(api, RECIPIENT, story, "external_ref") == [{"ref": "Y-0001"}, {"ref": "Y-0002"}]
    assert notes(api, SENDER, story, "external_ref") == []
    for bad in ("", " ", "x" * 101):
        assert api(RECIPIENT).act(story.id, "set_external_ref", {"ref": bad}).status_code == 400


# -- One person twice ------------------------------------------------------------------------------


def test_that_two_are_one_person_is_said_once_both_were_opened(story: Story, api: Any) -> None:
    first, second = two(api, story.service_id)
    body = {"referral_id": second.id}
    opens = {"purpose": "intake"}
    for opened in (None, first, second):
        if opened is not None:
            opened.answers("open_packet", opens)
        answer = api(RECIPIENT).act(first.id, "same_person_as", body)
        if opened is not second:
            assert (answer.status_code, answer.json()["code"]) == (409, "open_both_first")
    assert answer.status_code == 201
    assert notes(api, RECIPIENT, first, "same_person_as") == [body]
    assert notes(api, SENDER, first, "same_person_as") == []


def test_what_she_may_not_see_answers_as_what_she_never_opened(story: Story, api: Any) -> None:
    first, _ = two(api, story.service_id)
    first.answers("open_packet", {"purpose": "intake"})
    theirs = Story(api, service_of("sarc"), sender="outsider.worker").send()
    nothing = "01890000-0000-7000-8000-00000000000c"
    told = [
        api(RECIPIENT).act(first.id, "same_person_as", {"referral_id": other})
        for other in (theirs.id, nothing)
    ]
    assert [one.status_code for one in told] == [409, 409]
    assert told[0].content == told[1].content
    itself = api(RECIPIENT).act(first.id, "same_person_as", {"referral_id": first.id})
    assert itself.status_code == 400


# -- The plan --------------------------------------------------------------------------------------


def test_a_plan_is_the_senders_assigned_members_alone(story: Story, api: Any) -> None:
    story.send()
    services = [service_of("sarc"), phone_only_service()]
    etag = api(RECIPIENT).get(f"/v1/referrals/{story.id}")["ETag"]
    for _ in range(2):
        answer = api(SENDER).act(story.id, "set_plan", {"services": services})
        assert answer.json()["plan"] == services
    steps = api(SENDER).get(f"/v1/referrals/{story.id}/history").json()["items"]
    assert [step["act"] for step in steps].count("set_plan") == 1
    for who in ("police.worker2", "police.lead", RECIPIENT, "ywca.lead"):
        assert seen(api, who, story.id)["plan"] == [], who
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT count(*) FROM referral_plan")
            assert cursor.fetchone() == (0,), who
    again = api(RECIPIENT).get(f"/v1/referrals/{story.id}")
    assert again["ETag"] == etag
    assert (
        "set_plan" not in api(RECIPIENT).get(f"/v1/referrals/{story.id}/history").content.decode()
    )


@pytest.mark.parametrize(
    ("services", "status"),
    [
        (["01890000-0000-7000-8000-00000000000c"], 409),
        (["01890000-0000-7000-8000-00000000000c"] * 2, 400),
        (["no id"], 400),
        (["01890000-0000-7000-8000-00000000000c"] * 11, 400),
    ],
)
def test_a_plan_holds_known_services_each_once(
    story: Story, api: Any, services: list[str], status: int
) -> None:
    story.create()
    answer = api(SENDER).act(story.id, "set_plan", {"services": services})
    assert answer.status_code == status


def test_the_next_is_one_act_away_and_no_one_else_learns_of_the_link(
    story: Story, api: Any
) -> None:
    story.send()
    sarc, phone = service_of("sarc"), phone_only_service()
    story.sends("set_plan", {"services": [sarc, phone]})
    story.answers("decline", {"code": "no_capacity"})
    body = NOTICE | {"service_id": sarc, "replaces": story.id}
    for who in ("police.worker2", "police.lead", "outsider.worker"):
        answer = api(who).post("/v1/referrals", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "replaces_unknown"), who
    made = api(SENDER).post("/v1/referrals", body)
    assert made.status_code == 201
    assert (made.json()["replaces_id"], made.json()["plan"]) == (story.id, [phone])
    following = Story(api, sarc, id=made.json()["id"], recipient="sarc.worker")
    following.sends("send", {"agreement": "agrees"})
    shown = api("sarc.worker").get(f"/v1/referrals/{following.id}")
    assert (shown.json()["replaces_id"], shown.json()["plan"]) == (None, [])
    assert story.id not in shown.content.decode()
    assert seen(api, RECIPIENT, story.id)["status"] == "declined"
    assert following.id not in str(seen(api, RECIPIENT, story.id))


def test_by_raw_sql_no_one_plans_for_another(story: Story, api: Any) -> None:
    story.send().sends("set_plan", {"services": []})
    for who in ("police.worker2", "police.lead", RECIPIENT):
        with as_app(api(who)) as cursor:
            assert refused(cursor, "UPDATE referral_plan SET services = '{}'"), who
            assert refused(cursor, "DELETE FROM referral_plan"), who
    with as_app(api(SENDER)) as cursor:
        assert refused(cursor, "UPDATE referral_plan SET replaces_id = id")


def test_the_desk_leads_to_the_next_service_with_the_notice_filled_in(
    story: Story, api: Any
) -> None:
    story.create(urgency="emergency", needs=["shelter"], callback="406-555-0188").sends(
        "send", {"agreement": "agrees"}
    )
    sarc = service_of("sarc")
    story.sends("set_plan", {"services": [sarc]})
    story.answers("decline", {"code": "no_capacity", "suggested_service_id": sarc})
    desk = at_the_desk(SENDER)
    page = desk.get(f"/desk/referrals/{story.id}").content.decode()
    assert "Plan backup services" in text_of(page)
    link = f"/desk/referrals/new?service={sarc}&amp;replaces={story.id}"
    assert link in page
    form = desk.get("/desk/referrals/new", {"service": sarc, "replaces": story.id})
    text = form.content.decode()
    assert 'value="406-555-0188"' in text
    body = desk.hidden(f"/desk/referrals/new?service={sarc}&replaces={story.id}") | {
        "urgency": "emergency",
        "needs": ["shelter"],
        "callback": "406-555-0188",
        "wanted": "call_worker",
        "agreement": "agrees",
        "send": "1",
    }
    sent = desk.http.post("/desk/referrals/new", body, follow=True)
    assert "Now call them" in text_of(sent.content.decode())
    lines = api(SENDER).get("/v1/referrals").json()["items"]
    assert seen(api, SENDER, lines[0]["id"])["replaces_id"] == story.id


@pytest.mark.parametrize("need", codes.NEEDS)
def test_whatever_she_needs_the_desk_says_who_else_answers_it(
    story: Story,
    api: Any,
    shelf: Shelf,
    need: str,
) -> None:
    service = shelf.service("Aardvark house")
    terms = [vocabulary.term_id(*key) for key in vocabulary.codes_for_need(need)]
    assert terms, "a need that no service can be found by"
    shelf.add(
        service,
        *(
            m.Attribute(link_table="service", link_id=service, taxonomy_term_id=one)
            for one in terms
        ),
    )
    story.create(needs=[need]).send().answers("decline", {"code": "no_capacity"})
    page = at_the_desk(SENDER).get(f"/desk/referrals/{story.id}").content.decode()
    assert "Aardvark house" in text_of(page).partition("Plan backup services")[2]


@pytest.mark.parametrize("who", ["police.worker2", "police.lead"])
def test_who_does_not_work_on_it_refers_her_on_all_the_same(
    story: Story, api: Any, who: str
) -> None:
    """A colleague is with the survivor at night: one act, and no link to another's referral."""
    sarc = service_of("sarc")
    story.create(urgency="emergency", needs=["shelter"], callback="406-555-0188")
    story.sends("send", {"agreement": "agrees"})
    story.answers("decline", {"code": "no_capacity", "suggested_service_id": sarc})
    desk = at_the_desk(who)
    page = desk.get(f"/desk/referrals/{story.id}").content.decode()
    assert f"/desk/referrals/new?service={sarc}&amp;replaces={story.id}" in page
    path = f"/desk/referrals/new?service={sarc}&replaces={story.id}"
    shown = desk.get(path).content.decode()
    assert 'value="406-555-0188"' in shown
    assert "You are not assigned to that one" in text_of(shown)
    assert "keep that person out. That choice is not copied" in text_of(shown)
    body = desk.hidden(path) | {
        "urgency": "emergency",
        "needs": ["shelter"],
        "callback": "406-555-0188",
        "wanted": "call_worker",
        "agreement": "agrees",
        "send": "1",
    }
    sent = desk.http.post("/desk/referrals/new", body, follow=True)
    assert "Now call them" in text_of(sent.content.decode())
    made = api(who).get("/v1/referrals").json()["items"][0]
    assert seen(api, who, made["id"])["replaces_id"] is None


def test_the_desk_keeps_what_is_planned_behind_the_third(story: Story, api: Any) -> None:
    story.create()
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT id::text FROM directory_listing WHERE status = 'active' AND id <> %s"
            " AND answered_by IS DISTINCT FROM %s ORDER BY name DESC LIMIT 6",
            [story.service_id, str(agency_id("police"))],
        )
        planned = [service for (service,) in cursor.fetchall()]
    story.sends("set_plan", {"services": planned})
    desk, path = at_the_desk(SENDER), f"/desk/referrals/{story.id}/set_plan"
    page = desk.get(path).content.decode()
    assert re.findall(r'<option value="([^"]+)" selected', page) == planned[:3]
    assert "After it, as planned before:" in text_of(page)
    first, second = planned[4], planned[1]
    desk.submit(path, {"first": first, "second": second, "third": ""})
    assert seen(api, SENDER, story.id)["plan"] == [first, second, planned[3], planned[5]]


def test_the_plan_offers_no_service_of_the_own_agency_and_says_where_its_list_ends(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MOST_PER_PAGE", 1)
    story = Story(api, service_of("sarc"), sender="ywca.worker", recipient="sarc.worker").create()
    page = at_the_desk("ywca.worker").get(f"/desk/referrals/{story.id}/set_plan").content.decode()
    assert "The list ends with “" in text_of(page)
    monkeypatch.setattr(forms, "MOST_PER_PAGE", 100)
    page = at_the_desk("ywca.worker").get(f"/desk/referrals/{story.id}/set_plan").content.decode()
    assert service_of("ywca") not in page
    assert "The list ends with" not in page


# -- A mistake -------------------------------------------------------------------------------------


def test_a_mistake_closes_all_at_once_and_says_how_far_it_went(
    story: Story, api: Any, superuser: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    story.answers("assign", {"member_id": _member("ywca.worker2")})
    for who, times in ((RECIPIENT, 2), ("ywca.worker2", 1)):
        for _ in range(times):
            api(who).act(story.id, "open_packet", {"purpose": "intake"})
    assert seen(api, SENDER, story.id)["openings"] is None
    before = counts(superuser, story.id)
    answer = api(SENDER).act(story.id, "mark_error", {"code": "wrong_recipient"})
    assert answer.json()["status"] == "entered_in_error"
    assert counts(superuser, story.id) == (before[0] + 1, before[1] + 1)
    openings = answer.json()["openings"]
    assert openings["people"] == 2
    assert len(openings["times"]) == 3
    assert set(openings) == {"people", "times"}, "not by whom"
    again = api(SENDER).act(story.id, "mark_error", {"code": "wrong_recipient"})
    assert again.json() == answer.json()
    assert counts(superuser, story.id)[0] == before[0] + 1
    with superuser.cursor() as cursor:
        cursor.execute("SELECT key_bundle IS NULL FROM packet_grant WHERE release_id IS NOT NULL")
        assert cursor.fetchall() == [(True,)]
    late = api(RECIPIENT).act(story.id, "open_packet", {"purpose": "intake"})
    assert (late.status_code, late.json()["current_state"]) == (409, "entered_in_error")
    theirs = seen(api, RECIPIENT, story.id)
    assert (theirs["code"], theirs["openings"]) == ("wrong_recipient", None)


def _member(who: str) -> str:
    from tests.support.people.callers import member_id

    return str(member_id(who))


def test_what_was_not_opened_is_said_too(story: Story, api: Any) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    story.sends("mark_error", {"code": "test"})
    assert seen(api, SENDER, story.id)["openings"] == {"people": 0, "times": []}
    assert seen(api, "police.worker2", story.id)["openings"] is None, "she works not on it"


def test_of_what_is_no_mistake_the_database_says_nothing(story: Story, api: Any) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    story.answers("open_packet", {"purpose": "intake"})

    def asked(who: str) -> Any:
        with transaction.atomic(), connection.cursor() as cursor:
            identify(cursor, api(who))
            cursor.execute("SELECT people FROM sec.packet_opening_counts(%s)", [story.id])
            return cursor.fetchone()[0]

    everybody = (SENDER, "police.lead", RECIPIENT, "ywca.lead", "outsider.lead")
    assert [asked(who) for who in everybody] == [None] * 5
    story.sends("withdraw", {"code": "other"})
    assert [asked(who) for who in everybody] == [None] * 5
    other = Story(api, story.service_id).accept().release(*PACKET).packet(**PACKET)
    other.answers("open_packet", {"purpose": "intake"}).sends("mark_error", {"code": "other"})
    story.id = other.id
    assert [asked(who) for who in everybody] == [1, 1, None, None, None]
    assert asked("police.worker2") is None


@pytest.mark.parametrize(
    "end", [("complete", {"outcome": "served"}), ("unable", {"code": "other"})]
)
def test_a_mistake_is_answered_alike_whatever_the_recipient_recorded(
    story: Story, api: Any, end: Any
) -> None:
    plain = Story(api, story.service_id).accept()
    story.accept().answers(*end)
    told = [api(SENDER).act(one.id, "mark_error", {"code": "duplicate"}) for one in (plain, story)]
    assert [one.status_code for one in told] == [200, 200]
    assert told[0].json()["status"] == told[1].json()["status"] == "entered_in_error"
    ended = {"complete": "completed", "unable": "unable"}[end[0]]
    assert seen(api, RECIPIENT, story.id)["status"] == ended


def test_both_sides_leads_are_given_the_list(story: Story, api: Any) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    story.answers("open_packet", {"purpose": "intake"})
    story.sends("mark_error", {"code": "wrong_recipient"})
    Story(api, story.service_id).create().sends("mark_error", {"code": "test"})  # a draft: nobody's
    for who, side, opened in (("police.lead", "from", 1), ("ywca.lead", "to", None)):
        (one,) = api(who).get("/v1/mistakes").json()["items"]
        assert (one["referral_id"], one["side"], one["code"]) == (story.id, side, "wrong_recipient")
        assert (one["openings"] or {}).get("people") == opened
        assert b"/desk/mistakes" in at_the_desk(who).get("/desk/told").content
        page = text_of(at_the_desk(who).get("/desk/mistakes").content.decode())
        assert "Sent to the wrong agency" in page
    assert api("sarc.lead").get("/v1/mistakes").json() == {"items": []}
    for who in (SENDER, RECIPIENT, "ywca.auditor"):
        assert api(who).get("/v1/mistakes").status_code == 403


def test_every_code_has_words_in_both_languages() -> None:
    with translation.override("es"):
        for name, labels in codes.CODE_LISTS.items():
            for code, english in labels.items():
                assert english, (name, code)
                same = name not in ("handoff_mode",) and english == gettext(english)
                assert not same, (name, code, english)
