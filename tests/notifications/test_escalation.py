"""The ladder (docs/rules.md): who is called, in which order, when no one answered by the deadline.
It is exact after a restart, happens once with any number of workers, and the sender always knows.
"""

import threading
from typing import Any

import pytest
from django.db import connections

from referrals.deadlines import overdue
from referrals.notifications import escalation, message_queue, triggers
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.notifications import (
    DUTY,
    keep,
    notified,
    number,
    off_duty,
    told_by_phone_too,
    work,
)
from tests.support.people.stories import Story, service_of, to
from tests.support.servers.message_servers import MailServer, PhoneProvider

HOTLINE = "406-555-0101"


@pytest.fixture
def emergency(story: Story) -> Story:
    """ack_by after 15 minutes, accept_by after 30, expires_at after 2 hours."""
    story.create(urgency="emergency").send()
    return story


def at(shift_clock: Any, minutes: float) -> None:
    """So many minutes after the test began."""
    shift_clock(f"{minutes} minutes")
    work()


def to_the_contact(phones: PhoneProvider) -> list[str]:
    """Kinds of what went to the hotline since; taken off the list."""
    kinds = [kind for kind, form in phones.received if form["To"] == "+14065550101"]
    phones.received[:] = [one for one in phones.received if one[1]["To"] != "+14065550101"]
    return kinds


def test_nobody_answers_an_emergency(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    keep(api, "ywca.admin", "voice", HOTLINE, use="escalation")
    work()
    assert notified(phones, mails) == told_by_phone_too("notice")
    at(shift_clock, 14)
    assert notified(phones, mails) == set()
    at(shift_clock, 15.1)  # ack_by: the notice called the leads already, so the contact is next
    assert to_the_contact(phones) == ["voice"]
    assert notified(phones, mails) == {("police.worker", "late")}
    at(shift_clock, 30.1)  # accept_by: again
    assert to_the_contact(phones) == []
    assert notified(phones, mails) == {("police.worker", "late"), ("ywca.lead", "answer_now")}
    at(shift_clock, 35.2)  # not the contact again: it may be a hotline that serves others
    assert to_the_contact(phones) == []
    at(shift_clock, 121)
    assert to_the_contact(phones) == []
    assert notified(phones, mails) == {("police.worker", "expired")}
    assert api("police.worker").get(f"/v1/referrals/{emergency.id}").json()["status"] == "expired"


def test_who_answers_in_between_stops_the_ladder(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    keep(api, "ywca.admin", "voice", HOTLINE, use="escalation")
    work()
    notified(phones, mails)
    at(shift_clock, 15.1)
    assert to_the_contact(phones) == ["voice"]
    assert notified(phones, mails) == {("police.worker", "late")}
    emergency.answers("acknowledge")
    at(shift_clock, 21)
    assert notified(phones, mails) == {("police.worker", "answered")}
    emergency.answers("accept")
    at(shift_clock, 31)
    assert to_the_contact(phones) == []
    assert notified(phones, mails) == {("police.worker", "answered")}


def test_an_agency_of_one_her_phone_then_the_hotline_and_the_sender_knows(
    api: Any, shift_clock: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    keep(api, "solo.all", "voice", HOTLINE, use="escalation")
    story = Story(api, service_of("solo"), recipient="solo.all").create(urgency="emergency").send()
    work()
    assert notified(phones, mails) == {("solo.all", "notice")}
    at(shift_clock, 15.1)  # this step and the notice's reach the same person: it goes on at once
    assert to_the_contact(phones) == ["voice"]
    assert notified(phones, mails) == {("police.worker", "late")}
    shown = api("police.worker").get(f"/v1/referrals/{story.id}").json()
    assert shown["escalated_at"] is not None
    at(shift_clock, 30.1)  # at accept_by they are called again, and the hotline is not
    assert notified(phones, mails) == {("police.worker", "late"), ("solo.all", "answer_now")}
    at(shift_clock, 35.2)
    assert to_the_contact(phones) == []


def test_a_sender_makes_cairn_call_the_hotline_of_an_agency_of_one_again_and_again(
    api: Any, shift_clock: Any, mails: MailServer, phones: PhoneProvider, reachable: None
) -> None:
    """By one emergency after the other. It is called about five a day, and the sender's page says
    each time to call; another sender has five of its own."""
    keep(api, "solo.all", "voice", HOTLINE, use="escalation")
    for _ in range(8):
        story = Story(api, service_of("solo"), recipient="solo.all")
        story.create(urgency="emergency").send()
    work()
    notified(phones, mails)
    page = f"/desk/referrals/{story.id}"
    asked = "Call them yourself now."
    assert asked not in text_of(at_the_desk("police.worker").get(page).content)
    at(shift_clock, 15.1)
    assert to_the_contact(phones) == ["voice"] * escalation.MOST_CONTACTED
    # The others call the agency's own member, who is all there is.
    assert notified(phones, mails) == {("police.worker", "late"), ("solo.all", "answer_now")}
    assert asked in text_of(at_the_desk("police.worker").get(page).content)
    assert asked not in text_of(at_the_desk("solo.all").get(page).content)
    at(shift_clock, 40)
    assert to_the_contact(phones) == []
    other = Story(api, service_of("solo"), sender="hospital.worker", recipient="solo.all")
    other.create(urgency="emergency").send()
    at(shift_clock, 56)
    assert to_the_contact(phones) == ["voice"]
    shift_clock("26 hours")
    later = Story(api, service_of("solo"), recipient="solo.all").create(urgency="emergency")
    later.send()
    at(shift_clock, 26 * 60 + 16)
    assert to_the_contact(phones) == ["voice"]


def test_a_contact_who_is_the_agencys_own_is_called_at_each_deadline(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    """What a deadline brings to its own people is never held back."""
    off_duty(api, "ywca.worker", duty="on_call")  # the notice calls this phone, and no lead's
    keep(api, "ywca.admin", "voice", HOTLINE, use="escalation")
    keep(api, "ywca.admin", "voice", HOTLINE)
    work()
    for minutes in (20.2, 35.2):
        at(shift_clock, minutes - 5.1)
        at(shift_clock, minutes)
        assert to_the_contact(phones) == ["voice"], minutes


def test_a_contact_who_is_a_lead_is_rung_once(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    off_duty(api, "ywca.worker", duty="on_call")  # the notice calls this phone, and no lead's
    keep(api, "ywca.admin", "sms", "(406) 555-0183", use="escalation")  # her own number
    work()
    notified(phones, mails)
    for minutes in (10.1, 15.1):  # before the deadline as a lead, at the deadline as the contact
        at(shift_clock, minutes)
        assert len(phones.to(number("ywca.lead"))) == 1
        notified(phones, mails)
    at(shift_clock, 21)
    assert phones.received == []


def test_leads_who_are_off_duty_are_passed_over_at_once(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    keep(api, "ywca.admin", "voice", HOTLINE, use="escalation")
    off_duty(api, "ywca.lead")
    work()
    notified(phones, mails)
    at(shift_clock, 15.1)
    assert to_the_contact(phones) == ["voice"]
    assert notified(phones, mails) == {("police.worker", "late")}


def test_the_sender_knows_even_if_every_rung_is_dead(
    emergency: Story, api: Any, shift_clock: Any, mails: MailServer, phones: PhoneProvider
) -> None:
    """No one there has a channel, and the sender's own is refused. The sender's desk is notified,
    and the referral shows it."""
    keep(api, "police.worker", "sms", "406-555-0171")
    keep(api, "police.admin", "mail", DUTY["police"], use="duty")
    phones.refuse[number("police.worker")] = 400
    work()
    at(shift_clock, 15.1)
    assert notified(phones, mails) == {("police", "late")}
    steps = api("police.worker").get(f"/v1/referrals/{emergency.id}/history").json()["items"]
    assert [one["code"] for one in steps if one["act"] == "escalated"] == ["ack_by"]


def test_without_a_lead_or_a_contact_everybody_is_rung(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    off_duty(api, "ywca.lead")
    work()
    notified(phones, mails)
    at(shift_clock, 15.1)
    phones_told = {(who, "answer_now") for who in ("ywca.worker", "ywca.worker2")}
    expected = {("police.worker", "late"), ("ywca", "answer_now")} | phones_told
    assert notified(phones, mails) == expected


def test_of_a_blocked_referral_no_mailbox_and_no_contact_is_rung(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    keep(api, "ywca.admin", "voice", HOTLINE, use="escalation")
    assert api("ywca.lead").act(emergency.id, "block", to("ywca.worker2")).status_code == 200
    work()
    notified(phones, mails)
    for minutes in (15.1, 20.2, 30.1, 35.2):
        at(shift_clock, minutes)
        assert to_the_contact(phones) == []
    assert {who for who, _ in notified(phones, mails)} == {
        "police.worker",
        "ywca.lead",
        "ywca.worker",
    }


def test_the_hand_off_climbs_inside_the_recipient_alone(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    keep(api, "ywca.admin", "voice", HOTLINE, use="escalation")
    emergency.answers("accept")
    work()
    notified(phones, mails)
    at(shift_clock, 31)
    assert notified(phones, mails) == {("ywca.worker", "answer_now")}
    at(shift_clock, 36.2)
    assert notified(phones, mails) == {("ywca.lead", "answer_now")}
    assert to_the_contact(phones) == []


def test_an_attempt_stops_the_ladder_of_the_hand_off(
    emergency: Story,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    emergency.answers("accept")
    at(shift_clock, 31)
    notified(phones, mails)
    emergency.answers("record_attempt", {"result": "not_connected"})
    at(shift_clock, 37)
    assert notified(phones, mails) == set()


# -- Exact, and once -------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_rings_nobody_twice(
    emergency: Story,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    work()
    at(shift_clock, 15.1)
    assert len(notified(phones, mails)) == 9  # notice and alarm to four lines, and the sender's
    for minutes in (-60, 10, 16, 17):
        at(shift_clock, minutes)
    assert notified(phones, mails) == set()


def test_what_came_due_while_nothing_ran_is_rung_once_at_the_restart(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    at(shift_clock, 40)  # the first work since it was sent
    told = notified(phones, mails)
    urged = ("police.worker", "late"), ("ywca.lead", "answer_now")
    assert told == told_by_phone_too("notice", *urged)
    steps = api("police.worker").get(f"/v1/referrals/{emergency.id}/history").json()["items"]
    assert [one["code"] for one in steps if one["act"] == "escalated"] == ["accept_by"]


def test_two_schedulers_at_once_do_no_harm(
    emergency: Story,
    api: Any,
    shift_clock: Any,
    superuser: Any,
    mails: MailServer,
    phones: PhoneProvider,
    reachable: None,
) -> None:
    others = [Story(api, emergency.service_id).create(urgency="emergency") for _ in range(4)]
    for other in others:
        other.send()
    shift_clock("15.1 minutes")
    barrier = threading.Barrier(4)
    failed: list[BaseException] = []

    def work_too() -> None:
        try:
            barrier.wait()
            for _ in range(20):
                escalation.step()
                triggers.step()
                message_queue.mail_step()
                message_queue.sms_step()
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work_too) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    work()
    with superuser.cursor() as cursor:
        for seconds in (6, 20, 45):  # what a busy machine did not take at once is tried again
            cursor.execute("SELECT count(*) FROM message WHERE state = 'waiting' AND tries > 0")
            if cursor.fetchone() != (0,):
                shift_clock(f"15.1 minutes {seconds} seconds")
                work()
        cursor.execute(
            "SELECT template, kind, state, outcome, count(*) FROM message GROUP BY 1, 2, 3, 4"
        )
        queue = sorted(map(str, cursor.fetchall()))
    assert len(phones.to(number("ywca.lead"))) == 10, queue  # the notice, and the deadline
    assert len(phones.to(number("police.worker"))) == 5, queue
    assert len(mails.of(DUTY["ywca"])) == 10, queue
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM referral_event WHERE act = 'escalated'")
        assert cursor.fetchone() == (5,)
    assert overdue.missed_deadlines() == []
