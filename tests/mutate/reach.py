"""Which functions of the database each test calls, and how long it takes: no other can see a mutant
of such a function; the quickest are asked first.

    python -m tests.mutate --reach

runs the suite once with this as a pytest plugin, and keeps what it learned for the runs after it.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
import pytest
from django.db import OperationalError, connections

from tests.support.ground.again import status_of

FOLDER = Path(os.environ.get("CAIRN_TEST_HOME", "var/mutate")) / "reach"


class Reached(NamedTuple):
    seconds: float
    functions: frozenset[str]


UNKNOWN = Reached(0.2, frozenset())  # a test that came since the run


class _Counts:
    """How often each function was called so far, as the server counts."""

    database = ""
    calls: dict[str, int] = {}  # of this process

    @classmethod
    def called(cls) -> list[str]:
        """Functions called since the last look. It uses its own connection, because some tests stop
        the server or start it again. A server that crashed counts from zero."""
        from tests.support.ground.cluster import own_cluster

        for one in connections.all(initialized_only=True):
            if one.connection is not None and not one.in_atomic_block:
                try:  # else it tells what it counted once a second
                    with one.cursor() as cursor:
                        cursor.execute("SELECT pg_stat_force_next_flush()")
                except OperationalError:
                    one.close()  # its server has gone
        try:
            superuser = own_cluster().connect_superuser(cls.database)
        except psycopg2.OperationalError:
            return []  # behind the last test: the database has gone
        with closing(superuser):
            cursor = superuser.cursor()
            cursor.execute(
                "SELECT schemaname || '.' || funcname, sum(calls)::bigint"
                " FROM pg_stat_user_functions GROUP BY 1"
            )
            now = dict(cursor.fetchall())
        found = [name for name, calls in now.items() if calls != cls.calls.get(name)]
        cls.calls = now
        return sorted(found)


@pytest.fixture(scope="module", autouse=True)
def _counted(django_db_setup: str, django_db_blocker: Any) -> Iterator[None]:
    """Each file has a database of its own, which counts from zero."""
    from tests.support.ground.cluster import own_cluster

    with django_db_blocker.unblock():
        with closing(own_cluster().connect_superuser(django_db_setup)) as superuser:
            every = f"ALTER DATABASE {django_db_setup} SET track_functions = 'all'"
            superuser.cursor().execute(every)
        connections.close_all()
        _Counts.database, _Counts.calls = django_db_setup, {}
        FOLDER.mkdir(parents=True, exist_ok=True)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """A line a test, in a file of this process."""
    began = time.monotonic()
    result = yield
    seconds = time.monotonic() - began
    if _Counts.database:
        line = {"test": item.nodeid, "seconds": seconds, "functions": _Counts.called()}
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        with (FOLDER / f"{worker}.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
    return result


def measure() -> int:
    """Run the suite once, in two processes. The exit code is pytest's."""
    for old in FOLDER.glob("*.jsonl"):
        old.unlink()
    words = ["-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "no:randomly"]
    words += ["-p", "no:cacheprovider", "--show-capture=no"]
    return status_of([*words, "-p", "tests.mutate.reach", "tests"])


def read() -> dict[str, Reached]:
    """By test; {} where it was never measured."""
    found = {}
    for file in sorted(FOLDER.glob("*.jsonl")):
        for text in file.read_text().splitlines():
            line = json.loads(text)
            found[line["test"]] = Reached(line["seconds"], frozenset(line["functions"]))
    return found
