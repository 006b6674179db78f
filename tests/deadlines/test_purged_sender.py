"""A sender whose part is purged learns nothing more, while the recipient works on (R2, R13)."""

from typing import Any

import pytest

from referrals.deadlines import purge
from tests.support.ground.database import all_in_the_feed
from tests.support.people.notifications import PEOPLE, number, work
from tests.support.people.stories import PACKET, Story
from tests.support.servers.message_servers import PhoneProvider

LATER = (
    ("call_me", None),
    ("start_handoff", {"mode": "phone"}),
    ("add_note", {"text": "still here"}),
    ("complete", {"outcome": "connected"}),
)


@pytest.fixture
def purged(story: Story, api: Any, shift_clock: Any) -> Story:
    """Accepted; the sender's part has gone, the recipient's is worked on day after day."""
    story.accept().release(*PACKET).packet(**PACKET)
    for day in (10, 20, 30, 37):
        shift_clock(f"{day} days 1 hour")
        assert api("ywca.worker").act(story.id, "add_note", {"text": "x"}).status_code == 201
        purge.run()
    assert api("police.worker").get(f"/v1/referrals/{story.id}").status_code == 404
    return story


def acts_told(api: Any, who: str) -> list[str]:
    all_in_the_feed()
    items = api(who).get("/v1/events", {"limit": "100"}).json()["items"]
    return [one["act"] for one in items]


@pytest.mark.usefixtures("reachable")
def test_a_purged_sender_learns_nothing_and_no_one_there_is_called(
    purged: Story, api: Any, phones: PhoneProvider
) -> None:
    assert acts_told(api, "police.worker") == []
    work()
    calls = len(phones.received)
    told = len(acts_told(api, "ywca.worker"))
    for act, body in LATER:
        purged.answers(act, body)
    work()
    assert acts_told(api, "police.worker") == []
    assert len(acts_told(api, "ywca.worker")) == told + len(LATER), "its own side goes on knowing"
    numbers = {number(who) for who in PEOPLE if who.startswith("police")}
    assert not numbers & {form["To"] for _, form in phones.received[calls:]}
