"""Conflict blocks (R12): "the officer is my husband". Whom a referral bars is answered as for a
random id, everywhere; a block beats every grant, assignment and role, and nobody tells him."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from referrals.act_registry.registry import RULES
from tests.support import routes
from tests.support.callers import member_id
from tests.support.database import as_app, as_one_person, opening, refused
from tests.support.desk_pages import at_the_desk, text_of
from tests.support.message_servers import MailServer, PhoneProvider
from tests.support.notifications import notified, work
from tests.support.routes import everything
from tests.support.sender_view import Sender
from tests.support.stories import NOTICE, PACKET, Story, bar, service_of, to

HANGS_ON_IT = (
    *("referral", "referral_side", "referral_assignment", "referral_event", "release"),
    *("release_end", "packet_grant", "private_key", "conflict_block", "self_assignment"),
    *("packet_field", "note"),
)


@pytest.fixture
def opened(story: Story) -> Story:
    """Accepted by ywca.worker, with a packet and notes on both sides."""
    story.accept().release(*PACKET).packet(**PACKET)
    return story.answers("add_note", {"text": "ours"}).sends("add_note", {"text": "theirs"})


def assert_it_does_not_exist(api: Any, who: str, story: Story, acting: str | None = None) -> None:
    """By each route and method, in lists, by raw SQL with an entry for whatever is sealed."""
    caller = api(who, acting)
    assert everything(caller, story.id) == everything(caller, uuid4())
    assert caller.get("/v1/referrals").json()["items"] == []
    assert caller.get("/v1/self-assignments").json()["items"] == []
    assert caller.get("/v1/barred-attempts").json()["items"] == []
    with as_app(caller) as cursor:
        if not who.endswith("client"):
            for act in ("open_packet", "open_notes"):
                cursor.execute(*opening(who, story.id, act))
        for table in HANGS_ON_IT:
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table
        for statement in (
            "UPDATE referral SET version = 99",
            "UPDATE referral_side SET version = 99",
            "UPDATE release SET ended = true",
        ):
            cursor.execute(statement)
            assert cursor.rowcount == 0, statement
        for call in ("sec.take(%s, %s, 'safety', false)", "sec.set_block(%s, %s, 'agency', NULL)"):
            assert refused(cursor, f"SELECT {call}", [uuid4(), story.id]), call
    if not who.endswith("client"):
        pages = at_the_desk(who)
        there = pages.get(f"/desk/referrals/{story.id}")
        nowhere = pages.get(f"/desk/referrals/{uuid4()}")
        assert there.status_code == nowhere.status_code == 404
        assert text_of(there.content) == text_of(nowhere.content)


# -- A member of the own agency --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "whom"),
    [
        ("ywca.lead", "ywca.worker"),  # the holder
        ("ywca.worker", "ywca.worker2"),
        ("ywca.worker", "ywca.lead"),
        ("police.worker", "police.lead"),
        ("police.lead", "police.worker"),  # who wrote it
    ],
)
def test_to_whom_it_bars_it_does_not_exist(
    opened: Story, api: Any, superuser: Any, by: str, whom: str
) -> None:
    bar(api, by, opened, whom)
    assert_it_does_not_exist(api, whom, opened)
    key = whom.split(".")[0]
    assert_it_does_not_exist(api, f"{key}.client", opened)  # a system that names nobody
    assert_it_does_not_exist(api, f"{key}.client", opened, whom)
    for what in (["assigned", "holder"], ["assigned", "holder", "lead"]):
        with made(superuser, opened, whom, what):
            assert_it_does_not_exist(api, whom, opened)
            himself = api(whom).act(opened.id, "assign", to(whom, reason="safety"))
            assert himself.status_code == 404
        with superuser.cursor() as cursor:
            again = "DELETE FROM referral_assignment WHERE membership_id = %s"
            cursor.execute(again, [str(member_id(whom))])


def test_who_sets_it_is_alerted_when_the_barred_ask(opened: Story, api: Any) -> None:
    bar(api, "ywca.worker", opened, "ywca.worker2")
    worker = api("ywca.worker")
    assert worker.get("/v1/barred-attempts").json()["items"] == []
    barred = api("ywca.worker2")
    for act in ("assign", "open_packet"):
        body = to("ywca.worker2") if act == "assign" else routes.BODIES[act]
        assert barred.act(opened.id, act, body).status_code == 404
    for who in ("ywca.worker", "ywca.lead"):
        items = api(who).get("/v1/barred-attempts").json()["items"]
        asked = [(one["act"], one["member_id"], one["referral_id"]) for one in items]
        him = str(member_id("ywca.worker2"))
        assert asked == [
            ("referral.open_packet", him, opened.id),
            ("referral.assign", him, opened.id),
        ]
    for who in ("ywca.worker2", "police.worker", "police.lead"):
        assert api(who).get("/v1/barred-attempts").json()["items"] == [], who
    page = text_of(at_the_desk("ywca.worker").get("/desk/told").content)
    assert "Yoko Specimen" in page
    assert "Kept out, and asked for it" in page


OFFICER = "police.worker2"
BECOMES = {
    # what he is made all the same, past every function that would refuse it
    "nothing": [],
    "assigned": ["assigned"],
    "the holder": ["assigned", "holder"],
    "a lead": ["lead"],
    "a lead, assigned, the holder": ["assigned", "holder", "lead"],
}


@pytest.mark.parametrize("standing", BECOMES)
def test_whatever_he_is_made_and_tries_it_is_as_nowhere_and_it_is_told(
    opened: Story,
    api: Any,
    superuser: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    standing: str,
) -> None:
    """By each route and method, and by each way to put himself on it; nothing but request id and
    date differs, and each try is an alert to the side that bars him: its holder is rung, on her own
    channel, and no desk where he may be the one who answers."""
    bar(api, "police.worker", opened, OFFICER)
    work()
    notified(phones, mails)
    for act in ("assign", "hand_over"):  # nobody puts him on it, whoever asks
        answer = api("police.lead").act(opened.id, act, to(OFFICER))
        assert (answer.status_code, answer.json()["code"]) == (409, "barred"), act
    with made(superuser, opened, OFFICER, BECOMES[standing]):
        caller = api(OFFICER)
        assert everything(caller, opened.id) == everything(caller, uuid4())
        for act, body in (
            ("assign", to(OFFICER, reason="safety")),
            ("hand_over", to(OFFICER)),
            ("take_over", {"reason": "safety"}),
        ):
            asked = [
                routes.ask(caller, "POST", f"/v1/referrals/{one}/{act}", body)
                for one in (opened.id, uuid4())
            ]
            assert asked[0] == asked[1], act
            assert asked[0][0] == 404, act
        with as_app(caller) as cursor:
            for call in (
                "sec.put_on(%s, %s, %s, 'safety')",
                "sec.hand_over(%s, %s, %s, false)",
            ):
                values = [uuid4(), opened.id, str(member_id(OFFICER))]
                assert refused(cursor, f"SELECT {call}", values), call
        work()
        assert notified(phones, mails) == {("police.worker", "review")}
    refusals = "SELECT act FROM access_entry WHERE referral_id = %s AND member_id = %s"
    him = str(member_id(OFFICER))
    with superuser.cursor() as cursor:
        cursor.execute(f"{refusals} AND decision = 'refused'", [opened.id, him])
        tried = {act for (act,) in cursor.fetchall()}
    assert {f"referral.{act}" for act in RULES if act != "create"} | {"referral.read"} <= tried
    for who in ("police.worker", "police.lead"):
        with as_app(api(who)) as cursor:
            cursor.execute(
                "SELECT act, member_id::text, referral_id::text FROM sec.barred_attempts()"
            )
            told = set(cursor.fetchall())
        assert told == {(act, him, opened.id) for act in tried}, who
    for who in (OFFICER, "ywca.worker", "ywca.lead"):
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT count(*) FROM sec.barred_attempts()")
            assert cursor.fetchone() == (0,), who


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("assign", to(OFFICER, reason="safety")),
        ("hand_over", to(OFFICER)),
        ("take_over", {"reason": "safety"}),
    ],
)
def test_whom_it_bars_and_who_puts_himself_on_it_rings_the_holder(
    opened: Story,
    api: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    act: str,
    body: Any,
) -> None:
    """By that try alone."""
    bar(api, "police.worker", opened, OFFICER)
    work()
    notified(phones, mails)
    assert api(OFFICER).act(opened.id, act, body).status_code == 404
    work()
    assert notified(phones, mails) == {("police.worker", "review")}


@contextmanager
def made(superuser: Any, story: Story, who: str, what: list[str]) -> Iterator[None]:
    """Somebody is assigned, the holder or a lead for a while, past all walls."""
    member = str(member_id(who))
    with superuser.cursor() as cursor:
        if "assigned" in what:
            cursor.execute(
                "INSERT INTO referral_assignment (id, content_object_id, membership_id, agency_id,"
                " user_id, permission_id) SELECT gen_random_uuid(), %s, m.id, m.agency_id,"
                " m.person_id, a.permission_id FROM permissions_membership m,"
                " (SELECT permission_id FROM referral_assignment LIMIT 1) a WHERE m.id = %s",
                [story.id, member],
            )
        if "holder" in what:
            cursor.execute(
                "UPDATE referral_side SET holder_id = %s WHERE referral_id = %s AND agency_id ="
                " (SELECT agency_id FROM permissions_membership WHERE id = %s)",
                [member, story.id, member],
            )
        roles = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
        cursor.execute("SELECT roles FROM permissions_membership WHERE id = %s", [member])
        (before,) = cursor.fetchone()
        if "lead" in what:
            cursor.execute(roles, [["lead", "worker"], member])
    try:
        yield
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(roles, [before, member])


def test_the_holder_who_is_barred_holds_it_no_longer(opened: Story, api: Any) -> None:
    assert api("ywca.worker").act(opened.id, "assign", to("ywca.worker2")).status_code == 200
    bar(api, "ywca.worker2", opened, "ywca.worker")
    shown = api("ywca.worker2").get(f"/v1/referrals/{opened.id}").json()
    assert shown["holder"]["name"] == "Yoko Specimen"
    assert [one["name"] for one in shown["assigned"]] == ["Yoko Specimen"]


def test_whom_the_own_side_bars_is_put_on_it_by_nobody(opened: Story, api: Any) -> None:
    bar(api, "ywca.worker", opened, "ywca.worker2")
    for act in ("assign", "hand_over"):
        answer = api("ywca.lead").act(opened.id, act, to("ywca.worker2"))
        assert (answer.status_code, answer.json()["code"]) == (409, "barred")


def test_it_is_set_once_and_lifted_once_and_told_to_those_who_answer_for_it(
    opened: Story, api: Any
) -> None:
    worker = api("ywca.worker")
    for act, kinds in (("block", ["member"]), ("unblock", [])):
        for _ in range(2):
            answer = worker.act(opened.id, act, to("ywca.worker2"))
            assert answer.status_code == 200
            assert [one["kind"] for one in answer.json()["blocks"]] == kinds
    assert api("ywca.worker2").get(f"/v1/referrals/{opened.id}").status_code == 200
    steps = {}
    for who in ("ywca.worker", "ywca.lead", "ywca.worker2", "police.worker"):
        items = api(who).get(f"/v1/referrals/{opened.id}/history").json()["items"]
        steps[who] = [one["act"] for one in items if "block" in one["act"]]
    both = ["block", "unblock"]
    assert steps == {
        "ywca.worker": both,
        "ywca.lead": both,
        "ywca.worker2": [],
        "police.worker": [],
    }


def test_a_colleague_who_does_not_answer_for_it_is_not_told_of_a_block(
    opened: Story, api: Any
) -> None:
    bar(api, "police.worker", opened, "police.lead")
    seen = api("police.worker2").get(f"/v1/referrals/{opened.id}").json()
    assert seen["blocks"] == []
    with as_app(api("police.worker2")) as cursor:
        cursor.execute("SELECT count(*) FROM conflict_block")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM referral_event WHERE act = 'block'")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("by", "body", "status", "code"),
    [
        ("ywca.worker", to("ywca.worker"), 409, "barring_yourself"),
        ("ywca.worker", to("police.worker"), 409, "member_unknown"),
        ("ywca.worker", {"other_agency": True}, 403, "wrong_side"),
        ("ywca.worker", {}, 400, "whom"),
        ("ywca.worker", to("ywca.lead", other_agency=True), 400, "whom"),
        ("ywca.worker2", to("ywca.lead"), 403, "not_assigned"),
    ],
)
def test_what_may_not_be_barred(
    opened: Story, api: Any, by: str, body: Any, status: int, code: str
) -> None:
    answer = api(by).act(opened.id, "block", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_the_recipient_bars_changes_nothing_for_the_sender(opened: Story, api: Any) -> None:
    sender = Sender(api)
    before = sender.view(opened.id)
    for act, body in (
        ("block", to("ywca.worker2")),
        ("unblock", to("ywca.worker2")),
        ("block", to("ywca.worker")),
        ("leads_only", {}),
        ("end_leads_only", {}),
    ):
        assert api("ywca.lead").act(opened.id, act, body).status_code == 200, act
        assert sender.view(opened.id) == before, act


# -- The other agency ------------------------------------------------------------------------------


def test_a_whole_agency_is_barred_and_the_sender_is_told_before_sending(
    story: Story, api: Any
) -> None:
    story.create().sends("block", {"other_agency": True})
    answer = api("police.worker").act(story.id, "send", {"agreement": "agrees"})
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_answer")
    story.sends("unblock", {"other_agency": True}).send()


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead", "ywca.worker2"])
def test_to_a_barred_agency_it_does_not_exist(opened: Story, api: Any, who: str) -> None:
    opened.sends("block", {"other_agency": True})
    assert_it_does_not_exist(api, who, opened)
    assert api("police.worker").get(f"/v1/referrals/{opened.id}").status_code == 200
    assert api("police.worker").get("/v1/barred-attempts").json()["items"][0]["member_id"] is None


@pytest.mark.parametrize("by", ["police.worker", "ywca.lead"])
def test_for_one_of_theirs_only_leads_of_the_recipient_see_it(
    opened: Story, api: Any, by: str
) -> None:
    assert api(by).act(opened.id, "leads_only").status_code == 200
    for who in ("ywca.worker", "ywca.worker2"):
        assert_it_does_not_exist(api, who, opened)
    shown = api("ywca.lead").get(f"/v1/referrals/{opened.id}").json()
    ours = by == "ywca.lead"
    assert [(one["kind"], one["ours"]) for one in shown["blocks"]] == [("leads_only", ours)]
    answer = api("ywca.lead").act(opened.id, "assign", to("ywca.worker2"))
    assert (answer.status_code, answer.json()["code"]) == (409, "barred")
    assert api("police.worker2").get(f"/v1/referrals/{opened.id}").status_code == 200
    assert api(by).act(opened.id, "end_leads_only").status_code == 200
    assert api("ywca.worker").get(f"/v1/referrals/{opened.id}").status_code == 200


def test_leads_only_is_refused_where_no_lead_would_be_left(
    story: Story, api: Any, superuser: Any
) -> None:
    change = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
    lead = str(member_id("ywca.lead"))
    with superuser.cursor() as cursor:
        cursor.execute("SELECT roles FROM permissions_membership WHERE id = %s", [lead])
        (before,) = cursor.fetchone()
        cursor.execute(change, [["worker"], lead])
    try:
        story.create().sends("leads_only")
        answer = api("police.worker").act(story.id, "send", {"agreement": "agrees"})
        assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_answer")
        story.sends("end_leads_only").send()
        answer = api("police.worker").act(story.id, "leads_only")
        assert (answer.status_code, answer.json()["code"]) == (409, "nobody_to_answer")
        assert api("ywca.worker").get(f"/v1/referrals/{story.id}").status_code == 200
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(change, [before, lead])


def test_a_person_is_barred_in_whichever_agency_she_serves(
    opened: Story, api: Any, superuser: Any
) -> None:
    """She is named by one side, and works for the other as well."""
    bar(api, "police.worker", opened, "police.worker2")
    with as_one_person(superuser, "police.worker2", "ywca.worker"):
        assert_it_does_not_exist(api, "ywca.worker", opened)


def test_a_side_that_begins_after_the_block_hides_it_too(story: Story, api: Any) -> None:
    story.create()
    assert api("police.worker").act(story.id, "leads_only").status_code == 200
    story.recipient = "ywca.lead"
    story.send().answers("accept")
    assert_it_does_not_exist(api, "ywca.worker", story)


# -- By raw SQL ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT has_block FROM referral",
        "SELECT has_block FROM referral_side",
        "UPDATE referral SET has_block = false",
        "UPDATE referral_side SET has_block = false",
        "DELETE FROM conflict_block",
        "UPDATE conflict_block SET lifted_at = now()",
        "INSERT INTO conflict_block SELECT * FROM conflict_block",
    ],
)
def test_the_flag_and_the_blocks_are_kept_by_the_database_alone(
    opened: Story, api: Any, statement: str
) -> None:
    bar(api, "ywca.worker", opened, "ywca.worker2")
    with as_app(api("ywca.worker")) as cursor:
        assert refused(cursor, statement)


def test_by_raw_sql_nobody_is_barred_whom_the_rules_would_not_bar(opened: Story, api: Any) -> None:
    call = "SELECT sec.set_block(%s, %s, %s, %s)"
    other, mine = str(member_id("ywca.worker2")), str(member_id("ywca.worker"))
    cases: list[tuple[str, str, str | None, bool]] = [
        ("ywca.worker", "member", other, True),
        ("ywca.worker", "member", mine, False),
        ("ywca.worker", "member", str(member_id("police.worker")), False),
        ("ywca.worker", "member", None, False),
        ("ywca.worker", "agency", None, False),
        ("ywca.worker", "leads_only", None, False),
        ("ywca.lead", "leads_only", None, True),
        ("ywca.worker2", "member", mine, False),
        ("police.worker", "agency", None, True),
        ("police.worker", "leads_only", None, True),
        ("outsider.lead", "leads_only", None, False),
        ("ywca.auditor", "member", other, False),
    ]
    for who, kind, whom, may in cases:
        with as_app(api(who)) as cursor:
            taken = not refused(cursor, call, [uuid4(), opened.id, kind, whom])
        assert taken == may, (who, kind, whom)


# -- At the desk -----------------------------------------------------------------------------------


def test_she_says_not_this_person_at_the_desk(opened: Story, api: Any) -> None:
    pages = at_the_desk("ywca.worker")
    path = f"/desk/referrals/{opened.id}/block"
    asked = text_of(pages.get(path).content)
    assert "She says: not this person" in asked
    assert "Demo City Police" not in asked.split("Who must not know of it")[1].split("Keep")[0]
    done = text_of(pages.submit(path, {"whom": str(member_id("ywca.worker2"))}).content)
    assert "Kept out , on her word: Yoko Specimen. They are not told." in done
    assert api("ywca.worker2").get(f"/v1/referrals/{opened.id}").status_code == 404
    again = f"/desk/referrals/{opened.id}/unblock"
    pages.submit(again, {"whom": str(member_id("ywca.worker2"))})
    assert api("ywca.worker2").get(f"/v1/referrals/{opened.id}").status_code == 200


def test_the_sender_bars_everybody_there_at_the_desk(story: Story, api: Any) -> None:
    story.service_id = service_of("ywca")
    story.create()
    pages = at_the_desk("police.worker")
    done = pages.submit(f"/desk/referrals/{story.id}/block", {"whom": "other_agency"})
    assert "everybody at Demo Women's Centre" in text_of(done.content)


def test_what_the_recipient_bars_changes_no_answer_of_the_senders(story: Story, api: Any) -> None:
    """Nor whether there is a lead to answer it, which would tell that she was barred (R2)."""
    story.accept().sends("leads_only").sends("end_leads_only")
    bar(api, "ywca.worker", story, "ywca.lead")
    assert api("police.worker").act(story.id, "leads_only").status_code == 200


def test_the_recipients_own_block_counts_for_itself(story: Story, api: Any) -> None:
    """leads_only by a lead of the recipient, whom the recipient's own block leaves: herself."""
    story.accept()
    bar(api, "ywca.worker", story, "ywca.worker2")
    assert api("ywca.lead").act(story.id, "leads_only").status_code == 200


def test_a_key_of_a_request_that_led_to_it_is_as_new(story: Story, api: Any) -> None:
    def ask(urgency: str) -> Any:
        body = NOTICE | {"service_id": story.service_id, "urgency": urgency}
        return api("police.worker").post("/v1/referrals", body, Idempotency_Key="k")

    made = ask("urgent").json()["id"]
    assert api("police.lead").act(made, "take_over", {"reason": "holder_away"}).status_code == 200
    story.id = made
    bar(api, "police.lead", story, "police.worker")
    answers = [ask("routine"), ask("routine"), ask("urgent")]
    assert [one.status_code for one in answers] == [201, 201, 422]
    assert made not in {one.json().get("id") for one in answers}


def test_who_was_let_in_again_is_not_told_by_the_database_either(story: Story, api: Any) -> None:
    """Past the API: neither what barred her, nor that anybody was barred as she was (R12)."""
    story.accept()
    path, lead = f"/v1/referrals/{story.id}", api("ywca.lead")
    whom = {"member_id": str(member_id("ywca.worker2"))}
    story.answers("block", whom)
    assert api("ywca.worker2").get(path).status_code == 404
    for act, body in (("unblock", whom), ("assign", whom), ("leads_only", {})):
        assert lead.act(story.id, act, body).status_code == 200
    for who in ("ywca.worker", "ywca.worker2"):
        assert api(who).get(path).status_code == 404
    assert lead.act(story.id, "end_leads_only", {}).status_code == 200
    for_leads = {"leads_only", "end_leads_only"}
    for who, acts, attempts in (
        ("ywca.worker", {"block", "unblock"}, 1),  # his colleague's; not those for want of a lead
        ("ywca.worker2", set(), 0),
        ("ywca.lead", {"block", "unblock"} | for_leads, 3),
    ):
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT act FROM referral_event WHERE referral_id = %s", [story.id])
            known = {act for (act,) in cursor.fetchall()}
            assert known & ({"block", "unblock"} | for_leads) == acts, who
            cursor.execute("SELECT count(*) FROM sec.barred_attempts()")
            assert cursor.fetchone() == (attempts,), who
            cursor.execute("SELECT FROM conflict_block")
            assert cursor.fetchall() == [], who
