"""kill -9 of each worker while people go on working, twice each; tests/slow: a hundred times."""

from tests.support.servers.killed_workers import WorkersKilled
from tests.support.servers.killed_workers import workers as workers  # a fixture


class TestWorkersKilled(WorkersKilled):
    kills = 2
    waits = False
