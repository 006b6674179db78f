"""Requests that wait for each other: locks held until each is seen to wait."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from tests.support.ground.waiting import SOON, until
from tests.support.people.stories import Story
from tests.support.proofs import routes

# What an opening reads within its last packet and nowhere else, behind the referral's lock.
OPENING = "LOCK TABLE release IN ACCESS EXCLUSIVE MODE"


class Race:
    """Requests in threads of their own, held up until each waits for a lock."""

    def __init__(self, superuser: Any, pool: ThreadPoolExecutor) -> None:
        self.superuser = superuser
        self.pool = pool

    def one(self, question: str, parameters: Any = None) -> Any:
        with self.superuser.cursor() as cursor:
            cursor.execute(question, parameters)
            return cursor.fetchone()[0]

    @contextmanager
    def held(self, statement: str, parameters: Any = None) -> Iterator[None]:
        """`statement` takes a lock, which is let go at the end of the block."""
        self.superuser.autocommit = False
        with self.superuser.cursor() as cursor:
            cursor.execute(statement, parameters)
        try:
            yield
        finally:
            self.superuser.commit()
            self.superuser.autocommit = True

    def row(self, story: Story) -> Any:
        return self.held("SELECT FROM referral WHERE id = %s FOR UPDATE", [story.id])

    def start(self, call: Callable[[], Any]) -> Future[Any]:
        def run() -> Any:
            try:
                return call()
            finally:
                connections.close_all()

        return self.pool.submit(run)

    def start_and_wait(self, call: Callable[[], Any]) -> Future[Any]:
        """Start it, and see it wait behind those that wait already."""
        waiting = self.waiting()
        future = self.start(call)
        until(lambda: future.done() or self.waiting() > waiting, "the one that waits")
        assert not future.done(), f"it did not wait: {future.result().content!r}"
        return future

    def waiting(self) -> int:
        with self.superuser.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # who is there, is kept else
            # Behind this session, or behind one that is: not who waits a moment for anything else.
            cursor.execute(
                "WITH RECURSIVE behind (pid) AS (SELECT pg_backend_pid() UNION SELECT a.pid"
                " FROM pg_stat_activity a JOIN behind b ON b.pid = ANY (pg_blocking_pids(a.pid)))"
                " SELECT count(*) - 1 FROM behind"
            )
            count: int = cursor.fetchone()[0]
        return count


@pytest.fixture
def race(superuser: Any) -> Iterator[Race]:
    with waits_long(superuser), ThreadPoolExecutor(3) as pool:
        yield Race(superuser, pool)


@contextmanager
def waits_long(superuser: Any) -> Iterator[None]:
    """Requests of new threads may wait as long as a test does, not the five seconds of a real one:
    here they wait on purpose, while others are started one by one."""
    setting = f"ALTER ROLE app IN DATABASE {superuser.info.dbname} %s statement_timeout"
    with superuser.cursor() as cursor:
        cursor.execute(setting % "SET" + " = %s", [f"{SOON:.0f}s"])
        try:
            yield
        finally:
            cursor.execute(setting % "RESET")


def act(api: Any, who: str, story: Story, name: str) -> Callable[[], Any]:
    """The request, with a credential that is there before the race begins."""
    caller, body = api(who), routes.body_for(f"/{name}")
    return lambda: caller.act(story.id, name, body)


def in_order(race: Race, story: Story, *calls: Callable[[], Any]) -> list[Any]:
    """All wait for the referral's row, one behind the other; then all are let go."""
    with race.row(story):
        futures = [race.start_and_wait(call) for call in calls]
    return [future.result(SOON) for future in futures]


def told(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("current_state")


def events(race: Race, story: Story, name: str) -> int:
    count: int = race.one(
        "SELECT count(*) FROM referral_event WHERE referral_id = %s AND act = %s",
        [story.id, name],
    )
    return count
