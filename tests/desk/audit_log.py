"""A referral that was worked on, as the auditor's pages show it."""

from typing import Any

import pytest

from tests.support.people.seals import seal
from tests.support.people.stories import PACKET, Story

LOG = "/desk/access-log"
ENTRIES = "Long IDs are shortened"


@pytest.fixture
def worked_on(story: Story, api: Any) -> Story:
    story.accept().release(*PACKET).packet(**PACKET)
    api("ywca.worker").act(story.id, "open_packet", {"purpose": "safety"})
    api("ywca.worker2").get("/v1/referrals")
    api("ywca.worker2").get(f"/v1/referrals/{story.id}/releases")
    kept = {"reason": "review", "keep": True}
    assert api("ywca.lead").act(story.id, "take_over", kept).status_code == 200
    seal()
    return story
