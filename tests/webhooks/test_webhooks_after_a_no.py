"""A "no" leaves nothing of the draft in what is kept of webhooks (R14)."""

from typing import Any

import pytest
from django.db import connections

from tests.support.ground.stored_rows import rows
from tests.support.people.stories import Story, says_no
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.people.webhooks import work
from tests.support.servers.webhook_receiver import Had, Receiver
from tests.webhooks.endpoints import made

KEPT = "SELECT event_id, referral_id, message_id, outcome FROM webhook_delivery"


def test_a_no_leaves_no_delivery_of_the_drafts_events(
    story: Story, api: Any, receiver: Receiver, superuser: Any
) -> None:
    made(api, receiver, "police.admin")
    story.create().release("name").packet(name="Invented")
    work()
    assert receiver.ids()
    assert rows(superuser, KEPT)
    says_no(api, "police.worker", story.id)
    work()
    assert rows(superuser, KEPT) == []


def test_a_no_during_a_delivery_leaves_none_either(
    story: Story, api: Any, receiver: Receiver, superuser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(api, receiver, "police.admin")
    story.create().release("name").packet(name="Invented")
    said = []

    def took(self: Receiver, message: Had) -> None:
        if not said:
            said.append(says_no(api, "police.worker", story.id).status_code)
            connections.close_all()

    monkeypatch.setattr(Receiver, "took", took)
    work()
    assert said == [200]
    work()
    assert rows(superuser, KEPT) == []
