"""Ten thousand events written by sixteen while three read: `make hold`."""

from typing import Any

from tests.support.people.event_readers import none_is_missed_while_sixteen_write
from tests.support.people.stories import Story


def test_read_while_sixteen_write_none_is_missed_none_comes_twice_and_order_is_kept(
    story: Story, api: Any, superuser: Any
) -> None:
    none_is_missed_while_sixteen_write(10_000, story, api, superuser)
