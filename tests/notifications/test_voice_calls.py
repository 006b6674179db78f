"""A call is made once, also by workers that are killed and when answers are lost.

Killed for real, a hundred times: tests/worker/test_workers_killed.py.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections, transaction

from permissions.database.advisory_locks import CALLING, try_lock
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.enrollment import sealed_messages as queued
from permissions.enrollment.sealed_messages import Address
from permissions.models import SealedMessage
from referrals.notifications import (
    escalation,
    message_queue,
    sealed_messages,
    transports,
    triggers,
    voice_calls,
)
from tests.support.people.notifications import keep, off_duty, states, work
from tests.support.people.stories import Story
from tests.support.servers.message_servers import MailServer, PhoneProvider

DESK = "+14065550161"


@pytest.fixture
def by_voice(api: Any, mails: MailServer, phones: PhoneProvider) -> PhoneProvider:
    keep(api, "ywca.admin", "voice", DESK, use="duty")
    return phones


def killed_while_calling(story: Story, *, made: bool) -> None:
    """As a worker that took the call up, wrote it down, and perhaps made it, leaves it."""
    story.send()
    triggers.step()
    claimed = message_queue.claim_message("voice")
    assert claimed is not None
    outgoing = message_queue._outgoing(claimed)
    assert outgoing is not None
    with try_lock(JOBS, CALLING, outgoing.address) as free:
        assert free
        assert voice_calls.begin_call(claimed.id, claimed.lease)
        if made:
            transports.send(outgoing)


def test_a_call_that_a_killed_worker_made_is_found_and_not_made_again(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    killed_while_calling(story, made=True)
    shift_clock("46 seconds")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2)]
    assert len(by_voice.received) == 1


def test_a_call_that_a_killed_worker_never_made_is_made(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    Story(api, story.service_id).send()
    work()  # an earlier one, which the provider lists, too
    killed_while_calling(story, made=False)
    shift_clock("46 seconds")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2), ("sent", "handed_over", 1)]
    assert len(by_voice.received) == 2


@pytest.mark.parametrize("made", [True, False])
def test_the_next_call_to_that_number_waits_until_it_is_known(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any, made: bool
) -> None:
    """Else two would be unknown at once, and one could be taken for the other."""
    killed_while_calling(story, made=made)
    Story(api, story.service_id).send()
    triggers.step()
    assert message_queue.voice_step()
    newest, oldest = states(api, "ywca.admin")
    if made:  # it is in the provider's list
        assert (newest, oldest) == (("sent", "handed_over", 1), ("sent", "handed_over", 1))
    else:  # it may come into it yet
        assert (newest, oldest) == (("waiting", None, 0), ("waiting", None, 1))
    shift_clock("46 seconds")
    work()
    assert {state for state, _, _ in states(api, "ywca.admin")} == {"sent"}
    assert len(by_voice.received) == 2
    assert len({form["Twiml"] for _, form in by_voice.received}) == 2


def test_while_one_calls_a_number_nobody_else_does(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    keep(api, "ywca.worker", "voice", "406-555-0162")
    off_duty(api, "ywca.worker", duty="on_call")
    story.send()
    triggers.step()
    taken, go_on = threading.Event(), threading.Event()

    def call() -> None:
        try:
            with try_lock(JOBS, CALLING, DESK) as free:
                assert free
                taken.set()
                assert go_on.wait(30)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(call)
        assert taken.wait(30)
        try:
            assert [message_queue.voice_step() for _ in range(3)] == [True, True, False]
            assert [form["To"] for _, form in by_voice.received] == ["+14065550162"]
        finally:
            go_on.set()
        other.result()
    shift_clock("2 seconds")
    work()
    assert sorted(form["To"] for _, form in by_voice.received) == [DESK, "+14065550162"]


def test_an_answer_that_is_lost_makes_no_second_call(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    by_voice.silent = True
    story.send()
    work()
    ((state, _, tries),) = states(api, "ywca.admin")
    assert (state, tries) == ("waiting", 1)
    by_voice.kept += [
        ("voice", at, form | {"To": "+14065550163", "Sid": f"CA{n}"})
        for n, (_, at, form) in enumerate(by_voice.kept * 150)
    ]
    shift_clock("1 minute")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 2)]
    assert len(by_voice.received) == 1


def test_a_provider_that_lists_nothing_is_asked_again_before_it_is_rung(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    killed_while_calling(story, made=True)
    by_voice.dumb = True
    shift_clock("46 seconds")
    work()
    assert states(api, "ywca.admin") == [("waiting", "TwilioException", 2)]
    by_voice.dumb = False
    shift_clock("2 minutes")
    work()
    assert states(api, "ywca.admin") == [("sent", "handed_over", 3)]
    assert len(by_voice.received) == 1


def test_a_test_call_that_was_made_and_not_written_down_says_so_on_its_channel(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    (channel,) = api("ywca.admin").get("/v1/channels").json()["agencys"]
    assert api("ywca.admin").post(f"/v1/channels/{channel['id']}/ring").status_code == 202
    by_voice.silent = True
    work()
    shift_clock("1 minute")
    story.send()
    work()
    (channel,) = api("ywca.admin").get("/v1/channels").json()["agencys"]
    assert channel["test_outcome"] == "handed_over"
    assert len(by_voice.received) == 2


def test_a_call_that_is_no_longer_needed_is_still_known_to_the_next_caller(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any, superuser: Any
) -> None:
    """The call was made and not recorded; then a member answered. Otherwise the next call, with an
    unknown result too, would be taken for made."""
    killed_while_calling(story, made=True)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE message SET template = %s", [min(escalation.URGING)])
    Story(api, story.service_id).send()
    story.answers("acknowledge")
    shift_clock("46 seconds")
    assert message_queue.voice_step()  # the first: dropped
    outcomes = {outcome for _, outcome, _ in states(api, "ywca.admin")}
    assert "needless" in outcomes, outcomes
    work()
    assert [state for state, _, _ in states(api, "ywca.admin")] == ["sent", "sent"]
    assert len(by_voice.received) == 2


def test_a_late_worker_makes_no_call_that_another_has_taken_up(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    story.send()
    triggers.step()
    late = message_queue.claim_message("voice")
    assert late is not None
    shift_clock("46 seconds")
    assert message_queue.claim_message("voice") is not None
    assert not voice_calls.begin_call(late.id, late.lease)


def test_a_call_with_a_code_is_not_taken_for_one_of_an_unknown_outcome(
    story: Story, api: Any, by_voice: PhoneProvider, shift_clock: Any
) -> None:
    """Both go to one number; the provider's list does not say what was said."""
    killed_while_calling(story, made=False)
    with transaction.atomic(using="signin"):
        to, ends = Address("voice", DESK), database_now("signin") + timedelta(minutes=10)
        queued.queue(uuid4(), to, "spoken_code", "123456", ends, "signin")
    while sealed_messages.step():
        pass
    assert len(by_voice.received) == 1
    shift_clock("46 seconds")
    work()
    assert len(by_voice.received) == 2, "the other one was never made, and is made now"
    SealedMessage.objects.all().delete()
