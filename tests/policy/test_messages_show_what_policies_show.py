"""A page of messages is read past the policies (sec.newest_messages), and shows what they show."""

import pytest

from tests.support.policy_probe import World, as_role, named
from tests.support.policy_probe import world as world  # a fixture

MESSAGES = "SELECT id FROM sec.newest_messages(%s, %s)"
POLICIES = (
    "SELECT id FROM message WHERE %s::text IS NULL OR state = %s ORDER BY at DESC, id DESC LIMIT %s"
)


@pytest.mark.parametrize("page", [1, 10_000])
@pytest.mark.parametrize("state", [None, "waiting", "sent", "dead"])
def test_each_caller_is_shown_what_the_policies_show_them(
    world: World, state: str | None, page: int
) -> None:
    shown = []
    for who in world.people:
        if who.database_role != "app":
            continue
        with as_role(who) as cursor:
            cursor.execute(POLICIES, [state, state, page])
            expected = cursor.fetchall()
            cursor.execute(MESSAGES, [state, page])
            assert cursor.fetchall() == expected, named(who)
        shown.append(frozenset(expected))
    if state is None:
        assert len(set(shown)) > 2, "not all are shown the same"
