"""Webhooks, from an agency_admin's first one to what arrives: signed, in order, ids alone."""

import json
import time
from typing import Any
from uuid import uuid4

import standardwebhooks

from referrals import worker
from referrals.webhooks import outbox, signatures
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work
from tests.support.servers.webhook_receiver import Receiver, ok, receivers
from tests.webhooks.endpoints import deliveries, events, made, resume

# -- What arrives ----------------------------------------------------------------------------------


def test_each_event_that_the_side_may_know_arrives_once_signed_and_in_order(
    story: Story, api: Any, receiver: Receiver
) -> None:
    hook = made(api, receiver)
    story.accept().answers("complete", {"outcome": "connected"})
    work()
    fed = events(api, "ywca.worker")
    assert receiver.ids() == [one["id"] for one in fed]
    assert len(receiver.ids()) == 3
    for had, event in zip(receiver.had, fed, strict=True):
        library = standardwebhooks.Webhook(hook["secret"])
        said = library.verify(had.body, had.headers)
        assert said["type"] == "referral.event"
        assert said["data"] == {"event_id": had.id, "referral_id": story.id, "act": event["act"]}
        assert api("ywca.client").get(f"/v1/events/{had.id}").json() == event
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
        assert set(told["data"]) <= {"event_id", "referral_id", "act"}
        assert told["data"].get("act") in {None, "send", "accept"}
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


def test_the_pages_of_the_tries_are_all_of_them(story: Story, api: Any, receiver: Receiver) -> None:
    hook = made(api, receiver)
    story.accept()
    work()
    whole = deliveries(api, hook)
    assert len(whole) > 1
    paged, asked = [], {"limit": "1"}
    while True:
        page = api("ywca.admin").get(f"/v1/webhooks/{hook['id']}/deliveries", asked).json()
        paged += page["items"]
        if page["next"] is None:
            break
        asked["cursor"] = page["next"]
    assert paged == whole


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
