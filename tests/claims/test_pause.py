"""What a claim does: calls to others of that side come later, and nothing else changes."""

from typing import Any

import pytest

from tests.support.people.awake import (
    THANKS,
    asked,
    at_desk,
    claims,
    keys,
    own_calls,
    rings,
    said,
    voices,
)
from tests.support.people.notifications import keep, notified, number, off_duty, work
from tests.support.people.rota import set_rotation
from tests.support.people.stories import Story, to
from tests.support.servers.message_servers import MailServer, PhoneProvider

FIRST, SECOND, LEAD = "ywca.worker2", "ywca.worker", "ywca.lead"
DESK = "+14065550161"


@pytest.fixture
def rota(api: Any, mails: MailServer, phones: PhoneProvider, reachable: None) -> PhoneProvider:
    voices(api, FIRST, SECOND, LEAD)
    set_rotation(api, (FIRST, SECOND, LEAD))
    work()
    phones.received.clear()
    return phones


def later(shift_clock: Any, minutes: float) -> None:
    shift_clock(f"{minutes} minutes")
    work()


def texts(phones: PhoneProvider, who: str) -> int:
    return sum(kind == "sms" for kind, _ in phones.to(number(who)))


def claim(story: Story, phones: PhoneProvider) -> None:
    digits, link = rings(story, phones)
    assert THANKS in said(keys(link, digits))


def test_a_call_to_another_is_postponed_and_made_when_it_ends(
    story: Story, rota: PhoneProvider, shift_clock: Any
) -> None:
    story.create(urgency="emergency").send()
    work()
    shift_clock("2 minutes")
    digits, link = asked(own_calls(rota, FIRST)[-1])
    keys(link, digits)
    later(shift_clock, 5.1)
    assert texts(rota, SECOND) == 1, "a text message goes on"
    assert own_calls(rota, SECOND) == []
    later(shift_clock, 6.9)
    assert own_calls(rota, SECOND) == []
    later(shift_clock, 7.1)
    assert len(own_calls(rota, SECOND)) == 1
    later(shift_clock, 9.9)
    assert len(own_calls(rota, SECOND)) == 1


def test_the_one_who_claimed_is_called_as_before(
    story: Story, rota: PhoneProvider, shift_clock: Any
) -> None:
    claim(story, rota)
    assert at_desk(SECOND, story).status_code == 302
    later(shift_clock, 4.99)
    before = len(own_calls(rota, FIRST)), len(own_calls(rota, SECOND))
    later(shift_clock, 5.2)
    after = len(own_calls(rota, FIRST)), len(own_calls(rota, SECOND))
    assert (before, after) == ((1, 0), (1, 1))
    assert "Gather" not in own_calls(rota, SECOND)[-1], "who has said so is not asked"


def test_the_pause_ends_at_the_time_to_acknowledge(
    story: Story, rota: PhoneProvider, shift_clock: Any
) -> None:
    story.create(urgency="emergency").send()
    work()
    shift_clock("9.9 minutes")
    digits, link = asked(own_calls(rota, FIRST)[-1])
    keys(link, digits)
    later(shift_clock, 10.1)
    assert (texts(rota, LEAD), own_calls(rota, LEAD)) == (1, [])
    later(shift_clock, 14.8)
    assert own_calls(rota, LEAD) == []
    later(shift_clock, 15.1)
    assert own_calls(rota, LEAD), "the alarm goes on"


def test_the_shared_line_is_not_called_meanwhile_and_claims_nothing(
    story: Story, api: Any, rota: PhoneProvider, shift_clock: Any
) -> None:
    keep(api, "ywca.admin", "voice", DESK, use="duty")
    rota.refuse[DESK] = 500  # it is tried again
    claim(story, rota)
    rota.refuse.clear()
    later(shift_clock, 2)
    assert rota.to(DESK) == []
    later(shift_clock, 5.1)
    assert len(rota.to(DESK)) == 1


def test_a_call_about_another_referral_is_made(story: Story, api: Any, rota: PhoneProvider) -> None:
    claim(story, rota)
    other = Story(api, story.service_id)
    off_duty(api, SECOND, duty="on_call")
    rings(other, rota)
    assert len(own_calls(rota, SECOND)) == 1


def test_what_ends_the_alarm_is_said_at_once(story: Story, api: Any, rota: PhoneProvider) -> None:
    off_duty(api, SECOND, duty="on_call")
    claim(story, rota)
    before = len(own_calls(rota, SECOND))
    story.sends("withdraw", {"code": "no_longer_wanted"})
    work()
    assert len(own_calls(rota, SECOND)) == before + 1


def test_calls_to_the_senders_side_go_on(
    story: Story, api: Any, rota: PhoneProvider, mails: MailServer
) -> None:
    voices(api, "police.worker2")
    claim(story, rota)
    assert api("police.worker").act(story.id, "assign", to("police.worker2")).status_code == 200
    work()
    assert len(own_calls(rota, "police.worker2")) == 1


def test_the_claim_of_one_who_is_barred_since_pauses_nothing(
    story: Story, api: Any, rota: PhoneProvider, shift_clock: Any
) -> None:
    claim(story, rota)
    assert api("ywca.lead").act(story.id, "block", to(FIRST)).status_code == 200
    rota.received.clear()
    work()
    later(shift_clock, 5.1)
    assert own_calls(rota, SECOND)


def test_one_a_person_and_referral_and_each_has_their_own(
    story: Story, rota: PhoneProvider, superuser: Any, shift_clock: Any
) -> None:
    claim(story, rota)
    shift_clock("4 minutes")
    assert at_desk(SECOND, story).status_code == 302
    shift_clock("6 minutes")
    assert at_desk(FIRST, story).status_code == 409
    assert at_desk(SECOND, story).status_code == 302
    assert claims(superuser, story) == [("call", 300), ("desk", 300)]


def test_a_claim_is_no_answer(
    story: Story, rota: PhoneProvider, mails: MailServer, shift_clock: Any
) -> None:
    claim(story, rota)
    later(shift_clock, 15.1)
    assert ("police.worker", "late") in notified_of(rota, mails)
    assert story.api("police.worker").get(f"/v1/referrals/{story.id}").json()["status"] == "sent"


def notified_of(phones: PhoneProvider, mails: MailServer) -> set[tuple[str, str]]:
    phones.received[:] = [one for one in phones.received if one[0] == "sms"]
    return notified(phones, mails)
