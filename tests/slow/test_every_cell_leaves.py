"""Every allowed cell (state × act × side × who), all of them: what each leaves."""

from typing import Any

import pytest

from tests.support.people.stories import Story
from tests.support.proofs.act_leaves import ROWS, cells, leaves_what_its_row_names
from tests.support.proofs.act_leaves import everybody_keeps_a_channel as everybody_keeps_a_channel


@pytest.mark.usefixtures("everybody_keeps_a_channel")
@pytest.mark.parametrize(("side", "act"), ROWS)
def test_each_leaves_what_its_row_names_and_nothing_else(
    side: str, act: str, story: Story, api: Any, shift_clock: Any, superuser: Any
) -> None:
    leaves_what_its_row_names(cells(side, act), story, api, shift_clock, superuser)
