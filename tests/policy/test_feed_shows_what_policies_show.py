"""A page of the feed is read past the policies (sec.event_page), and shows what they show."""

from uuid import UUID

import pytest

from tests.support.proofs.policy_probe import World, as_role, named
from tests.support.proofs.policy_probe import world as world  # a fixture

FEED = "SELECT id FROM sec.event_page(%s, %s, %s)"
POLICIES = (
    "SELECT id FROM referral_event WHERE xact < (SELECT sec.xact_bound())"
    " AND (xact, id) > (%s, %s) ORDER BY xact, id LIMIT %s"
)


@pytest.mark.parametrize("page", [3, 10_000])
def test_each_caller_is_shown_what_the_policies_show_them(world: World, page: int) -> None:
    shown = []
    for who in world.people:
        if who.database_role != "app":
            continue
        xact, last = 0, UUID(int=0)
        with as_role(who) as cursor:
            while True:
                cursor.execute(POLICIES, [xact, str(last), page])
                expected = cursor.fetchall()
                cursor.execute(FEED, [xact, str(last), page])
                assert cursor.fetchall() == expected, named(who)
                if not expected:
                    break
                shown.append(frozenset(expected))
                last = expected[-1][0]
                cursor.execute("SELECT xact FROM referral_event WHERE id = %s", [str(last)])
                ((xact,),) = cursor.fetchall()
    assert len(set(shown)) > 5, "not all are shown the same"
