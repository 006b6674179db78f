"""The marker sweep: it looks for every word that was written in every answer to every caller.

A referral in each state (tests/support/proofs/markers.py) × every route that the resolver knows ×
each method that it answers × each member of the cast, with right and wrong requests. In short: each
route, each of the cast, each state and each mistake, and each once for those who are shown it and
for those who are not. `make whole`: each of the cast in each state, what shows a referral in each
state to each side, and one in so many of the rest; tests/slow has the whole product. The table of
tests/support/proofs/marker_table.py must allow every word that a status, header, cookie or body
holds, and every word in log lines, the server's log, the tables and the messages.
"""

import io
from typing import Any

import pytest

from tests.support.ground.commands import our_commands, verbs_of
from tests.support.ground.short_form import in_both_forms
from tests.support.proofs import matrix
from tests.support.proofs.marker_sweep import Sweep
from tests.support.proofs.marker_sweep import far as far  # a fixture
from tests.support.proofs.marker_sweep import lines as lines  # a fixture
from tests.support.proofs.marker_table import asked, in_short
from tests.support.proofs.sent_markers import FarEnds
from tests.support.proofs.whole_sweep import SAY, sweep_over
from tests.support.proofs.whole_sweep import sweep as sweep  # a fixture


@in_both_forms
def test_a_word_is_found_only_where_the_table_allows_it(
    short: bool, sweep: Sweep, superuser: Any, lines: io.StringIO, far: FarEnds, capsys: Any
) -> None:
    every = in_short(asked()) if short else asked()
    sweep_over(every, sweep, superuser, lines, far, capsys, whole=not short)
    assert len(every) >= (500 if short else 3000)
    assert sweep.statuses[200] >= (100 if short else 700), "not all were turned away"
    assert {(cell.method, cell.route) for cell in every} == matrix.served(), "each of them"


CHANGE = {
    *(("agency", verb) for verb in ("add", "set", "invite", "confirm")),
    *(("client", verb) for verb in ("quota", "end")),
    *(("database", verb) for verb in ("start", "stop", "status", "url", "erase", "recover")),
    *(("directory", verb) for verb in ("import", "quarantine", "import-postcodes", "export")),
    ("directory", "crosswalk"),
    ("directory", "licensed-terms"),
    *(("directory", verb) for verb in ("generate", "import-taxonomy", "load-taxonomy", "bind")),
    *(("directory", verb) for verb in ("editors", "refresh")),
    *(("keys", verb) for verb in ("rotate", "destroy", "copy", "rebind", "adopt")),
    *(("drill", verb) for verb in ("run", "make", "open")),
    *(("backup", "drill"), ("backup", "record"), ("journal", "begin"), ("setup", "")),
    *(("ledger", verb) for verb in ("verify", "export", "keys", "rotate", "retire")),
    *(("member", verb) for verb in ("show", "roles", "end")),
    *(("deadlines", "set"), ("messages", "retry"), ("worker", "run")),
    *((name, "") for name in ("code", "migrate", "openapi", "prepare", "run", "schema", "stop")),
    *((name, "") for name in ("translations", "walkthrough")),
}


@pytest.mark.static
def test_each_command_is_looked_at_or_known_to_do_more_than_look() -> None:
    looks = {(one[0], (*one, "")[1]) for one in SAY}
    assert {(name, verb) for name in our_commands() for verb in verbs_of(name)} == looks | CHANGE
