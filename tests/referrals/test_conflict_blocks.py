"""Conflict blocks (R12): "the officer is my husband". A barred person is answered as for a random
id, everywhere; a block beats every grant, assignment and role, and nothing reveals it."""

from typing import Any
from uuid import uuid4

import pytest

from referrals.act_registry.registry import RULES
from tests.referrals.blocked_referrals import assert_it_does_not_exist, made
from tests.referrals.blocked_referrals import opened as opened  # a fixture
from tests.support.ground.database import as_app, refused
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import notified, work
from tests.support.people.stories import NOTICE, Story, bar, to
from tests.support.proofs import routes
from tests.support.proofs.routes import everything
from tests.support.proofs.sender_view import Sender
from tests.support.servers.message_servers import MailServer, PhoneProvider

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
        asked = [(one["act"], one["member_id"], one["referral_id"], one["acts"]) for one in items]
        him, last = str(member_id("ywca.worker2")), "referral.open_packet"
        assert asked == [(last, him, opened.id, ["referral.assign", last])]
    for who in ("ywca.worker2", "police.worker", "police.lead"):
        assert api(who).get("/v1/barred-attempts").json()["items"] == [], who
    page = text_of(at_the_desk("ywca.worker").get("/desk/told").content)
    assert "Yoko Specimen" in page
    assert "Kept out, but asked for it" in page


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
    """The officer tries each route and method, and each way to assign himself. Nothing but request
    id and date differs, and each try alerts the side that bars him: the holder, on their own
    channel, and no desk where he may be the one who answers."""
    bar(api, "police.worker", opened, OFFICER)
    work()
    notified(phones, mails)
    for act in ("assign", "hand_over"):  # no colleague can assign him
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
                "sec.assign_member(%s, %s, %s, 'safety')",
                "sec.transfer_referral(%s, %s, %s, false)",
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
                "SELECT unnest(acts), member_id::text, referral_id::text"
                " FROM sec.blocked_attempts()"
            )
            told = set(cursor.fetchall())
        assert told == {(act, him, opened.id) for act in tried}, who
    for who in (OFFICER, "ywca.worker", "ywca.lead"):
        with as_app(api(who)) as cursor:
            cursor.execute("SELECT count(*) FROM sec.blocked_attempts()")
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


def test_the_holder_who_is_barred_holds_it_no_longer(opened: Story, api: Any) -> None:
    assert api("ywca.worker").act(opened.id, "assign", to("ywca.worker2")).status_code == 200
    bar(api, "ywca.worker2", opened, "ywca.worker")
    shown = api("ywca.worker2").get(f"/v1/referrals/{opened.id}").json()
    assert shown["holder"]["name"] == "Yoko Specimen"
    assert [one["name"] for one in shown["assigned"]] == ["Yoko Specimen"]


def test_whom_the_own_side_bars_is_put_on_it_by_no_one(opened: Story, api: Any) -> None:
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


# -- At the desk -----------------------------------------------------------------------------------


def test_she_says_not_this_person_at_the_desk(opened: Story, api: Any) -> None:
    pages = at_the_desk("ywca.worker")
    path = f"/desk/referrals/{opened.id}/block"
    asked = text_of(pages.get(path).content)
    assert "Keep someone out" in asked
    assert "Demo City Police" not in asked.split("Who should not see this?")[1].split("Keep")[0]
    done = text_of(pages.submit(path, {"whom": str(member_id("ywca.worker2"))}).content)
    assert "Kept out at the survivor's request: Yoko Specimen. They do not see this." in done
    assert api("ywca.worker2").get(f"/v1/referrals/{opened.id}").status_code == 404
    again = f"/desk/referrals/{opened.id}/unblock"
    pages.submit(again, {"whom": str(member_id("ywca.worker2"))})
    assert api("ywca.worker2").get(f"/v1/referrals/{opened.id}").status_code == 200


def test_what_the_recipient_bars_changes_no_answer_of_the_senders(story: Story, api: Any) -> None:
    """Nor whether there is a lead to answer it, which would tell that she was barred (R2)."""
    story.accept().sends("leads_only").sends("end_leads_only")
    bar(api, "ywca.worker", story, "ywca.lead")
    assert api("police.worker").act(story.id, "leads_only").status_code == 200


def test_the_recipients_own_block_counts_for_itself(story: Story, api: Any) -> None:
    """A lead of the recipient sets leads_only, and is the only one whom the recipient's own block
    does not bar."""
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
