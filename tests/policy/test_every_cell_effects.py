"""Every allowed cell (state × act × side × who) leaves what its row names, and nothing else.

The cells are those of tests/policy/test_every_cell.py. One of each act and side is tried, drawn by
the seed; tests/slow tries all of them.
"""

import random
from typing import Any

import pytest

from tests.support.ground.seed import SEED
from tests.support.people.states import CELLS
from tests.support.people.stories import Story
from tests.support.proofs.act_leaves import ROWS, cells, leaves_what_its_row_names
from tests.support.proofs.act_leaves import everybody_keeps_a_channel as everybody_keeps_a_channel

PARTS = 8  # each with a network of its own; within one the other referral stays the same


def test_each_act_of_each_side_has_its_row() -> None:
    assert set(ROWS) == {(side, act) for side, table in CELLS.items() for act, _ in table}


@pytest.mark.usefixtures("everybody_keeps_a_channel")
@pytest.mark.parametrize("part", range(PARTS))
def test_each_leaves_what_its_row_names_and_nothing_else(
    part: int, story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    tried = [
        random.Random(f"{SEED} {side} {act}").choice(cells(side, act))
        for side, act in list(ROWS)[part::PARTS]
    ]
    leaves_what_its_row_names(tried, story, api, shift_clock, superuser)
