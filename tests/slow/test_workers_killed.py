"""kill -9 of each worker a hundred times while people go on working, measured: `make hold`."""

from tests.support.servers.killed_workers import WorkersKilled
from tests.support.servers.killed_workers import workers as workers  # a fixture


class TestWorkersKilled(WorkersKilled):
    kills = 100
    waits = True
