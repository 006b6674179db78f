"""A page of the feed costs its rows, however long the history is, for the busiest agencies."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from permissions.identity.credentials import resolve_credential
from referrals.queries import event_feed
from referrals.queries.event_feed import BEGINNING, Place
from tests.bench import fill, plans
from tests.support.ground.cluster import own_cluster

REFERRALS = 2000
# The events from one number to another, a hundred in each transaction; told already.
HAPPENED = (
    "INSERT INTO referral_event (id, referral_id, from_agency_id, to_agency_id, at, act,"
    " agency_id, reserved, from_sees, to_sees, told, xact)"
    " SELECT gen_random_uuid(), r.id, r.from_agency_id, r.to_agency_id, now(), 'note',"
    " r.from_agency_id, n %% 17 = 0, true, n %% 5 > 0, true, 1 + n / 100"
    " FROM (SELECT *, row_number() OVER (ORDER BY id) AS number FROM referral) r"
    " JOIN generate_series(%s, %s) n ON r.number = 1 + n %% %s"
)


@pytest.fixture
def history(django_db_setup: str, superuser: Any) -> Iterator[Any]:
    """Referrals among two hundred agencies, one in fifty with a block, and what happened to them;
    `longer` lets more happen."""
    fill.insert_referrals(own_cluster(), django_db_setup, REFERRALS)
    cursor = superuser.cursor()
    cursor.execute("SELECT coalesce(max(xact), 0) FROM referral_event")

    def longer(first: int, last: int) -> None:
        cursor.execute(HAPPENED, [first, last, REFERRALS])
        cursor.execute("ANALYZE referral_event")
        superuser.commit()

    yield longer
    superuser.rollback()
    cursor.execute(
        "TRUNCATE referral CASCADE;"
        " DELETE FROM permissions_membership WHERE name LIKE 'Invented Worker %';"
        " DELETE FROM permissions_person WHERE username LIKE 'unit%.worker%';"
        " DELETE FROM permissions_agency WHERE name LIKE 'Invented Agency %'"
    )
    superuser.commit()


def pages(api: Any, superuser: Any, who: str) -> list[int]:
    """The pages of memory that a full page of the feed reads: at the beginning, in the middle and
    near the end."""
    principal = resolve_credential(api(who).secret)
    assert principal is not None
    cursor = superuser.cursor()
    cursor.execute(
        "SELECT max(xact) FROM referral_event WHERE %s IN (from_agency_id, to_agency_id)",
        [str(principal.agency_id)],
    )
    ((newest,),) = cursor.fetchall()
    superuser.rollback()
    found = []
    for after in (BEGINNING, Place(newest // 2, UUID(int=0)), Place(newest * 9 // 10, UUID(int=0))):
        with plans.statements() as seen:
            entries, _ = event_feed.read_events(principal, after, 100)
        assert len(entries) == 100
        query = next(one for one in seen if "event_page" in one.query)
        found.append(plans.explain_both(superuser, principal, query)[0].buffers)
    return found


@pytest.mark.whole
def test_a_page_costs_no_more_in_a_history_ten_times_as_long(
    history: Any, api: Any, superuser: Any
) -> None:
    people = ("police.worker", "police.lead", "ywca.worker")
    history(1, 20_000)
    short = {who: pages(api, superuser, who) for who in people}
    history(20_001, 200_000)
    long = {who: pages(api, superuser, who) for who in people}
    print(short, long)
    for who in people:
        assert max(long[who]) <= 1.2 * max(short[who]), (who, short[who], long[who])
