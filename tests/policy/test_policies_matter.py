"""Each policy matters: replaced by `true`, or robbed of one condition, a probe finds the leak.

The probe reads and writes every protected table by raw SQL as the role `app`, as many people, and
holds the rows it got against what the model says of them (permissions/reference), which reads facts
that only the superuser sees. With the real policies the two agree row for row.
"""

from typing import Any

import pytest

from tests.mutate.equivalent import EQUIVALENT
from tests.mutate.sql import of_policies, policies
from tests.support.ground.database import opening
from tests.support.ground.short_form import each_once, in_both_forms
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.policy_probe import TABLES, World, as_role, ids, probe
from tests.support.proofs.policy_probe import world as world  # a fixture
from tests.support.proofs.probe_people import person

# -- The tests -------------------------------------------------------------------------------------


@in_both_forms
def test_every_protected_table_gives_and_takes_what_the_design_says(
    short: bool, world: World
) -> None:
    """In short: each table is written to by one in so many of the people, in turn."""
    every = 6 if short else 1
    for turn, table in enumerate(TABLES):
        assert world.rows[table], table
        writers = world.people[turn % every :: every]
        assert list(probe(world, table, writers)) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE release SET ended = true",
        "UPDATE release SET expires_at = sec.clock() - interval '1 second'",
        "UPDATE packet_grant SET closed = true WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET opened_at = NULL WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET expires_at = sec.clock() WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET key_bundle = NULL WHERE release_id IS NOT NULL",
        "UPDATE packet_grant SET fields = '{health}' WHERE release_id IS NOT NULL",
        "UPDATE referral_side SET state = 'stopped'",
        "INSERT INTO conflict_block (id, referral_id, agency_id, kind, bars_agency_id, set_by,"
        " set_at) SELECT gen_random_uuid(), id, from_agency_id, 'agency', to_agency_id, id, now()"
        " FROM referral ON CONFLICT DO NOTHING",
        "DELETE FROM referral_assignment",
    ],
)
def test_each_thing_that_an_opening_asks_for_closes_the_packet_by_itself(
    story: Story, api: Any, superuser: Any, change: str
) -> None:
    story.accept().release(*PACKET).packet(**PACKET)
    entry = opening("ywca.worker", story.id, "open_packet")
    for expected in (set(PACKET), set()):
        with as_role(person(api, "ywca.worker")) as cursor:
            cursor.execute(*entry)
            assert ids(cursor, "SELECT field FROM packet_field") == expected
        with superuser.cursor() as cursor:
            cursor.execute(change)


@in_both_forms
def test_a_policy_that_is_weakened_lets_the_probe_see_it(
    short: bool, world: World, superuser: Any
) -> None:
    """It covers policies of the roles that serve requests or read the log; `make mutate` covers the
    others. In short: each clause of each policy without one of its conditions."""
    before = policies(superuser)
    mutants = [one for one in of_policies(superuser) if one.roles & {"app", "auditor"}]
    if short:
        mutants = each_once(mutants, lambda one: (one.name.partition(" without ")[0],))
    assert {one.about for one in mutants} == set(TABLES), "each protected table is probed"
    missed = []
    for mutant in mutants:
        if mutant.name in EQUIVALENT:  # no probe finds it, and each one would be made in vain
            continue
        with mutant.applied():
            leak = next(probe(world, mutant.about), None)
        print(f"{'caught' if leak else 'MISSED':7} {mutant.name[:150]}: {leak}")
        if leak is None:
            missed.append(mutant.name)
    assert policies(superuser) == before
    assert missed == []
