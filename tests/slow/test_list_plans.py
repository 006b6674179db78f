"""A filtered page of the list costs its rows, however long the box is (ADR 0121)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from permissions.identity.credentials import resolve_credential
from referrals.acts.entered_in_error import list_mistakes
from referrals.queries import lists
from referrals.queries.list_filters import Filters
from tests.bench import plans
from tests.support.ground.long_box import box as box  # a fixture

MAX_BUFFERS = 800  # a page of any filter, at any size
LEVELS = 20
# Of a member who has worked on all of the box.
OF_ONE: dict[str, dict[str, Any]] = {
    "own, active": {
        "filters": Filters(phase="active", mine=True),
        "soonest": True,
        "limit": 100,
    },
    "own, to answer": {"filters": Filters(needs_answer=True, mine=True)},
}
GOES_ON = {
    *("needs_answer", "pressing", "unheld", "the desk's inbox", "overdue", "updated_since"),
    *("emergencies that wait", "drafts", "accepted", "in_handoff"),
    *OF_ONE,
}
SINCE = datetime.now(UTC) - timedelta(days=1)
ASKED: dict[str, dict[str, Any]] = {
    "needs_answer": {"filters": Filters(needs_answer=True)},
    "pressing": {"filters": Filters(pressing=True), "soonest": True, "limit": 100},
    "unheld": {"filters": Filters(unheld=True), "soonest": True, "limit": 100},
    "the desk's inbox": {"filters": Filters(phase="active"), "soonest": True, "limit": 100},
    "over": {"filters": Filters(phase="over")},
    "overdue": {"filters": Filters(overdue=True)},
    "updated_since": {"filters": Filters(updated_since=SINCE)},
    "urgency": {"filters": Filters(urgency="routine")},
    "emergencies that wait": {"filters": Filters(status="sent", urgency="emergency")},
    "drafts": {"filters": Filters(status="draft")},
    "accepted": {"filters": Filters(status="accepted")},
    "in_handoff": {"filters": Filters(status="in_handoff")},
    "completed": {"filters": Filters(status="completed")},
    "declined": {"filters": Filters(status="declined")},
}


def pages(api: Any, superuser: Any) -> dict[tuple[str, ...], int]:
    """The pages of memory that each list reads, for the largest sender and the largest
    recipient."""
    found = {}
    for who, way, every in (
        ("police.lead", "out", ASKED),
        ("police.worker", "out", OF_ONE),
        ("ywca.lead", "in", ASKED),
    ):
        principal = resolve_credential(api(who).secret)
        assert principal is not None
        for name, asked in every.items():
            with plans.statements() as seen:
                lists.list_page(principal, box=way, **asked)
            query = next(one for one in reversed(seen) if "WITH page" in one.query)
            found[way, name] = plans.explain_both(superuser, principal, query)[0].buffers
        if every is OF_ONE:  # a worker does not review mistakes
            continue
        with plans.statements() as seen:
            assert list_mistakes(principal)
        reads = [one for one in seen if "entered_in_error" in str(one.params)]
        found[way, "mistakes"] = sum(
            plans.explain_both(superuser, principal, one)[0].buffers for one in reads
        )
        assert len(reads) == 2
    return found


def test_a_page_costs_no_more_in_a_box_ten_times_as_long(
    box: Any, api: Any, superuser: Any
) -> None:
    short = pages(api, superuser)
    box()
    long = pages(api, superuser)
    for key, read in short.items():
        print(key, read, long[key])
    assert {key: read for key, read in long.items() if read > MAX_BUFFERS} == {}
    # Of what goes on there is as much in both. An index that is ten times as long has a level more.
    grown = {key: (short[key], long[key]) for key in short if key[1] in GOES_ON}
    assert {key: two for key, two in grown.items() if two[1] > 1.2 * two[0] + LEVELS} == {}
