"""The button at the desk: who is shown it, who may press it, and that the sender sees nothing."""

from typing import Any

import pytest

from tests.support.people.awake import THANKS, at_desk, claims, keys, rings, said, voices
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import number, work
from tests.support.people.rota import set_rotation
from tests.support.people.stories import Story, to
from tests.support.proofs.sender_bytes import as_page
from tests.support.proofs.sender_view import Sender
from tests.support.servers.message_servers import MailServer, PhoneProvider

BUTTON = "I'm awake, opening it"
FIRST, SECOND = "ywca.worker2", "ywca.worker"


@pytest.fixture
def emergency(story: Story) -> Story:
    return story.create(urgency="emergency").send()


def shown(who: str, path: str) -> str:
    return text_of(at_the_desk(who).get(path).content)


def pages(story: Story) -> tuple[str, ...]:
    return (f"/desk/referrals/{story.id}", "/desk/", "/desk/awake")


def test_the_button_is_where_an_emergency_is_looked_for(emergency: Story) -> None:
    for path in pages(emergency):
        assert BUTTON in shown(FIRST, path), path
        assert BUTTON not in shown("police.worker", path), path


def test_it_is_pressed_by_its_form_and_leads_to_the_referral(
    emergency: Story, superuser: Any
) -> None:
    for who, path in zip((FIRST, SECOND, "ywca.lead"), pages(emergency), strict=True):
        desk = at_the_desk(who)
        hidden = desk.hidden(path, "/desk/awake")
        answer = desk.http.post("/desk/awake", hidden)
        assert answer["Location"] == f"/desk/referrals/{emergency.id}", path
    assert claims(superuser, emergency) == [("desk", 300)] * 3


def test_coworkers_are_shown_who_and_until_when(emergency: Story) -> None:
    assert at_desk(FIRST, emergency).status_code == 302
    for path in pages(emergency):
        assert "is awake and opening it. Others are not called until" in shown(SECOND, path), path
        assert BUTTON in shown(SECOND, path), path
        assert "You said that you are awake" in shown(FIRST, path), path
        assert BUTTON not in shown(FIRST, path), path
    names = emergency.api(SECOND).get(f"/v1/referrals/{emergency.id}").json()
    assert names["status"] == "sent"


def test_it_is_gone_once_it_is_answered_or_too_late(
    emergency: Story, shift_clock: Any, api: Any
) -> None:
    other = Story(api, emergency.service_id).create(urgency="emergency").send()
    emergency.answers("acknowledge")
    assert BUTTON not in shown(FIRST, f"/desk/referrals/{emergency.id}")
    assert at_desk(FIRST, emergency).status_code == 409
    shift_clock("15 minutes 1 second")
    for path in pages(other):
        assert BUTTON not in shown(FIRST, path)
    assert at_desk(FIRST, other).status_code == 409


def test_what_is_no_emergency_has_no_button(story: Story) -> None:
    story.send()
    assert BUTTON not in shown(FIRST, f"/desk/referrals/{story.id}")
    assert at_desk(FIRST, story).status_code == 409


@pytest.mark.parametrize("who", ["ywca.admin", "ywca.auditor", "outsider.worker", FIRST])
def test_who_may_not_know_of_it_gets_what_a_random_reference_gets(
    emergency: Story, api: Any, who: str, superuser: Any
) -> None:
    reference = api(SECOND).get(f"/v1/referrals/{emergency.id}").json()["reference"]
    if who == FIRST:
        assert api("ywca.lead").act(emergency.id, "block", to(FIRST)).status_code == 200
    desk = at_the_desk(who, csrf=False)
    answers = [
        desk.http.post("/desk/awake", {"reference": one})
        for one in (reference, "ZZZZZZ", "", "é" * 500)
    ]
    assert {one.status_code for one in answers} == {404}
    assert len({text_of(one.content) for one in answers}) == 1
    assert claims(superuser, emergency) == []


def test_the_sender_cannot_claim_their_own(emergency: Story, superuser: Any) -> None:
    assert at_desk("police.worker", emergency).status_code == 404
    assert claims(superuser, emergency) == []


def test_the_log_says_who_and_of_which(emergency: Story, superuser: Any) -> None:
    at_desk(FIRST, emergency)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT member_id::text, decision FROM access_entry WHERE act = 'referral.claim'"
            " AND referral_id = %s",
            [emergency.id],
        )
        assert cursor.fetchall() == [(str(member_id(FIRST)), "allowed")]


def test_the_sender_gets_the_same_bytes_with_and_without_a_claim(
    story: Story,
    api: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
    superuser: Any,
    shift_clock: Any,
) -> None:
    voices(api, FIRST, SECOND, "police.worker")
    set_rotation(api, (FIRST, SECOND, "ywca.lead"))
    digits, link = rings(story, phones)
    sender = Sender(api)
    desk = at_the_desk("police.worker")
    paths = (f"/desk/referrals/{story.id}", f"/desk/referrals/{story.id}/history", "/desk/")

    def everything() -> Any:
        return sender.view(story.id), [as_page(desk.get(path)) for path in paths]

    before, told = everything(), len(phones.to(number("police.worker")))
    assert THANKS in said(keys(link, digits))
    assert at_desk(SECOND, story).status_code == 302
    work()
    assert claims(superuser, story) == [("call", 300), ("desk", 300)]
    assert everything() == before
    assert len(phones.to(number("police.worker"))) == told
    events = api("police.worker").get("/v1/events").json()
    assert "claim" not in str(events)
