"""The marker sweep over every cell that there is, in parts: an hour and more."""

import io
from typing import Any

import pytest

from tests.support.proofs.marker_sweep import Sweep
from tests.support.proofs.marker_sweep import far as far  # a fixture
from tests.support.proofs.marker_sweep import lines as lines  # a fixture
from tests.support.proofs.marker_table import asked
from tests.support.proofs.sent_markers import FarEnds
from tests.support.proofs.whole_sweep import sweep as sweep  # a fixture
from tests.support.proofs.whole_sweep import sweep_over

PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_a_word_is_found_only_where_the_table_allows_it(
    part: int, sweep: Sweep, superuser: Any, lines: io.StringIO, far: FarEnds, capsys: Any
) -> None:
    every = asked(everything=True, part=part, parts=PARTS)
    sweep_over(every, sweep, superuser, lines, far, capsys)
