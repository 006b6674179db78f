"""What counting at the act costs: the CPU of a referral's acts, of this process and of PostgreSQL,
with the triggers that count and without them, in turns (ADR 0138)."""

import os
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.bench.serve import cpu_of, used
from tests.support.people.stories import Story, service_of

ROUNDS, LIVES = 12, 25
MOST = 1.05
TRIGGERS = (
    ("referral", "count_it"),
    ("referral_side", "count_own_side"),
    ("conflict_block", "leave_figures"),
)


def test_counting_adds_at_most_five_percent_to_the_cpu_of_acts(api: Any, superuser: Any) -> None:
    service = service_of("ywca")

    def lives() -> None:
        for _ in range(LIVES):
            story = Story(api, service).create(needs=["shelter", "advocacy"]).send()
            story.answers("accept").answers("start_handoff", {"mode": "phone"})
            story.answers("complete", {"outcome": "served"})

    def switch(to: str) -> None:
        with superuser.cursor() as cursor:
            for table, trigger in TRIGGERS:
                cursor.execute(f"ALTER TABLE {table} {to} TRIGGER {trigger}")
        superuser.commit()

    lives()  # plans, caches
    ratios = []
    for number in range(ROUNDS):
        spent = {}
        for to in ("ENABLE", "DISABLE") if number % 2 else ("DISABLE", "ENABLE"):
            switch(to)
            spent[to] = cpu_during(superuser, lives)
        ratios.append(spent["ENABLE"] / spent["DISABLE"])
    switch("ENABLE")
    shown = ", ".join(f"{one:.3f}" for one in sorted(ratios))
    print(f"\n{ROUNDS} times {LIVES} referrals of five acts: {median(ratios):.3f} ({shown})")
    assert median(ratios) <= MOST


def cpu_during(superuser: Any, work: Callable[[], None]) -> float:
    """Seconds of CPU of this process and of the back ends of its database."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend'"
        )
        pids = [os.getpid(), *(pid for (pid,) in cursor.fetchall())]
    superuser.commit()
    before = cpu_of(pids)
    work()
    return used(before, cpu_of(pids))
