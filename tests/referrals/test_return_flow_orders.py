"""The return-flow firewall (R2, TH15) over every order of the acts that the sender is not shown.

The acts are read from MOVES: an added act counts as silent until TOLD names it. Everything that the
sender can get has the same bytes as if the recipient had done nothing: every page and list, the raw
rows, what its webhook is sent, and the answer of each act that it tries meanwhile, up to the fixed
time of `closed`. In short: behind the accept alone, where every other act can be done, then one way
to its end. tests/slow has each gap of each order in one go, and each act everywhere.
"""

from typing import Any

import pytest

from referrals.act_registry.registry import MOVES
from referrals.act_registry.transitions import TAKEN
from referrals.deadlines import purge
from tests.support.ground.kept_rows import Kept
from tests.support.ground.short_form import in_both_forms
from tests.support.people.fixed_close import closes_at_one_fixed_moment
from tests.support.people.stories import Story, service_of
from tests.support.proofs.firewall_orders import (
    CHANGING,
    KEPT,
    PATHS,
    PLACES,
    SENDERS,
    TOLD,
    Recipient,
    answered_as_if_nothing_had_been_done,
    begun,
    in_whatever_order_both_act,
    keep,
    nothing_moves,
    walks,
)
from tests.support.proofs.sender_bytes import Sender
from tests.support.proofs.sender_bytes import kept as kept  # a fixture
from tests.support.proofs.sender_view import comparable


def test_the_acts_and_their_orders_are_read_from_the_tables() -> None:
    assert set(CHANGING) >= {"start_handoff", "complete", "unable", "stop"}
    assert set(KEPT) >= {"add_note", "record_report", "record_disclosure", "set_hold", "block"}
    assert {path[-1] for path in PATHS} >= {"complete", "unable", "stop"}
    assert set(MOVES) >= TOLD
    assert {"accepted", "in_handoff"} == TAKEN


# -- In every order --------------------------------------------------------------------------------


@in_both_forms
def test_nothing_that_the_sender_gets_moves_in_any_order(
    short: bool, api: Any, superuser: Any, kept: list[Kept], settings: Any
) -> None:
    left = nothing_moves(walks()[:1] if short else walks(), api, superuser, kept, settings)
    # The short one goes the shortest way to the end.
    assert left <= {*CHANGING, "handoff_failed", "same_person_as"} if short else left == set()


@pytest.mark.parametrize("state", ["sent", "acknowledged"])
def test_nothing_moves_before_the_accept_either(
    state: str, api: Any, superuser: Any, kept: list[Kept]
) -> None:
    story = Story(api, service_of("ywca")).send()
    if state == "acknowledged":
        story.answers("acknowledge")
    sender, recipient = Sender(api), Recipient(api)
    start, little = keep(superuser, kept), sender.little(story.id)
    for act in (*KEPT, "revoke_release"):  # there is none: it ends nothing, and tells as much
        if recipient.does(story.id, act):
            assert sender.little(story.id) == little, act
        start.put_back()
    needed = {"sent": {"assign", "hand_over", "block", "delivered"}, "acknowledged": {"add_note"}}
    assert "revoke_release" in recipient.did
    assert recipient.did >= needed[state]


# -- The sender's acts between ---------------------------------------------------------------------


@in_both_forms
def test_each_act_of_the_senders_is_answered_as_if_nothing_had_been_done(
    short: bool, api: Any, superuser: Any, kept: list[Kept]
) -> None:
    answered_as_if_nothing_had_been_done(api, superuser, kept, every=len(SENDERS) if short else 4)


@in_both_forms
def test_in_whatever_order_both_act(
    short: bool, api: Any, superuser: Any, kept: list[Kept]
) -> None:
    in_whatever_order_both_act(2 if short else 6, api, superuser, kept)


# -- The clocks ------------------------------------------------------------------------------------


@in_both_forms
def test_it_closes_at_one_fixed_moment_whatever_happened(
    short: bool, api: Any, superuser: Any, kept: list[Kept], shift_clock: Any
) -> None:
    """Behind each act once, at the end of the longest way to it."""
    places = list({place[-1]: place for place in PLACES[1:]}.values())
    closes_at_one_fixed_moment(places[-1:] if short else places, api, superuser, kept, shift_clock)


def test_idle_ends_and_purges_tell_the_sender_nothing(api: Any, shift_clock: Any) -> None:
    """Pairs of referrals, one for each true state: a question after 14 idle days, the end after 21,
    and the purge of the recipient's part in its own time."""
    twins = []
    for place in PLACES:
        story, recipient = begun(api), Recipient(api)
        for act in (*place, *(KEPT if place else ())):
            recipient.does(story.id, act)
        twins.append(story)
    for day in (7.5, 14.1, 21.2, 22, 23.1, 28.2, 30.2, 31, 36, 37.5, 38):
        shift_clock(f"{day * 24} hours")
        purge.run()
        police = api("police.worker")
        views = [
            [comparable(police.get(f"/v1/referrals/{one.id}{part}")) for part in ("", "/history")]
            for one in twins
        ]
        for place, view in zip(PLACES, views, strict=True):
            assert view == views[0], (day, place)
        listed = [line["id"] for line in police.get("/v1/referrals").json()["items"]]
        order = [one.id for one in reversed(twins)]
        assert listed == (order if views[0][0][0] == 200 else []), day
    assert views[0][0][0] == 404, "and in the end its own part is gone, everywhere at once"
