"""The return-flow firewall (R2, TH15): each gap of each order in one go, each act everywhere."""

from typing import Any

from tests.support.firewall_orders import (
    answered_as_if_nothing_had_been_done,
    every_walk,
    nothing_moves,
)
from tests.support.kept_rows import Kept
from tests.support.sender_bytes import kept as kept  # a fixture


def test_nothing_that_the_sender_gets_moves_in_any_order(
    api: Any, superuser: Any, kept: list[Kept], settings: Any
) -> None:
    nothing_moves(every_walk(), api, superuser, kept, settings)


def test_each_act_of_the_senders_is_answered_as_if_nothing_had_been_done(
    api: Any, superuser: Any, kept: list[Kept]
) -> None:
    answered_as_if_nothing_had_been_done(api, superuser, kept, every=1)
