"""Every page and every GET route reads about as much with ten times the history behind it.

What a request reads is counted by PostgreSQL: the pages of memory that the whole of it touched, by
every role and in every statement, access entry and session included.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connections

from tests.support import routes
from tests.support.desk_pages import at_the_desk
from tests.support.long_box import box as box  # a fixture
from tests.support.stories import PACKET, Story

PEOPLE = ("police.lead", "ywca.lead", "police.auditor")
SYSTEM = ("police.client", "police.worker")
MORE = 1.2  # times as many pages of memory, at most
ALWAYS = 40  # pages of memory: what varies by itself, as the page of an index that is split
# What gives all that there is, or counts it: its reader asked for as much.
READS_ALL = {
    "v1/access-log/export": "the whole log of a time",
    "desk/access-log/export": "the same",
    "v1/access-log/counts": "counts the entries of a month",
    "desk/access-log/counts": "the same",
}


@pytest.fixture
def read(superuser: Any) -> Iterator[Any]:
    """`read(ask)`: how many pages of memory all sessions of this database touch meanwhile."""
    superuser.autocommit = True
    cursor = superuser.cursor()

    def touched() -> int:
        for alias in connections:
            if connections[alias].connection is not None:
                with connections[alias].cursor() as own:
                    own.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
        )
        ((found,),) = cursor.fetchall()
        return int(found)

    def of(ask: Any) -> int:
        before = touched()
        ask()
        return touched() - before

    yield of
    superuser.autocommit = False


def costs(api: Any, story: Story, read: Any) -> dict[tuple[str, str], int]:
    """For each route and reader the pages of memory of a warm request: the least of three."""
    found = {}
    desks = {who: at_the_desk(who) for who in PEOPLE}
    callers = {who: api(who) for who in PEOPLE} | {"a system": api(*SYSTEM)}
    nothing = read(lambda: None)
    for route, pattern in routes.served():
        if "GET" not in routes.methods_of(pattern) or route.startswith(("accounts/", "leave")):
            continue
        path = routes.filled(route, referral_id=story.id)
        readers = callers if route.startswith("v1/") else desks
        for who, reader in readers.items():
            asked = [read(partial(reader.get, path)) for _ in range(4)]
            found[route, who] = min(asked[1:]) - nothing
    return found


def test_ten_times_the_history_costs_no_page_more(
    box: Any, api: Any, story: Story, read: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    short = costs(api, story, read)
    box()
    long = costs(api, story, read)
    grown = {
        key: (pages, long[key])
        for key, pages in short.items()
        if long[key] > MORE * pages + ALWAYS and key[0] not in READS_ALL
    }
    for key, (before, after) in sorted(grown.items(), key=lambda one: -one[1][1]):
        print(f"{before:8} {after:8}  {key}")
    assert len(short) > 300
    assert grown == {}
