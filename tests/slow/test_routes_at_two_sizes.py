"""Every page and every GET route reads about as much with ten times the history behind it.

What a request reads is counted by PostgreSQL: the pages of memory that the whole of it touched, by
every role and in every statement, access entry and session included.
"""

from functools import partial
from hashlib import md5
from typing import Any
from uuid import UUID

from referrals import worker
from tests.support.ground.long_box import box as box  # a fixture
from tests.support.ground.pages_read import read as read  # a fixture
from tests.support.people.callers import agency_id
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.readers import every_read

MORE = 1.2  # times as many pages of memory, at most
WEBHOOK = str(UUID(md5(f"webhook {agency_id('police')}".encode()).hexdigest()))  # history.sql
ALWAYS = 40  # pages of memory: what varies by itself, as the page of an index that is split
# A list looks its fifty rows up in indexes that have a level more in the long box.
DEEPER = {"v1/referrals": 50, "fhir/Task": 50, "fhir/ServiceRequest": 50}  # one and the same list
# What gives all that there is, or counts it: its reader asked for as much.
READS_ALL = {
    "v1/access-log/export": "the whole log of a time",
    "desk/access-log/export": "the same",
    "v1/access-log/counts": "counts the entries of a month",
    "desk/access-log/counts": "the same",
}
# Each block that the own agency keeps is compared with the log: some five pages of memory a block.
# One in fifty referrals of the box has one.
ASKS_EACH_BLOCK = {
    "v1/barred-attempts": "the attempts that a block kept out",
    "desk/told": "these among the alerts",
}
# In the short box there is less than a page of it.
LESS_THAN_A_PAGE = {
    "desk/mistakes": "at most a hundred, with their reasons",
    "v1/mistakes": "the same",
}
# The refusals of thirty days, among which the last one of each system is looked for: this test
# itself makes most of them.
READS_REFUSALS = "desk/agency/systems"
MAY_GROW = READS_ALL | ASKS_EACH_BLOCK | LESS_THAN_A_PAGE


def costs(api: Any, story: Story, read: Any, superuser: Any) -> dict[tuple[str, str], int]:
    """For each route and reader the pages of memory of a warm request: the least of three."""
    found = {}
    sealer = worker.jobs_named(["seal"])
    assert worker.run_until_idle(sealer) == []
    superuser.cursor().execute("VACUUM ANALYZE")  # as the server's own does
    nothing = min(read(lambda: None) for _ in range(4))
    for route, path, readers in every_read(api, referral_id=story.id, webhook_id=WEBHOOK):
        # An entry that has no seal yet is looked at again until it has.
        assert worker.run_until_idle(sealer) == []
        for who, reader in readers.items():
            asked = [read(partial(reader.get, path)) for _ in range(4)]
            found[route, who] = min(asked[1:]) - nothing
    return found


def test_ten_times_the_history_costs_no_page_more(
    box: Any, api: Any, story: Story, read: Any, superuser: Any
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    short = costs(api, story, read, superuser)
    box()
    long = costs(api, story, read, superuser)
    grown = {
        key: (pages, long[key])
        for key, pages in short.items()
        if long[key] > MORE * pages + ALWAYS + DEEPER.get(key[0], 0)
        and key[0] not in MAY_GROW
        and not key[0].startswith(READS_REFUSALS)
    }
    for key, (before, after) in sorted(grown.items(), key=lambda one: -one[1][1]):
        print(f"{before:8} {after:8}  {key}")
    assert len(short) > 300
    assert grown == {}
