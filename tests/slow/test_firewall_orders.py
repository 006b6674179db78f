"""The return-flow firewall (R2, TH15): each gap of each order in one go, each act everywhere, mixed
orders, and the fixed time of `closed` behind each place."""

from typing import Any

from tests.support.ground.kept_rows import Kept
from tests.support.people.fixed_close import closes_at_one_fixed_moment
from tests.support.proofs.firewall_orders import (
    PLACES,
    answered_as_if_nothing_had_been_done,
    every_walk,
    in_whatever_order_both_act,
    nothing_moves,
)
from tests.support.proofs.sender_bytes import kept as kept  # a fixture


def test_nothing_that_the_sender_gets_moves_in_any_order(
    api: Any, superuser: Any, kept: list[Kept], settings: Any
) -> None:
    assert nothing_moves(every_walk(), api, superuser, kept, settings) == set()


def test_each_act_of_the_senders_is_answered_as_if_nothing_had_been_done(
    api: Any, superuser: Any, kept: list[Kept]
) -> None:
    answered_as_if_nothing_had_been_done(api, superuser, kept, every=1)


def test_in_whatever_order_both_act(api: Any, superuser: Any, kept: list[Kept]) -> None:
    in_whatever_order_both_act(40, api, superuser, kept)


def test_it_closes_at_one_fixed_moment_whatever_happened(
    api: Any, superuser: Any, kept: list[Kept], shift_clock: Any
) -> None:
    closes_at_one_fixed_moment(PLACES[1:], api, superuser, kept, shift_clock)
