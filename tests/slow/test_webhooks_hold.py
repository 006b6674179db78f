"""Senders of webhooks killed a hundred times while ten thousand events are written: `make hold`."""

from collections.abc import Callable
from typing import Any

from tests.support.people.stories import Story
from tests.support.servers.killed_webhook_senders import each_event_arrives_in_order


def test_killed_again_and_again_under_load_each_event_arrives_and_order_is_kept(
    story: Story, api: Any, settings: Any, superuser: Any, shift_clock: Callable[[str], None]
) -> None:
    each_event_arrives_in_order(100, 10_000, story, api, settings, superuser, shift_clock)
