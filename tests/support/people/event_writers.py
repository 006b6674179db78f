"""Many who write events at once, in transactions that overlap: for what must miss none of them."""

import random
import threading
from collections.abc import Callable
from typing import Any

from permissions.database.uuid7 import uuid7
from tests.support.ground.cluster import HOME

WRITERS = 16
PAUSES = 10


class Writers:
    """`number` events of one referral, by sixteen connections, committed in no order: each
    transaction writes a few, waits a little, and one in ten takes back what it wrote.

    `pause` is called PAUSES times over all of them, by a writer whose transaction stays open
    meanwhile: others commit past it.
    """

    def __init__(
        self,
        database: str,
        referral_id: str,
        number: int,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._referral, self._left = database, referral_id, number
        self._step, self._pause = max(1, number // PAUSES), pause
        self._lock = threading.Lock()
        self.failed: list[BaseException] = []
        self.threads = [threading.Thread(target=self._write, args=(n,)) for n in range(WRITERS)]

    def __enter__(self) -> "Writers":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self.threads:
            thread.join()
        assert self.failed == []

    @property
    def at_work(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def _take(self, most: int) -> tuple[int, bool]:
        """How many events to write now, and whether to pause with them."""
        with self._lock:
            before, taken = self._left, min(most, self._left)
            self._left -= taken
            return taken, before // self._step != self._left // self._step

    def _write(self, number: int) -> None:
        from api.dev.postgres import Cluster

        dice = random.Random(number)
        try:
            connection = Cluster(HOME).connect_superuser(self._database)
            connection.autocommit = False
            while True:
                count, pauses = self._take(dice.randint(1, 5))
                if count == 0:
                    break
                if dice.random() < 0.1:
                    self._insert(connection, 1, dice)
                    connection.rollback()
                self._insert(connection, count, dice)
                if pauses:
                    self._pause()
                connection.commit()
            connection.close()
        except BaseException as error:
            self.failed.append(error)

    def _insert(self, connection: Any, count: int, dice: random.Random) -> None:
        with connection.cursor() as cursor:
            for _ in range(count):
                cursor.execute(
                    "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at,"
                    " act, from_sees, to_sees, told) SELECT %s, id, from_agency_id, to_agency_id,"
                    " clock_timestamp(), 'set_callback', true, true, true"
                    " FROM referral WHERE id = %s",
                    [str(uuid7()), self._referral],
                )
                cursor.execute("SELECT pg_sleep(%s)", [dice.random() / 200])


def in_order(superuser: Any, side: str) -> list[str]:
    """Every event that this side may know, in the order of the feed."""
    with superuser.cursor() as cursor:
        cursor.execute(
            f"SELECT id::text FROM referral_event WHERE {side}_sees AND NOT reserved"
            " ORDER BY xact, id"
        )
        return [id_ for (id_,) in cursor.fetchall()]
