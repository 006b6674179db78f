"""When something fails half-way, no answer and no log line about it holds a word that was written
or sent: real faults (the log refused, the keys away, a column gone) under every route.

A database that refuses names the row it refuses, a driver the statement: neither is passed on.
"""

import io
from typing import Any

import pytest

from tests.support.ground.short_form import in_both_forms
from tests.support.proofs.marker_faults import FAULTS, tells_no_word
from tests.support.proofs.marker_faults import sweep as sweep  # a fixture
from tests.support.proofs.marker_sweep import Sweep
from tests.support.proofs.marker_sweep import lines as lines  # a fixture


@in_both_forms
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_tells_no_word(
    fault: str, short: bool, sweep: Sweep, lines: io.StringIO, capsys: Any
) -> None:
    tells_no_word(fault, sweep, lines, capsys, every=60 if short else 5)
