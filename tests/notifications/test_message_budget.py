"""Messages about one referral to one line are paced, whatever acts cause them; what is urgent is
not."""

from typing import Any

import pytest

from referrals.notifications import message_queue, triggers
from tests.support.people.notifications import (
    keep,
    notified,
    number,
    off_duty,
    template_of,
    told_by_phone_too,
    work,
)
from tests.support.people.stories import PACKET, Story, to
from tests.support.servers.message_servers import MailServer, PhoneProvider


@pytest.fixture
def accepted(story: Story, mails: MailServer, phones: PhoneProvider, reachable: None) -> Story:
    story.accept()
    work()
    notified(phones, mails)
    return story


def call_back(story: Story, times: int, first: int = 0) -> None:
    """Each time another number: the same one again is no event."""
    for one in range(first, first + times):
        story.sends("set_callback", {"callback": f"406-555-01{one:02}"})


def test_sixty_acts_in_five_seconds_make_two_messages(
    accepted: Story, phones: PhoneProvider, shift_clock: Any
) -> None:
    """The first one, and a minute later one for all that came after it."""
    for tens in range(6):
        call_back(accepted, 10, 10 * tens)
        work()
    assert len(phones.to(number("ywca.worker"))) == 1
    shift_clock("20 seconds")
    work()
    assert len(phones.to(number("ywca.worker"))) == 1
    shift_clock("65 seconds")
    work()
    assert len(phones.to(number("ywca.worker"))) == 2
    shift_clock("10 minutes")
    work()
    assert len(phones.received) == 2


def test_an_act_each_minute_makes_six_messages_an_hour(
    accepted: Story, phones: PhoneProvider, shift_clock: Any
) -> None:
    """Of all acts that say the same: a new number, a release, a packet."""
    for minute in range(0, 50, 2):
        shift_clock(f"{minute} minutes")
        call_back(accepted, 1, minute)
        work()
    accepted.release(*PACKET).packet(**PACKET)
    work()
    assert len(phones.to(number("ywca.worker"))) == 6
    shift_clock("61 minutes")  # the first of them is an hour ago: the one that waited leaves
    work()
    assert len(phones.to(number("ywca.worker"))) == 7
    work()
    assert len(phones.received) == 7


def test_what_is_urgent_comes_at_once_whatever_was_sent_before(
    accepted: Story, api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    call_back(accepted, 20)
    work()
    assert notified(phones, mails) == {("ywca.worker", "changed")}
    accepted.sends("stop")
    work()
    assert notified(phones, mails) == {("ywca.worker", "stop")}
    other = Story(api, accepted.service_id).create(urgency="emergency").send()
    work()
    assert notified(phones, mails) == told_by_phone_too("notice")
    other.answers("acknowledge").answers("accept")
    work()
    assert [template_of(form["Body"]) for _, form in phones.received] == ["answered"]


def test_what_happens_within_a_minute_is_one_message_that_says_what_matters_most(
    accepted: Story, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    """Whatever the acts are called: a change, a request to call, another change."""
    call_back(accepted, 1)
    work()
    assert notified(phones, mails) == {("ywca.worker", "changed")}
    call_back(accepted, 1, 1)
    accepted.sends("call_me")
    work()
    call_back(accepted, 1, 2)
    work()
    assert notified(phones, mails) == set()
    shift_clock("65 seconds")
    work()
    assert [template_of(form["Body"]) for _, form in phones.received] == ["call_me"]
    shift_clock("10 minutes")
    work()
    assert len(phones.received) == 1


def test_the_hours_budget_is_one_for_all_that_may_wait(
    accepted: Story, phones: PhoneProvider, shift_clock: Any
) -> None:
    for minute in range(0, 40, 2):
        shift_clock(f"{minute} minutes")
        if minute % 4:
            accepted.sends("call_me")
        call_back(accepted, 1, minute)
        work()
    assert len(phones.to(number("ywca.worker"))) == 6


def test_what_is_leaving_is_followed_by_what_it_does_not_say(
    accepted: Story, phones: PhoneProvider, shift_clock: Any
) -> None:
    """Its words are with the provider already: they cannot say more."""
    call_back(accepted, 1)
    triggers.step()
    leaving = message_queue.claim_message("sms")
    assert leaving is not None
    accepted.sends("call_me")
    triggers.step()
    shift_clock("2 minutes")
    work()
    said = [template_of(form["Body"]) for _, form in phones.to(number("ywca.worker"))]
    assert sorted(said) == ["call_me", "changed"]


def test_two_answers_within_a_minute_are_told_once_and_a_later_one_again(
    story: Story, mails: MailServer, phones: PhoneProvider, reachable: None, shift_clock: Any
) -> None:
    story.send().answers("acknowledge")
    work()
    assert ("police.worker", "answered") in notified(phones, mails)
    story.answers("accept")
    work()
    assert notified(phones, mails) == set()
    shift_clock("65 seconds")
    work()
    assert notified(phones, mails) == {("police.worker", "answered")}


def test_something_was_changed_makes_no_call(
    story: Story, api: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    keep(api, "ywca.worker", "voice", "406-555-0184")
    story.send()
    off_duty(api, "ywca.worker", duty="on_call")
    story.answers("accept")
    work()
    phones.received.clear()
    story.sends("set_callback", {"callback": "406-555-0199"})
    work()
    assert [kind for kind, _ in phones.received] == ["sms"]
    story.sends("stop")
    work()
    assert {kind for kind, _ in phones.received} == {"sms", "voice"}


def test_each_line_and_each_referral_has_a_budget_of_its_own(
    accepted: Story, api: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    keep(api, "ywca.worker", "mail", "worker@ywca.invalid")
    call_back(accepted, 3)
    other = Story(api, accepted.service_id).accept()
    work()
    phones.received.clear()
    mails.received.clear()
    call_back(other, 3)
    work()
    assert [form["To"] for _, form in phones.received] == [number("ywca.worker")]
    assert [address for address, _ in mails.received] == ["worker@ywca.invalid"]


def test_a_referral_that_is_handed_to_and_fro_tells_each_once_a_minute(
    accepted: Story, api: Any, phones: PhoneProvider
) -> None:
    """What members do to their own side is budgeted, too."""
    for _ in range(5):
        for who, whom in (("ywca.worker", "ywca.worker2"), ("ywca.worker2", "ywca.worker")):
            body = to(whom) | {"keep": True}
            assert api(who).act(accepted.id, "hand_over", body).status_code == 200
            work()
    assert len(phones.to(number("ywca.worker"))) == 1
    assert len(phones.to(number("ywca.worker2"))) == 1
