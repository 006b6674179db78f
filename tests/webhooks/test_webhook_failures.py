"""A receiver that fails: when it is tried again, and who is notified."""

from typing import Any

import pytest

from referrals.notifications import message_queue
from referrals.webhooks import outbox
from tests.support.people.notifications import keep, template_of
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work
from tests.support.servers.message_servers import MailServer, PhoneProvider
from tests.support.servers.webhook_receiver import Receiver, ok, receivers
from tests.webhooks.endpoints import deliveries, events, made, resume, shown, told
from tests.webhooks.endpoints import kept as kept  # a fixture


def test_a_receiver_that_fails_is_tried_again_and_gets_all_in_order(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    hook = made(api, receiver)
    receiver.answer = ok("500 Oops")
    story.accept()
    work()
    assert shown(api, hook)["state"] == "failing"
    first = receiver.ids()
    assert len(first) == 1, "what follows waits for it"
    work()
    assert receiver.ids() == first, "not before its time"
    shift_clock("10 seconds")
    work()
    assert receiver.ids() == first * 2, "under the same webhook-id"
    receiver.answer = ok()
    shift_clock("20 minutes")
    work()
    assert receiver.first_ids() == [one["id"] for one in events(api, "ywca.worker")]
    assert shown(api, hook)["state"] == "ok"
    outcomes = [(one["outcome"], one["status"]) for one in deliveries(api, hook)]
    assert outcomes == [("delivered", 200)] * 2 + [("refused", 500)] * 2


def test_the_ladder_lasts_75_hours_and_then_the_owner_is_shown_that_it_was_given_up(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    hook = made(api, receiver)
    receiver.answer = ok("503 Later")
    story.send()
    rests = [outbox.retry_after_s(tries) for tries in range(1, len(outbox.LADDER_S) + 1)]
    assert all(rests)
    assert 75 * 3600 < sum(outbox.LADDER_S) < 76 * 3600
    assert outbox.retry_after_s(len(outbox.LADDER_S) + 1) is None
    passed = 0.0
    for tries in range(1, len(outbox.LADDER_S) + 2):
        work()
        assert len(receiver.had) == tries
        if tries <= len(outbox.LADDER_S):
            passed += outbox.LADDER_S[tries - 1] * (1 + outbox.JITTER)
            shift_clock(f"{passed} seconds")
    assert shown(api, hook)["state"] == "given_up"
    shift_clock("200 hours")
    work()
    assert len(receiver.had) == len(outbox.LADDER_S) + 1
    # The owner resumes it, and nothing was lost.
    receiver.answer = ok()
    resume(api, hook)
    Story(api, story.service_id).send()
    work()
    assert receiver.first_ids() == [one["id"] for one in events(api, "ywca.worker")]


def test_a_receiver_that_says_410_is_asked_no_more_until_its_owner_says_so(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    hook = made(api, receiver)
    receiver.answer = ok("410 Gone")
    story.send()
    work()
    assert shown(api, hook)["state"] == "gone"
    shift_clock("100 hours")
    work()
    assert len(receiver.had) == 1
    answer = api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/ping")
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_stopped")
    receiver.answer = ok()
    assert resume(api, hook)["state"] == "ok"
    work()
    assert receiver.ids() == receiver.first_ids() * 2


def test_a_redirect_is_a_failure_and_is_not_followed(story: Story, api: Any, settings: Any) -> None:
    with receivers(settings, b"", b"") as (first, second):
        hook = made(api, first)
        story.send()
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            first.answer = ok(status, f"Location: {second.url}")
            resume(api, hook)
            work()
        assert len(first.had) == 4
        assert second.connections == 0
        assert {one["outcome"] for one in deliveries(api, hook)} == {"redirect"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"SSH-2.0-nothing\r\n\r\n", "no_answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, "no_answer"),
        (ok("304 Not modified"), "redirect"),
        (ok("404 Not found"), "refused"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + ok(), "delivered"),
        (b"HTTP/1.1 204 No content\r\n\r\n", "delivered"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 999, "delivered"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", "delivered"),
    ],
)
def test_each_answer_is_judged_and_no_more_of_it_is_read_than_needed(
    story: Story, api: Any, settings: Any, answer: bytes, outcome: str
) -> None:
    with receivers(settings, answer) as (one,):
        hook = made(api, one)
        story.accept()
        work()
        found = [each["outcome"] for each in deliveries(api, hook)]
        assert found == [outcome] * (2 if outcome == "delivered" else 1)


FAILING = [("admin@ywca.invalid", "webhook_failing"), ("duty@ywca.invalid", "webhook_failing")]
STOPPED = [("admin@ywca.invalid", "webhook_stopped"), ("duty@ywca.invalid", "webhook_stopped")]


def climb(receiver: Receiver, shift_clock: Any, tries: int, *, done: int = 0) -> None:
    """So many tries, each when it is due."""
    passed = 0.0
    for number in range(1, tries + 1):
        if number > done:
            shift_clock(f"{passed} seconds")
            work()
            assert len(receiver.had) == number
        if number <= len(outbox.LADDER_S):
            passed += outbox.LADDER_S[number - 1] * (1 + outbox.JITTER)


def test_who_keeps_it_is_told_once_that_it_fails_and_once_that_it_was_given_up(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any, kept: MailServer
) -> None:
    made(api, receiver)
    receiver.answer = ok("503 Later")
    story.send()
    climb(receiver, shift_clock, 2)
    assert told(kept) == [], "a receiver that is being updated is no news"
    climb(receiver, shift_clock, outbox.TOLD_AFTER, done=2)
    assert told(kept) == FAILING
    climb(receiver, shift_clock, len(outbox.LADDER_S), done=outbox.TOLD_AFTER)
    assert told(kept) == [], "once, not at each try"
    climb(receiver, shift_clock, len(outbox.LADDER_S) + 1, done=len(outbox.LADDER_S))
    assert told(kept) == STOPPED


def test_one_that_says_410_is_told_of_at_once_and_again_after_it_was_resumed(
    story: Story, api: Any, receiver: Receiver, kept: MailServer, superuser: Any
) -> None:
    hook = made(api, receiver)
    receiver.answer = ok("410 Gone")
    story.send()
    work()
    raw = b"".join(kept.raw).decode()
    assert told(kept) == STOPPED
    assert "Reference SYSTEM" in b"".join(kept.raw).decode()
    assert "Ya no enviamos nada a un sistema suyo." in b"".join(kept.raw).decode()
    for secret in (receiver.url, receiver.authority, story.id, hook["id"]):
        assert secret not in raw + b"".join(kept.raw).decode()
    resume(api, hook)
    work()
    assert told(kept) == STOPPED
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM message WHERE referral_id IS NULL")
        assert cursor.fetchone() == (4,)
    receiver.answer = ok()
    resume(api, hook)
    work()
    assert told(kept) == []


def test_without_any_mail_a_number_is_told(
    story: Story, api: Any, receiver: Receiver, mails: MailServer, phones: PhoneProvider
) -> None:
    keep(api, "ywca.admin", "sms", "406-555-0163")
    keep(api, "ywca.admin", "voice", "406-555-0164", use="duty")
    made(api, receiver)
    receiver.answer = ok("410 Gone")
    story.send()
    work()
    while message_queue.sms_step() or message_queue.voice_step():
        pass
    ((kind, form),) = phones.received
    assert (kind, form["To"]) == ("sms", "+14065550163")
    assert template_of(form["Body"]) == "webhook_stopped"


def test_the_log_of_deliveries_is_kept_for_thirty_days(
    api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    hook = made(api, receiver)
    api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/ping")
    work()
    for after, left in (("29 days", 1), ("30 days 1 minute", 0)):
        shift_clock(after)
        outbox.delete_expired()
        assert len(deliveries(api, hook)) == left, after
