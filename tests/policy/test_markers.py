"""The marker sweep: every word that was written is looked for in every answer to everybody.

A referral in each state (tests/support/markers.py) × every route that the resolver knows × each
method that it answers × everybody of the cast, asked rightly and wrongly. Whatever stands in
status, headers, cookies or body must be allowed by the table of tests/support/marker_sweep.py; and
so must what stands in the log lines, the server's log, the tables, and the messages.
"""

import io
from typing import Any

import pytest
from django.core.management import get_commands

from tests.support import matrix
from tests.support.marker_sweep import Sweep, asked
from tests.support.marker_sweep import far as far  # a fixture
from tests.support.marker_sweep import lines as lines  # a fixture
from tests.support.sent_markers import FarEnds
from tests.support.whole_sweep import SAY, sweep_over
from tests.support.whole_sweep import sweep as sweep  # a fixture


def test_a_word_is_found_only_where_the_table_allows_it(
    sweep: Sweep, superuser: Any, lines: io.StringIO, far: FarEnds, capsys: Any
) -> None:
    """One cell in so many; tests/slow asks every one that there is."""
    every = asked()
    sweep_over(every, sweep, superuser, lines, far, capsys)
    assert len(every) >= 5000
    assert sweep.statuses[200] >= 1100, "not all were turned away"
    assert {(cell.method, cell.route) for cell in every} == matrix.served(), "each of them"


CHANGE = {
    *("add", "bind_organization", "code", "database", "directory_editors", "export_hsds"),
    *("generate_directory", "import_hsds", "import_postcodes", "import_taxonomy", "load_taxonomy"),
    *(
        "member",
        "migrate",
        "openapi",
        "prepare",
        "refresh_directory",
        "restored",
        "run",
        "schema",
        "set_agency",
    ),
    *("set_clocks", "stop", "walkthrough", "work"),
}


@pytest.mark.no_database
def test_each_command_is_looked_at_or_known_to_do_more_than_look() -> None:
    of = ("api", "permissions", "directory", "referrals")
    ours = {name for name, app in get_commands().items() if app in of}
    assert ours == {name for name, *_ in SAY} | CHANGE
