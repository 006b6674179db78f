"""An agency's webhooks are sent nothing of a referral that bars one of its people."""

import json
from typing import Any

import pytest

from tests.support.people.callers import member_id
from tests.support.people.stories import Story
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work
from tests.support.servers.webhook_receiver import Receiver, ok
from tests.webhooks.endpoints import deliveries, events, made, resume, shown
from tests.webhooks.endpoints import kept as kept  # a fixture


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
    """An id in the list from which no replay begins would say that a block exists."""
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
