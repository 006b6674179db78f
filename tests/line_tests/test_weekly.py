"""A test each week to each proven phone line: which lines, when, how often, and what waits for
what."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from permissions.database.advisory_locks import CALLING, try_lock
from permissions.database.aliases import JOBS
from referrals import models as m
from referrals.notifications import message_queue, transports, triggers, voice_calls
from referrals.notifications.line_tests import weekly
from referrals.on_call import changes
from tests.support.people import line_tests as scene
from tests.support.people.callers import member_id
from tests.support.people.line_tests import DAY, DENVER, HOUR, WEEK, monday, pass_week, set_clock
from tests.support.people.notifications import add, keep, off_duty
from tests.support.people.notifications import work as send_messages
from tests.support.people.rota import principal, set_rotation
from tests.support.people.stories import Story
from tests.support.servers.message_servers import MailServer, PhoneProvider

OWN = scene.early_number()
DUTY, OUTSIDE, UNPROVEN = (f"+1406555018{number}" for number in range(3))
NOON = 12 * HOUR


@pytest.fixture(autouse=True)
def provider(mails: MailServer, phones: PhoneProvider) -> PhoneProvider:
    return phones


@pytest.fixture
def own_line(api: Any) -> str:
    return keep(api, "ywca.worker", "voice", OWN)


def by_number(provider: PhoneProvider) -> Counter[str]:
    return Counter(form["To"] for _kind, form in provider.received)


def due(shift_clock: Any) -> datetime:
    """Let the clock be where the only line's test is due, half an hour before its hours end."""
    moment = monday() + 4 * DAY + 17 * HOUR + timedelta(minutes=30)
    set_clock(shift_clock, moment)
    return moment


def kept() -> list[m.LineTest]:
    return list(m.LineTest.objects.using("signin").order_by("at"))


def test_each_proven_phone_line_is_tested_once_a_week_and_no_other(
    api: Any, provider: PhoneProvider, mails: MailServer, shift_clock: Any, own_line: str
) -> None:
    keep(api, "ywca.admin", "sms", DUTY, use="duty")
    keep(api, "ywca.admin", "voice", OUTSIDE, use="escalation")
    keep(api, "ywca.worker", "mail", "worker@ywca.invalid")
    add(api, "ywca.worker", "voice", UNPROVEN)
    pass_week(shift_clock)
    assert by_number(provider) == {OWN: 1, DUTY: 1}
    pass_week(shift_clock, 1)
    assert by_number(provider) == {OWN: 2, DUTY: 2}
    assert mails.received == []
    assert len(scene.calls(provider, OWN)) == 2
    assert len(set(scene.links(provider, DUTY))) == 2


def test_a_line_is_tested_in_the_agencys_hours(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    for number in range(12):
        keep(api, "ywca.worker", "sms", f"+140655501{number + 60}")
    for hour in range(7 * 24):
        set_clock(shift_clock, monday() + hour * HOUR + timedelta(minutes=59))
        weekly.step()
    times = [one.at.astimezone(DENVER) for one in kept()]
    assert len(times) == 13
    assert all(one.weekday() < 5 and 10 <= one.hour < 18 for one in times), times
    assert len(set(times)) > 3, "they are spread"


def test_what_is_said_is_neutral(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    keep(api, "ywca.admin", "sms", DUTY, use="duty", language="es")
    pass_week(shift_clock)
    said = [form.get("Twiml", "") + form.get("Body", "") for _kind, form in provider.received]
    assert len(said) == 2
    for one in said:
        for word in ("referral", "survivor", "YWCA", "Demo", "shelter", "Yve", "Example"):
            assert word.lower() not in one.lower().replace("cairn.example", ""), one
    (body,) = (form["Body"] for kind, form in provider.received if kind == "sms")
    assert len(body) <= 160
    assert body.isascii()


def test_a_private_number_is_tested_while_its_member_is_on_call(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    begin = monday() + 5 * DAY + 14 * HOUR  # a Saturday, when the agency is closed
    lead = principal(api, "ywca.lead")
    shift = member_id("ywca.worker"), "first", begin, begin + 3 * HOUR
    changes.add_shift(lead, *shift)
    send_messages()  # the member is asked to check their shifts
    pass_week(shift_clock)
    ((at,),) = [[one.at] for one in kept()]
    assert begin <= at < begin + 3 * HOUR


def test_who_is_on_call_all_week_is_tested_by_day(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    for other in ("ywca.worker2", "ywca.lead"):
        keep(api, other, "sms", f"+1406555015{len(other) % 10}")
    set_rotation(api, has_second=False, weekday=0, anchor=monday().astimezone(DENVER).date())
    send_messages()
    for hour in range(7 * 24):
        set_clock(shift_clock, monday() + hour * HOUR + timedelta(minutes=59))
        weekly.step()
    assert len(kept()) == 3
    for one in kept():
        assert 8 <= one.at.astimezone(DENVER).hour < 21


@pytest.mark.parametrize("why", ["off duty", "away", "left out"])
def test_who_is_away_or_off_duty_is_not_tested(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str, why: str
) -> None:
    if why == "off duty":
        off_duty(api, "ywca.worker")
    elif why == "away":
        lead, begin = principal(api, "ywca.lead"), monday()
        changes.add_shift(lead, member_id("ywca.worker"), "away", begin, begin + WEEK)
        send_messages()
        provider.received.clear()
    else:
        assert api("ywca.worker").delete(f"/v1/channels/{own_line}").status_code == 204
    pass_week(shift_clock)
    assert provider.received == []
    assert kept() == []


def test_a_number_that_several_share_is_tested_once(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    keep(api, "ywca.lead", "voice", OWN)
    keep(api, "ywca.admin", "sms", OWN, use="duty")
    keep(api, "police.worker", "voice", OWN)
    pass_week(shift_clock)
    pass_week(shift_clock, 1)
    assert by_number(provider) == {OWN: 2}
    kinds = [kind for kind, _form in provider.received]
    assert set(kinds) == {"sms", "voice"}, "they take turns"


def test_a_number_that_is_removed_and_added_again_is_not_tested_twice(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    pass_week(shift_clock)
    set_clock(shift_clock, monday() + 4 * DAY + NOON)
    assert api("ywca.worker").delete(f"/v1/channels/{own_line}").status_code == 204
    keep(api, "ywca.worker", "voice", OWN)
    set_clock(shift_clock, monday() + 4 * DAY + 18 * HOUR - timedelta(minutes=1))
    scene.send()
    assert by_number(provider) == {OWN: 1}


# -- Next to real messages -------------------------------------------------------------------------


def test_a_test_waits_while_a_message_waits_for_its_number(
    api: Any, story: Story, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    moment = due(shift_clock) - HOUR
    set_clock(shift_clock, moment)
    off_duty(api, "ywca.worker", duty="on_call")
    weekly.step()
    story.send()
    triggers.step()
    while message_queue.line_test_step():
        pass
    assert provider.received == []
    send_messages()
    assert [form["To"] for _kind, form in provider.received] == [OWN]
    assert scene.calls(provider, OWN) == []
    set_clock(shift_clock, moment + timedelta(minutes=9))
    while message_queue.line_test_step():
        pass
    assert scene.calls(provider, OWN) == [], "the number was called just now"
    set_clock(shift_clock, moment + timedelta(minutes=20))
    while message_queue.line_test_step():
        pass
    assert len(scene.calls(provider, OWN)) == 1


def test_messages_pass_over_tests_that_wait(
    api: Any, story: Story, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    """However many tests wait, none of them is taken up by the job that sends messages."""
    due(shift_clock)
    weekly.step()
    off_duty(api, "ywca.worker", duty="on_call")
    story.send()
    send_messages()
    assert len(provider.received) == 1
    assert "line/call" not in provider.received[0][1]["Twiml"]


def test_a_weekly_test_takes_nothing_of_what_a_member_may_ask_for(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    moment = due(shift_clock)
    scene.work()
    assert len(scene.calls(provider, OWN)) == 1
    for minute in (1, 3):
        set_clock(shift_clock, moment + timedelta(minutes=minute))
        answer = api("ywca.worker").post(f"/v1/channels/{own_line}/ring")
        assert answer.status_code == 202, answer.content
    send_messages()
    assert len(scene.calls(provider, OWN)) == 3
    assert Counter(one.week is None for one in kept()) == {True: 2, False: 1}


def test_ten_lines_a_minute_are_tested_at_most(
    api: Any, provider: PhoneProvider, shift_clock: Any
) -> None:
    for number in range(12):
        keep(api, "ywca.worker", "sms", f"+140655501{number + 60}")
    moment = due(shift_clock) + timedelta(minutes=19)
    set_clock(shift_clock, moment)
    for _again in range(3):
        scene.work()
    sent = len(provider.received)
    assert sent == 10
    set_clock(shift_clock, moment + timedelta(seconds=30))
    scene.work()
    assert len(provider.received) == 10
    set_clock(shift_clock, moment + timedelta(minutes=10))
    scene.work()
    assert len(provider.received) == 12


def test_a_test_is_given_up_when_its_hours_are_over_and_comes_again_in_them(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    moment = due(shift_clock)
    weekly.step()
    (waiting,) = kept()
    set_clock(shift_clock, moment + timedelta(minutes=31))
    assert message_queue.line_test_step()
    assert provider.received == []
    assert kept() == []
    assert not m.Message.objects.using(JOBS).filter(cause=waiting.id).exists()
    pass_week(shift_clock, 1)
    assert by_number(provider) == {OWN: 1}


def test_without_a_provider_no_test_is_queued(
    api: Any, shift_clock: Any, own_line: str, settings: Any
) -> None:
    settings.SENDERS = settings.SENDERS | {"phone": None}
    due(shift_clock)
    weekly.step()
    assert kept() == []


# -- Twice, at once, killed ------------------------------------------------------------------------


def test_two_workers_at_once_make_one_test(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    due(shift_clock)
    together = threading.Barrier(2)

    def run() -> None:
        try:
            together.wait(30)
            scene.work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(run) for _ in range(2)]:
            one.result()
    scene.work()
    assert len(provider.received) == 1
    assert len(kept()) == 1


@pytest.fixture
def killed(api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str) -> Any:
    """A worker that took a test up, wrote it down, perhaps made the call, and died."""

    def die(*, made: bool) -> datetime:
        moment = due(shift_clock) - HOUR
        set_clock(shift_clock, moment)
        weekly.step()
        claimed = message_queue.claim_message("voice", tests=True)
        assert claimed is not None
        outgoing = message_queue._outgoing(claimed)
        assert outgoing is not None
        with try_lock(JOBS, CALLING, outgoing.address) as free:
            assert free
            assert voice_calls.begin_call(claimed.id, claimed.lease)
            if made:
                transports.send(outgoing)
                # What the provider lists has its time, which is the clock's here.
                provider.kept[:] = [
                    (kind, datetime.now(UTC) + timedelta(days=30), form)
                    for kind, _at, form in provider.kept
                ]
        return moment

    return die


@pytest.mark.parametrize("made", [True, False])
def test_a_killed_worker_makes_no_second_call_and_loses_none(
    killed: Any, provider: PhoneProvider, shift_clock: Any, made: bool
) -> None:
    moment = killed(made=made)
    scene.work()
    assert len(provider.received) == made
    set_clock(shift_clock, moment + timedelta(seconds=50))
    scene.work()
    assert len(scene.calls(provider, OWN)) == 1
    (test,) = kept()
    assert test.sent_at is not None
    scene.press(scene.calls(provider, OWN)[0])
    assert kept()[0].answered_at is not None


def test_a_test_call_that_was_made_is_not_taken_for_a_message(
    api: Any, story: Story, killed: Any, provider: PhoneProvider, shift_clock: Any
) -> None:
    """It is in the provider's list; a real call to the number has to be made all the same."""
    killed(made=True)
    off_duty(api, "ywca.worker", duty="on_call")
    story.send()
    send_messages()
    told = m.Message.objects.using(JOBS).values_list("template", "state", "outcome", "tries")
    assert len(provider.received) == 2, list(told)
    assert "line/call" not in provider.received[1][1]["Twiml"]


def test_a_number_that_the_provider_refuses_was_tested(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    provider.refuse[OWN] = 400
    pass_week(shift_clock)
    ((sent_at, answered_at),) = [(one.sent_at, one.answered_at) for one in kept()]
    assert sent_at is not None
    assert answered_at is None


def test_a_provider_that_is_down_says_nothing_of_a_line(
    api: Any, provider: PhoneProvider, shift_clock: Any, own_line: str
) -> None:
    provider.refuse[OWN] = 503
    provider.dumb = True
    for quarter in range(16):
        set_clock(
            shift_clock, monday() + 4 * DAY + 14 * HOUR + quarter * 15 * scene.MINUTE - scene.MINUTE
        )
        scene.send()
    assert [one.sent_at for one in kept()] == [None]
    assert provider.received == []
