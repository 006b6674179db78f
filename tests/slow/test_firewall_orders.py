"""The return-flow firewall (R2, TH15): each gap of each order in one go, each act everywhere, mixed
orders, and the fixed time of `closed` behind each place."""

from typing import Any

from hypothesis import given, seed, settings

from tests.support.firewall_orders import (
    MIXED,
    ORDERS,
    PLACES,
    Mixed,
    answered_as_if_nothing_had_been_done,
    begun,
    every_walk,
    keep,
    nothing_moves,
    same_answers_without_the_recipient,
)
from tests.support.fixed_close import closes_at_one_fixed_moment
from tests.support.kept_rows import Kept
from tests.support.sender_bytes import kept as kept  # a fixture
from tests.support.stories import Story


def test_nothing_that_the_sender_gets_moves_in_any_order(
    api: Any, superuser: Any, kept: list[Kept], settings: Any
) -> None:
    nothing_moves(every_walk(), api, superuser, kept, settings)


def test_each_act_of_the_senders_is_answered_as_if_nothing_had_been_done(
    api: Any, superuser: Any, kept: list[Kept]
) -> None:
    answered_as_if_nothing_had_been_done(api, superuser, kept, every=1)


@seed(20261124)
@settings(max_examples=40, **ORDERS)
@given(moves=MIXED)
def _any_order(api: Any, story: Story, start: Kept, moves: Mixed) -> None:
    same_answers_without_the_recipient(api, story, start, moves)


def test_in_whatever_order_both_act(api: Any, superuser: Any, kept: list[Kept]) -> None:
    story = begun(api)
    _any_order(api, story, keep(superuser, kept))


def test_it_closes_at_one_fixed_moment_whatever_happened(
    api: Any, superuser: Any, kept: list[Kept], shift_clock: Any
) -> None:
    closes_at_one_fixed_moment(PLACES[1:], api, superuser, kept, shift_clock)
