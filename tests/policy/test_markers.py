"""The marker sweep: every word that was written is looked for in every answer to everybody.

A referral in each state (tests/support/markers.py) × every route that the resolver knows × each
method that it answers × everybody of the cast, asked rightly and wrongly. Whatever stands in
status, headers, cookies or body must be allowed by the table of tests/support/marker_sweep.py; and
so must what stands in the log lines, the server's log, the tables, and the messages.
"""

import pytest
from django.core.management import get_commands

from tests.support.marker_sweep import far as far  # a fixture
from tests.support.marker_sweep import lines as lines  # a fixture
from tests.support.whole_sweep import SAY
from tests.support.whole_sweep import sweep as sweep  # a fixture

CHANGE = {
    *("add", "bind_organization", "code", "database", "directory_editors", "export_hsds"),
    *("generate_directory", "import_hsds", "import_postcodes", "import_taxonomy", "load_taxonomy"),
    *("member", "openapi", "prepare", "refresh_directory", "restored", "run", "set_agency"),
    *("set_clocks", "stop", "walkthrough", "work"),
}


@pytest.mark.no_database
def test_each_command_is_looked_at_or_known_to_do_more_than_look() -> None:
    of = ("api", "permissions", "directory", "referrals")
    ours = {name for name, app in get_commands().items() if app in of}
    assert ours == {name for name, *_ in SAY} | CHANGE
