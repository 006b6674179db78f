"""Pages that are read past the policies show what these show: sec.newest_messages, and
sec.newest_deliveries."""

from typing import Any

import pytest

from tests.support.ground.stored_rows import rows
from tests.support.proofs.policy_probe import World, as_role, named
from tests.support.proofs.policy_probe import world as world  # a fixture

MESSAGES = "SELECT id FROM sec.newest_messages(%s, %s)"
POLICIES = (
    "SELECT id FROM message WHERE %s::text IS NULL OR state = %s ORDER BY at DESC, id DESC LIMIT %s"
)

DELIVERIES = "SELECT id::text, at FROM sec.newest_deliveries(%s, %s, %s, %s)"
TRIES = (
    "SELECT id::text, at FROM webhook_delivery WHERE endpoint_id = %(endpoint)s"
    " AND (%(at)s::timestamptz IS NULL OR (at, id) < (%(at)s, %(id)s::uuid))"
    " AND (event_id IS NULL OR EXISTS (SELECT FROM sec.event_position(event_id)))"
    " ORDER BY at DESC, id DESC LIMIT %(page)s"
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


@pytest.mark.parametrize("page", [1, 10_000])
def test_each_caller_is_shown_the_tries_that_the_policies_show_them(
    world: World, superuser: Any, page: int
) -> None:
    """For each webhook there is, from the first page to the last."""
    endpoints = [one for (one,) in rows(superuser, "SELECT id::text FROM webhook_endpoint")]
    superuser.commit()
    assert endpoints
    shown = []
    for who in world.people:
        if who.database_role != "app":
            continue
        for endpoint in endpoints:
            place: tuple[Any, Any] = (None, None)
            with as_role(who) as cursor:
                while True:
                    cursor.execute(
                        TRIES, {"endpoint": endpoint, "at": place[0], "id": place[1], "page": page}
                    )
                    expected = cursor.fetchall()
                    cursor.execute(DELIVERIES, [endpoint, *place, page])
                    assert cursor.fetchall() == expected, named(who)
                    if not expected:
                        break
                    shown.append(frozenset(expected))
                    place = (expected[-1][1], expected[-1][0])
    assert shown
