"""kill -9 of server and database while people read, twice; tests/slow: a hundred times."""

import pytest

from tests.support.ground.homes import Home
from tests.support.ground.homes import home as home  # a fixture
from tests.support.servers.killed_readers import the_log_holds_what_a_client_holds

pytestmark = pytest.mark.no_database


@pytest.mark.whole
def test_what_a_client_holds_the_log_holds_however_often_all_of_it_is_killed(home: Home) -> None:
    the_log_holds_what_a_client_holds(home, kills=2)
