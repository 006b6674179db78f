"""The exact gates of the background work: with nothing due, what looks for it reads a few pages,
not the history. tests/slow/test_jobs_at_two_sizes.py counts all of each job at two sizes."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from permissions.database.aliases import JOBS
from permissions.identity.credentials import resolve_credential
from referrals.deadlines import purge, removal_due
from referrals.notifications import sent_messages
from referrals.webhooks import endpoints
from tests.bench import plans
from tests.support.ground.long_box import box as box  # a fixture
from tests.support.people.callers import agency_id

MOST = 40  # pages of memory: an index or two, and what nearly is due
# The history's own tables, of which nothing is read whole.
GOES_ON = 1_200  # and the 150 referrals that are not over, each with its sides
A_TRY = 30  # the try, its event, and the blocks and members that it is compared with
HISTORY = {
    "conflict_block",
    "referral",
    "referral_side",
    "referral_event",
    "message",
    "packet_field",
    "packet_grant",
}
ASKED_EVERY_SECOND = (
    "sec.claim_unheld(50)",
    "sec.claim_events(50)",
    "sec.claim_self_assignments(50)",
    "sec.message_figures()",
    "sec.claim_block_alerts(50)",
    "sec.blocked_attempt_alerts()",
    "sec.webhook_figures()",
)


@pytest.fixture
def done(box: Any, superuser: Any) -> None:
    """A history in which nothing is due for purge any more."""
    while purge.step():
        pass
    superuser.autocommit = True
    superuser.cursor().execute("VACUUM ANALYZE")
    superuser.autocommit = False


def plan_of(ask: Any) -> plans.Plan:
    """The plan of the last statement that `ask` sends, as `jobs`."""
    with plans.statements() as seen:
        ask()
    with connections[JOBS].cursor() as cursor:
        return plans.explain(cursor, seen[-1])


def test_what_goes_with_another_row_is_found_by_an_index(superuser: Any) -> None:
    """Else each purge reads a table whole. An index of a part of the rows finds only those."""
    cursor = superuser.cursor()
    cursor.execute(
        "SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint k"
        " WHERE k.contype = 'f' AND k.confdeltype = 'c' AND NOT EXISTS ("
        "  SELECT FROM pg_index i JOIN pg_attribute a"
        "   ON a.attrelid = i.indrelid AND a.attnum = k.conkey[1]"
        "   WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1]"
        "   AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid)"
        "    = format('(%I IS NOT NULL)', a.attname))) ORDER BY 1, 2"
    )
    assert cursor.fetchall() == []


def test_with_nothing_due_what_looks_for_it_reads_no_history(done: None) -> None:
    """One history for all of them: it takes longer to make than to ask. All that is wrong is said
    at once."""
    assert {
        what: cost
        for what, cost, most in (*pages_of_purges(), *pages_of_what_is_asked_every_second())
        if cost > most
    } == {}


def pages_of_purges() -> Iterator[tuple[str, int, int]]:
    for who in ("police", "ywca"):
        for name in removal_due.ALL:
            plan = plan_of(lambda name=name, who=who: removal_due.due(name, agency_id(who)))
            read_whole = {table for kind, table, _ in plan.scans if kind == "Seq Scan"}
            yield f"{name} of {who}, read whole", len(read_whole & HISTORY), 0
            yield f"{name} of {who}", plan.buffers, MOST
    for left in (purge._SEALED, purge._FINISHED):
        with connections[JOBS].cursor() as cursor:
            statement = plans.Statement(f"{left} ORDER BY r.id LIMIT 200", None)
            yield left, plans.explain(cursor, statement).buffers, MOST


def pages_of_what_is_asked_every_second() -> Iterator[tuple[str, int, int]]:
    for asked in ASKED_EVERY_SECOND:
        with connections[JOBS].cursor() as cursor:
            plan = plans.explain(cursor, plans.Statement(f"SELECT * FROM {asked}", None))
        yield asked, plan.buffers, GOES_ON


def test_a_page_of_messages_or_tries_costs_its_rows(box: Any, api: Any, superuser: Any) -> None:
    tries_of_a_webhook(api, superuser)
    messages_of_a_member(api, superuser)


def tries_of_a_webhook(api: Any, superuser: Any) -> None:
    """Each row is asked whether its referral has barred someone since, and no other."""
    principal = resolve_credential(api("police.admin").secret)
    assert principal is not None
    cursor = superuser.cursor()
    cursor.execute(
        "SELECT id FROM webhook_endpoint WHERE agency_id = %s", [str(agency_id("police"))]
    )
    ((endpoint_id,),) = cursor.fetchall()
    with plans.statements() as seen:
        shown, more = endpoints.deliveries(principal, UUID(str(endpoint_id)), None, 20)
    assert len(shown) == 20
    assert more is not None
    (query,) = (one for one in seen if "newest_deliveries" in one.query)
    plan = plans.explain_both(superuser, principal, query)[0]
    assert plan.buffers <= A_TRY * len(shown) + MOST


def messages_of_a_member(api: Any, superuser: Any) -> None:
    """One was sent every message of the largest agency, another was sent none."""
    for who, state in (
        *(("police.worker", None), ("police.worker", "sent"), ("police.worker", "dead")),
        *(("police.lead", None), ("police.lead", "dead")),
        *(("police.admin", None), ("police.admin", "dead")),
    ):
        principal = resolve_credential(api(who).secret)
        assert principal is not None
        with plans.statements() as seen:
            shown = sent_messages.list_messages(principal, state)
        (query,) = (one for one in seen if "newest_messages" in one.query)
        plan = plans.explain_both(superuser, principal, query)[0]
        assert plan.buffers <= 2 * len(shown) + MOST, (who, state)
