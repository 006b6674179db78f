"""Each job of the background work, and what the operator's figures ask, reads about as much with
ten times the history behind it, when there is nothing to do (ADR 0123).

What there is to do costs as much as there is of it. So all is done first, and then a step of each
job is counted: the pages of memory that the whole of it touched.
"""

from collections.abc import Callable
from typing import Any

from permissions.health import checks
from referrals import worker
from referrals.deadlines import overdue, purge
from referrals.operation import deliveries
from tests.support.ground.long_box import box as box  # a fixture
from tests.support.ground.pages_read import read as read  # a fixture
from tests.support.people.access_log import one

MORE = 1.2  # times as many pages of memory, at most
ALWAYS = 40  # pages of memory: what varies by itself
TURNS = 3
# Each endpoint is looked up in two indexes of events, which have a level more in the long box.
DEEPER = {"webhooks": "SELECT 2 * count(*) FROM webhook_endpoint"}
# What grows with the history, and why it may; {job: reason}.
GROWS = {
    "verify": "checks 20,000 older entries an hour again, and fewer while there are no more",
    "tell": "looks at all sides without a holder, or at all that goes on: at the fewer of the two",
}
FIGURES: dict[str, Callable[[], Any]] = {
    "figures: messages": deliveries.queues,
    "figures: webhooks": deliveries.webhooks,
    "figures: seals and clock": checks.figures,
    "figures: the journal": checks.journal_lag_s,
    "what is due for purge": purge.preview,
    "the next deadline": overdue.next_deadline,
}
STEPS = {job.name: job.step for job in worker.JOBS} | FIGURES


def costs(read: Any, superuser: Any) -> dict[str, int]:
    """The pages of memory of each step with nothing to do: the least of some."""
    assert worker.run_until_idle(worker.JOBS) == []
    superuser.cursor().execute("VACUUM ANALYZE")  # as the server's own does
    nothing = min(read(lambda: None) for _ in range(TURNS))
    return {name: min(read(step) for _ in range(TURNS)) - nothing for name, step in STEPS.items()}


def test_ten_times_the_history_costs_no_job_more(box: Any, read: Any, superuser: Any) -> None:
    short = costs(read, superuser)
    box()
    long = costs(read, superuser)
    for name, pages in sorted(short.items(), key=lambda it: long[it[0]] - it[1]):
        print(f"{pages:8} {long[name]:8}  {name}")
    assert short.keys() >= {job.name for job in worker.JOBS}
    deeper = {name: one(superuser, query) for name, query in DEEPER.items()}
    assert {
        name: (pages, long[name])
        for name, pages in short.items()
        if long[name] > MORE * pages + ALWAYS + deeper.get(name, 0) and name not in GROWS
    } == {}
