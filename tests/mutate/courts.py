"""Judges that hold a world open for many mutants: the probe of the second wall, the matrix.

What they find, a test of the suite finds with the same eyes: each is that test's own probe.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import DatabaseError

from tests.mutate.run import Campaign
from tests.mutate.sql import Mutant
from tests.support.proofs import matrix, route_table
from tests.support.proofs.matrix import put_back as put_back  # a fixture
from tests.support.proofs.matrix import try_out as try_out  # a fixture
from tests.support.proofs.policy_probe import TABLES, TOLD_OF_THE_OWN_SIDE, World, probe
from tests.support.proofs.policy_probe import world as world  # a fixture

PutBack = Callable[[str, str, Any], None]
GLANCES = 4  # so many tables are asked about a function; what they miss, the tests that name it see


def test_the_catalogue_is_read(campaign: Campaign, django_db_setup: str) -> None:
    campaign.begin(django_db_setup)


def test_of_referrals(campaign: Campaign, world: World) -> None:
    campaign.stay_signed_in()
    recent = list(TABLES)

    def tables(mutant: Mutant) -> list[str]:
        if mutant.kind == "policy":
            mine = mutant.about in TABLES and mutant.roles & {"app", "auditor"}
            return [mutant.about] if mine else []
        if mutant.kind == "function":
            if mutant.about == "own_side_context":  # no policy asks it: it says what they do
                return [TOLD_OF_THE_OWN_SIDE]
            asking = campaign.tables_asking.get(mutant.about, [])
            return [table for table in recent if table in asking][:GLANCES]
        return []

    def leak(mutant: Mutant) -> str | None:
        for table in tables(mutant):
            if found := _seen(probe(world, table)):
                recent.remove(table)
                recent.insert(0, table)  # what saw the last one is asked first
                return f"the probe of the second wall: {found}"
        return None

    campaign.judge("test_policies_matter", lambda one: bool(tables(one)), leak)


def _seen(found: Iterator[str]) -> str | None:
    try:
        return next(found, None)
    except (DatabaseError, AssertionError, TypeError) as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]


def test_of_the_matrix(
    campaign: Campaign,
    try_out: Any,
    put_back: PutBack,
) -> None:
    campaign.judge(
        "test_route_matrix",
        lambda mutant: mutant.kind == "rule",
        lambda mutant: answered_otherwise(mutant.about, try_out, put_back),
    )


def answered_otherwise(act: str, try_out: Any, put_back: PutBack) -> str | None:
    """Who of the cast is answered otherwise than the matrix says when she tries this act."""
    for method, route in route_table.API_ROWS:
        if route.rsplit("/", 1)[-1] != act:
            continue
        for who in route_table.API_WHO:
            caller = try_out.api(None if who == "none" else who, matrix.acting_of(who))
            path = try_out.address(route)
            answer = matrix.ask(caller, method, path, try_out, route)
            put_back(method, route, answer)
            expected = route_table.API_ROWS[method, route][who]
            if answer.status_code != expected:
                return f"the matrix: {who} is answered {answer.status_code}, not {expected}"
    return None
