"""The ladder by the rota: who is on call, the second person, the leads; and what is passed over."""

import select
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from referrals.job_wakeup import CHANNEL
from referrals.notifications import message_queue, triggers
from referrals.on_call import changes
from tests.support.ground.cluster import own_cluster
from tests.support.people.callers import member_id
from tests.support.people.notifications import keep, notified, number, off_duty, work
from tests.support.people.rota import now, principal, set_rotation
from tests.support.people.stories import Story, to
from tests.support.servers.message_servers import MailServer, PhoneProvider

MAILBOX = ("ywca", "notice")


def at(shift_clock: Any, minutes: float) -> None:
    shift_clock(f"{minutes} minutes")
    work()


def away(api: Any, who: str) -> None:
    lead = principal(api, "ywca.lead")
    changes.add_shift(lead, member_id(who), "away", now(), now() + timedelta(days=2))
    work()


@pytest.fixture
def rota(api: Any, mails: MailServer, phones: PhoneProvider, reachable: None) -> None:
    set_rotation(api, ("ywca.worker2", "ywca.worker", "ywca.lead"))
    work()
    notified(phones, mails)


def test_the_silence_of_an_emergency_climbs_before_the_deadline(
    story: Story, rota: None, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    story.create(urgency="emergency").send()
    work()
    assert notified(phones, mails) == {MAILBOX, ("ywca.worker2", "notice")}
    at(shift_clock, 4.9)
    assert notified(phones, mails) == set()
    at(shift_clock, 5.1)
    assert notified(phones, mails) == {("ywca.worker", "unanswered")}
    at(shift_clock, 10.1)
    assert notified(phones, mails) == {("ywca.lead", "unanswered")}
    at(shift_clock, 15.1)  # everyone there was notified: the sender is
    assert ("police.worker", "late") in notified(phones, mails)


def test_who_acknowledges_ends_the_climb(
    story: Story, rota: None, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    story.create(urgency="emergency").send()
    work()
    notified(phones, mails)
    story.answers("acknowledge")
    at(shift_clock, 11)
    assert notified(phones, mails) == {("police.worker", "answered")}


def test_what_is_no_emergency_does_not_climb_before_its_deadline(
    story: Story, rota: None, mails: MailServer, phones: PhoneProvider, shift_clock: Any
) -> None:
    story.send()
    work()
    assert notified(phones, mails) == {MAILBOX, ("ywca.worker2", "notice")}
    at(shift_clock, 59)
    assert notified(phones, mails) == set()
    at(shift_clock, 60.1)
    assert notified(phones, mails) == {("ywca.lead", "answer_now"), ("police.worker", "late")}


def test_all_of_her_own_lines_are_told_at_once(
    story: Story, api: Any, rota: None, mails: MailServer, phones: PhoneProvider
) -> None:
    keep(api, "ywca.worker2", "voice", "406-555-0182")
    keep(api, "ywca.worker2", "mail", "worker2@ywca.invalid")
    story.create(urgency="emergency").send()
    work()
    kinds = {kind for kind, form in phones.received if form["To"] == number("ywca.worker2")}
    assert kinds == {"sms", "voice"}
    assert mails.of("worker2@ywca.invalid")


def test_who_is_off_duty_ill_or_barred_is_passed_over(
    story: Story,
    api: Any,
    rota: None,
    mails: MailServer,
    phones: PhoneProvider,
    shift_clock: Any,
) -> None:
    off_duty(api, "ywca.worker2")
    story.create(urgency="emergency").send()
    work()
    assert notified(phones, mails) == {MAILBOX, ("ywca.worker", "notice")}
    away(api, "ywca.worker")
    notified(phones, mails)
    Story(api, story.service_id).create(urgency="emergency").send()
    work()
    assert notified(phones, mails) == {MAILBOX, ("ywca.lead", "notice")}
    off_duty(api, "ywca.worker2", duty="reachable")
    barred = Story(api, story.service_id).create(urgency="emergency").send()
    assert api("ywca.lead").act(barred.id, "block", to("ywca.worker2")).status_code == 200
    notified(phones, mails)
    work()
    assert {who for who, _ in notified(phones, mails)} == {"ywca.lead"}


def test_who_is_away_everywhere_is_still_told_where_no_one_else_is_there(
    story: Story, api: Any, rota: None, mails: MailServer, phones: PhoneProvider
) -> None:
    for one in ("ywca.worker", "ywca.worker2", "ywca.lead"):
        away(api, one)
    notified(phones, mails)
    story.create(urgency="emergency").send()
    work()
    told = {who for who, _ in notified(phones, mails)}
    assert told == {"ywca", "ywca.worker", "ywca.worker2", "ywca.lead"}


def test_the_workers_jobs_are_woken_from_the_sending_to_the_own_device(
    story: Story, api: Any, rota: None, mails: MailServer, phones: PhoneProvider
) -> None:
    """By the commit of each step, so that no pace of a job adds up: the event wakes `tell`, and the
    message wakes the job of its kind."""
    story.create(urgency="emergency")
    with closing(own_cluster().connect_superuser(connection.settings_dict["NAME"])) as session:
        session.cursor().execute(f"LISTEN {CHANNEL}")
        story.send()
        assert "tell" in hints(session, "tell")
        triggers.step()
        assert "sms" in hints(session, "sms")
        while message_queue.sms_step():
            pass
    assert phones.to(number("ywca.worker2"))


def hints(session: Any, wanted: str) -> set[str]:
    """What was said on the channel, until `wanted` was or nothing more comes."""
    heard: set[str] = set()
    while wanted not in heard and select.select([session], [], [], 10)[0]:
        session.poll()
        heard |= {session.notifies.pop().payload for _ in range(len(session.notifies))}
    return heard
