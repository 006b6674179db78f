"""Who reads the feed of events on and on, while others write."""

import threading
from typing import Any

from django.db import connections

from tests.support.people.callers import Caller
from tests.support.people.event_writers import PAUSES, Writers, in_order
from tests.support.people.stories import Story


def page(caller: Caller, after: str | None = None, limit: int = 100) -> dict[str, Any]:
    query = {"limit": str(limit)} | ({"after": after} if after else {})
    answer = caller.get("/v1/events", query)
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


class Reader(threading.Thread):
    """Reads on and on with one page size, until all is written and read."""

    def __init__(self, caller: Caller, limit: int, read_on: threading.Condition) -> None:
        super().__init__()
        self.caller, self.limit, self.read_on = caller, limit, read_on
        self.writers: Writers | None = None
        self.found: list[str] = []
        self.pages = 0

    def run(self) -> None:
        assert self.writers is not None
        after = None
        while True:
            at_work = self.writers.at_work
            got = page(self.caller, after, self.limit)
            after = got["next"]
            self.found += [one["id"] for one in got["items"]]
            with self.read_on:
                self.pages += 1
                self.read_on.notify_all()
            if not at_work and len(got["items"]) < self.limit:
                break
        connections.close_all()


def none_is_missed_while_sixteen_write(number: int, story: Story, api: Any, superuser: Any) -> None:
    """None comes twice, and order is kept. However fast each is, every reader reads on while a
    transaction is open, ten times."""
    story.accept()
    read_on, pauses = threading.Condition(), list[bool]()
    readers = [
        Reader(api(who), limit, read_on)
        for who, limit in (("police.worker", 7), ("ywca.client", 100), ("ywca.worker", 33))
    ]

    def each_reads_on() -> None:
        with read_on:
            before = [reader.pages for reader in readers]
            went_on = read_on.wait_for(
                lambda: all(one.pages > was for one, was in zip(readers, before, strict=True)), 60
            )
            pauses.append(went_on)

    name = str(connections["default"].settings_dict["NAME"])
    with Writers(name, story.id, number, each_reads_on) as writers:
        for reader in readers:
            reader.writers = writers
            reader.start()
    for reader in readers:
        reader.join()
    assert pauses == [True] * PAUSES, "each read on while a transaction was open"
    assert readers[0].found == in_order(superuser, "from")
    assert readers[1].found == readers[2].found == in_order(superuser, "to")
    assert len(readers[0].found) > number
