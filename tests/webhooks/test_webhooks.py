"""Webhooks, from an agency_admin's first one to what arrives: signed, in order, ids alone."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import standardwebhooks

from permissions.keys import rotation, wrapping
from referrals import worker
from referrals.notifications import message_queue
from referrals.webhooks import outbox, signatures
from tests.support.callers import member_id
from tests.support.message_servers import MailServer, PhoneProvider
from tests.support.notifications import keep, template_of
from tests.support.stories import Story
from tests.support.webhook_receiver import Receiver, ok, receivers
from tests.support.webhooks import receiver as receiver  # a fixture
from tests.support.webhooks import work


def made(api: Any, receiver: Receiver, who: str = "ywca.admin") -> dict[str, Any]:
    answer = api(who).post("/v1/webhooks", {"url": receiver.url})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def shown(api: Any, hook: dict[str, Any], who: str = "ywca.admin") -> dict[str, Any]:
    answer = api(who).get(f"/v1/webhooks/{hook['id']}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def deliveries(api: Any, hook: dict[str, Any], who: str = "ywca.admin") -> list[dict[str, Any]]:
    answer = api(who).get(f"/v1/webhooks/{hook['id']}/deliveries")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["items"])


def events(api: Any, who: str) -> list[dict[str, Any]]:
    return list(api(who).get("/v1/events", {"limit": "100"}).json()["items"])


# -- What arrives ----------------------------------------------------------------------------------


def test_each_event_that_the_side_may_know_arrives_once_signed_and_in_order(
    story: Story, api: Any, receiver: Receiver
) -> None:
    hook = made(api, receiver)
    story.accept().answers("complete", {"outcome": "connected"})
    work()
    assert receiver.ids() == [one["id"] for one in events(api, "ywca.worker")]
    assert len(receiver.ids()) == 3
    for had in receiver.had:
        library = standardwebhooks.Webhook(hook["secret"])
        said = library.verify(had.body, had.headers)
        assert said["type"] == "referral.event"
        assert said["data"] == {"event_id": had.id, "referral_id": story.id}
        assert set(said) == {"type", "timestamp", "data", "pad"}
        assert signatures.verify(hook["secret"], had.headers, had.body, time.time())
    assert receiver.connections == 1
    work()
    assert len(receiver.had) == 3


def test_the_sender_is_told_nothing_of_what_the_recipient_did_after_its_accept(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    made(api, receiver, "police.admin")
    story.accept()
    work()
    before = len(receiver.had)
    story.answers("start_handoff", {"mode": "phone"}).answers("complete", {"outcome": "other"})
    work()
    assert len(receiver.had) == before
    shift_clock("7 days 1 second")
    worker.run_until_idle(worker.jobs_named(["close", "webhooks"]))
    assert len(receiver.had) == before + 1
    assert events(api, "police.worker")[-1]["act"] == "closed"


def test_all_bodies_have_one_size_and_hold_ids_alone(
    story: Story, api: Any, receiver: Receiver
) -> None:
    hook = made(api, receiver)
    story.accept()
    api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/ping")
    work()
    work()
    assert len(receiver.had) == 3
    assert {len(had.body) for had in receiver.had} == {signatures.BODY_BYTES}
    sizes = {sum(len(n) + len(v) for n, v in had.headers.items()) for had in receiver.had}
    assert len(sizes) == 1
    for had in receiver.had:
        told = json.loads(had.body)
        assert set(told["data"]) <= {"event_id", "referral_id"}
        assert set(told["pad"]) == {"0"}


def test_what_goes_out_is_in_the_access_log(
    story: Story, api: Any, receiver: Receiver, superuser: Any
) -> None:
    made(api, receiver)
    story.accept()
    work()
    listings = api("ywca.auditor").get("/v1/access-log/listings", {"referral_id": story.id}).json()
    (sent,) = (one for one in listings["items"] if one["act"] == "webhook.send")
    assert (sent["member_id"], sent["client_id"]) == (None, None)
    assert 1 <= sent["times"] <= len(receiver.had)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT referral_ids::text[] FROM access_entry"
            " WHERE act = 'webhook.send' AND referral_ids @> ARRAY[%s]::uuid[]",
            [story.id],
        )
        assert cursor.fetchall() == [([story.id],)] * sent["times"], "and of no other referral"


# -- Signatures ------------------------------------------------------------------------------------


# The vectors published with the standard (standardwebhooks.com, and the tests of its libraries).
PUBLISHED = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1614265330,
    b'{"test": 2432232314}',
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)


def signed_headers(signature: str = PUBLISHED[4]) -> dict[str, str]:
    return {
        "Webhook-Id": PUBLISHED[1],
        "Webhook-Timestamp": str(PUBLISHED[2]),
        "Webhook-Signature": signature,
    }


def test_the_published_vector_is_signed_and_verified() -> None:
    secret, message_id, at, content, signature = PUBLISHED
    ours = signatures.headers([secret], message_id, at, content)
    assert ours["webhook-signature"] == signature
    assert signatures.verify(secret, ours, content, at)
    assert signatures.verify(secret, signed_headers(f"v1,AAAA v1a,xx {signature}"), content, at)
    assert signatures.verify(secret.removeprefix("whsec_"), signed_headers(), content, at)


def test_a_message_that_is_altered_old_or_not_ours_fails() -> None:
    secret, _id, at, content, signature = PUBLISHED
    assert signatures.verify(secret, signed_headers(), content, at + 300)
    for wrong in (at + 301, at - 301):
        assert not signatures.verify(secret, signed_headers(), content, wrong)
    for place in range(len(content)):
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert not signatures.verify(secret, signed_headers(), altered, at), place
    for name in signed_headers():
        left_out = {one: text for one, text in signed_headers().items() if one != name}
        assert not signatures.verify(secret, left_out, content, at), name
    for bad in ("", "v1", "v1,", "v2," + signature[3:], signature[:-2], "v1,\u00e9", "v1a,AAAA"):
        assert not signatures.verify(secret, signed_headers(bad), content, at), bad
    for time_ in ("", "x", "1614265330.0", "-1", "99999999999999999999"):
        headers = signed_headers() | {"Webhook-Timestamp": time_}
        assert not signatures.verify(secret, headers, content, at), time_
    other = "whsec_" + base64.b64encode(b"another").decode()
    assert not signatures.verify(other, signed_headers(), content, at)
    assert not signatures.verify("whsec_", signed_headers(), content, at)


def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    hook = made(api, receiver)
    rotated = api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/rotate").json()
    assert rotated["secret"] != hook["secret"]
    story.send()
    work()
    for secret in (hook["secret"], rotated["secret"]):
        had = receiver.had[-1]
        assert signatures.verify(secret, had.headers, had.body, time.time())
    assert len(had.headers["webhook-signature"].split()) == 2
    shift_clock("24 hours 1 second")
    Story(api, story.service_id).send()
    work()
    had = receiver.had[-1]
    assert not signatures.verify(hook["secret"], had.headers, had.body, time.time())
    assert signatures.verify(rotated["secret"], had.headers, had.body, time.time())


def test_of_three_secrets_the_oldest_ends_at_once(
    story: Story, api: Any, receiver: Receiver
) -> None:
    hook = made(api, receiver)
    path = f"/v1/webhooks/{hook['id']}/rotate"
    second, third = (api("ywca.admin").post(path).json()["secret"] for _ in range(2))
    story.send()
    work()
    had = receiver.had[-1]
    good = [
        signatures.verify(one, had.headers, had.body, time.time())
        for one in (hook["secret"], second, third)
    ]
    assert good == [False, True, True]


def test_secrets_are_sealed_shown_once_and_rewrapped_with_the_other_keys(
    story: Story, api: Any, receiver: Receiver, superuser: Any
) -> None:
    hook = made(api, receiver)
    raw = base64.b64decode(hook["secret"].removeprefix("whsec_"))
    assert "secret" not in shown(api, hook)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT key_bundle FROM webhook_secret")
        kept = bytes(cursor.fetchone()[0])
    assert hook["secret"].encode() not in kept
    assert raw not in kept
    assert wrapping.WEBHOOK_KEY_OWNER in rotation.key_holders()
    done = rotation.end_key_epoch(wrapping.WEBHOOK_KEY_OWNER)
    assert (done.rewrapped, done.unopened) == (1, 0)
    story.send()
    work()
    had = receiver.had[-1]
    assert signatures.verify(hook["secret"], had.headers, had.body, time.time())


# -- When it does not arrive -----------------------------------------------------------------------


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


def resume(api: Any, hook: dict[str, Any], **change: Any) -> dict[str, Any]:
    path = f"/v1/webhooks/{hook['id']}"
    caller = api("ywca.admin")
    seen = caller.get(path)
    answer = caller.patch(path, change, If_Match=seen["ETag"])
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


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


# -- Its keepers are told --------------------------------------------------------------------------


def told(mails: MailServer) -> list[tuple[str, str]]:
    """(address, words) of what was mailed since the last look."""
    while message_queue.mail_step():
        pass
    found = [(to, template_of(str(mail.get_payload()))) for to, mail in mails.received]
    mails.received.clear()
    return sorted(found)


@pytest.fixture
def kept(api: Any, mails: MailServer) -> MailServer:
    """The administrator has a mailbox and a number, the agency a duty mailbox, a worker her own."""
    keep(api, "ywca.admin", "mail", "admin@ywca.invalid", language="es")
    keep(api, "ywca.admin", "sms", "406-555-0163")
    keep(api, "ywca.admin", "mail", "duty@ywca.invalid", use="duty")
    keep(api, "ywca.worker", "mail", "worker@ywca.invalid")
    return mails


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


def test_one_that_says_410_is_told_of_at_once_and_anew_after_it_was_resumed(
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


# -- Keeping them ----------------------------------------------------------------------------------


def test_a_ping_arrives_also_at_one_that_fails_and_lets_what_waits_go_on(
    story: Story, api: Any, receiver: Receiver
) -> None:
    hook = made(api, receiver)
    receiver.answer = ok("500 Oops")
    story.send()
    work()
    receiver.answer = ok()
    asked = api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/ping")
    assert asked.status_code == 202
    work()
    kinds = [json.loads(had.body)["type"] for had in receiver.had]
    assert kinds == ["referral.event", "ping", "referral.event"]
    assert receiver.had[1].id == asked.json()["message_id"]
    newest = deliveries(api, hook)[1]
    assert (newest["event_id"], newest["outcome"]) == (None, "delivered")


def test_a_replay_sends_from_any_event_on_under_the_old_ids(
    story: Story, api: Any, receiver: Receiver
) -> None:
    hook = made(api, receiver)
    story.accept().answers("start_handoff", {"mode": "phone"})
    work()
    first = receiver.ids()
    answer = api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/replay", {"event_id": first[1]})
    assert answer.status_code == 200
    work()
    assert receiver.ids() == first + first[1:]
    theirs = events(api, "police.worker")[0]["id"]  # the draft: the sender's alone
    for unknown in (theirs, str(uuid4())):
        answer = api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/replay", {"event_id": unknown})
        assert (answer.status_code, answer.json()["code"]) == (409, "event_unknown")


def test_paused_and_removed_ones_are_sent_nothing(
    story: Story, api: Any, receiver: Receiver, superuser: Any
) -> None:
    hook = made(api, receiver)
    assert resume(api, hook, paused=True)["state"] == "paused"
    story.send()
    work()
    assert receiver.had == []
    assert resume(api, hook, paused=False)["state"] == "ok"
    work()
    assert len(receiver.had) == 1
    caller = api("ywca.admin")
    assert caller.delete(f"/v1/webhooks/{hook['id']}").status_code == 204
    assert caller.get(f"/v1/webhooks/{hook['id']}").status_code == 404
    story.answers("accept")
    work()
    assert len(receiver.had) == 1
    outbox.delete_expired()
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM webhook_endpoint")
        assert cursor.fetchone() == (0,)
    made(api, receiver)  # the address is free again


def test_a_change_needs_the_etag_that_was_read(api: Any, receiver: Receiver) -> None:
    hook = made(api, receiver)
    caller, path = api("ywca.admin"), f"/v1/webhooks/{hook['id']}"
    assert caller.patch(path, {"paused": True}).status_code == 428
    assert caller.patch(path, {"paused": True}, If_Match='"old"').status_code == 412
    etag = caller.get(path)["ETag"]
    assert caller.patch(path, {"paused": True}, If_Match=etag).status_code == 200
    assert caller.patch(path, {"paused": False}, If_Match=etag).status_code == 412


def test_an_agency_has_few_and_none_twice(api: Any, settings: Any) -> None:
    with receivers(settings, *[b""] * 6) as every:
        made(api, every[0])
        again = api("ywca.admin").post("/v1/webhooks", {"url": every[0].url})
        assert (again.status_code, again.json()["code"]) == (409, "webhook_exists")
        hooks = [made(api, one) for one in every[1:5]]
        full = api("ywca.admin").post("/v1/webhooks", {"url": every[5].url})
        assert (full.status_code, full.json()["code"]) == (409, "webhooks_full")
        path = f"/v1/webhooks/{hooks[0]['id']}"
        etag = api("ywca.admin").get(path)["ETag"]
        taken = api("ywca.admin").patch(path, {"url": every[0].url}, If_Match=etag)
        assert (taken.status_code, taken.json()["code"]) == (409, "webhook_exists")
        made(api, every[0], "police.admin")  # another agency's own


def test_another_agencys_webhook_does_not_exist(api: Any, receiver: Receiver) -> None:
    hook = made(api, receiver)
    path = f"/v1/webhooks/{hook['id']}"
    for caller in (api("police.admin"), api("police.client")):
        assert caller.get(path).status_code == 404
        assert caller.get(f"{path}/deliveries").status_code == 404
        assert caller.patch(path, {}, If_Match='"x"').status_code == 404
        assert caller.delete(path).status_code == 404
        for act in ("rotate", "ping"):
            assert caller.post(f"{path}/{act}").status_code == 404
        assert caller.post(f"{path}/replay", {"event_id": hook["id"]}).status_code == 404
        assert hook["id"] not in str(caller.get("/v1/webhooks").json())
    assert api("ywca.client").get(path).status_code == 200, "the agency's own client keeps it"


# -- Blocks (R12) ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["member", "leads_only", "agency"])
def test_nothing_of_a_referral_that_bars_anybody_there_is_sent(
    story: Story, api: Any, receiver: Receiver, kind: str
) -> None:
    made(api, receiver)
    if kind == "agency":
        story.create().sends("block", {"other_agency": True})
        other = Story(api, story.service_id)
    else:
        story.send()
        bars = {"member_id": str(member_id("ywca.worker2"))}
        if kind == "member":
            story.answers("acknowledge").answers("block", bars)
        else:
            story.sends("leads_only")
        other = Story(api, story.service_id)
    other.accept()
    work()
    said = {json.loads(had.body)["data"]["referral_id"] for had in receiver.had}
    assert said == {other.id}


def test_a_block_that_is_set_while_messages_wait_holds_them_back(
    story: Story, api: Any, receiver: Receiver
) -> None:
    made(api, receiver)
    receiver.answer = ok("500 Oops")
    story.accept()
    work()
    assert len(receiver.had) == 1
    receiver.answer = ok()
    story.answers("block", {"member_id": str(member_id("ywca.worker2"))})
    other = Story(api, story.service_id).send()
    hook = api("ywca.admin").get("/v1/webhooks").json()["items"][0]
    resume(api, hook)
    work()
    said = [json.loads(had.body)["data"]["referral_id"] for had in receiver.had]
    assert said == [story.id, other.id]


def test_what_was_delivered_of_a_referral_that_bars_since_is_listed_no_more(
    story: Story, api: Any, receiver: Receiver
) -> None:
    """An id in the list from which no replay begins would say that somebody is barred."""
    hook = made(api, receiver)
    story.accept()
    other = Story(api, story.service_id).send()
    work()
    listed = {one["event_id"] for one in deliveries(api, hook)}
    kept = {one["id"] for one in events(api, "ywca.worker") if one["referral_id"] == other.id}
    assert kept < listed
    story.answers("block", {"member_id": str(member_id("ywca.worker2"))})
    found = {one["event_id"] for one in deliveries(api, hook)}
    assert found == kept
    for event_id in listed:
        answer = api("ywca.admin").post(f"/v1/webhooks/{hook['id']}/replay", {"event_id": event_id})
        assert (answer.status_code == 200) == (event_id in found)


def test_what_is_passed_over_for_a_block_moves_nothing_that_its_keepers_see(
    story: Story, api: Any, receiver: Receiver, shift_clock: Any
) -> None:
    hook = made(api, receiver)
    receiver.answer = ok("500 Oops")
    story.accept()
    work()
    since = shown(api, hook)["failing_since"]
    story.answers("block", {"member_id": str(member_id("ywca.worker2"))})
    Story(api, story.service_id).send()
    shift_clock("10 seconds")
    work()
    assert len(receiver.had) == 2
    assert (shown(api, hook)["state"], shown(api, hook)["failing_since"]) == ("failing", since)


def test_the_time_of_signing_is_now() -> None:
    content = signatures.body("ping", datetime(2026, 11, 24, tzinfo=UTC))
    assert len(content) == signatures.BODY_BYTES
