"""At least 20,000 requests that schemathesis makes of the contract, as six callers: two systems, an
auditor, no one, and who may."""

import os
from typing import Any

from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.proofs.fuzz import Fuzz
from tests.support.proofs.fuzz_world import World
from tests.support.servers.webhook_receiver import Receiver

MOST = int(os.environ.get("CAIRN_FUZZED") or 20_000)


def test_the_whole_contract(api: Any, empty_tables: Any, receiver: Receiver) -> None:
    world, number, cases = World(api, empty_tables, receiver.url), 1, 0
    right = taken = 0
    while cases < MOST:
        result = Fuzz(world, number).run(12, 8, whole=True)
        print(f"\nround {number}: {result.told()}")
        assert result.faults == {}, result.told()
        cases += result.cases
        right += sum(result.right.values())
        taken += sum(result.taken.values())
        number += 1
    print(f"\n{cases:,} cases, {right:,} right ones, {taken / right:.0%} of these 2xx")
    assert taken / right > 0.5
