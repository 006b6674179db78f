"""Each operation of the contract answers as the contract says, whatever schemathesis asks of it: a
short form, the same each time. In short: what is right by who may and by another. `make fuzz` is
the long one."""

from typing import Any

from tests.support.ground.short_form import in_both_forms
from tests.support.people.webhooks import receiver as receiver  # a fixture
from tests.support.proofs.fuzz import Fuzz
from tests.support.proofs.fuzz_world import World
from tests.support.servers.webhook_receiver import Receiver


@in_both_forms
def test_each_operation_answers_as_the_contract_says(
    short: bool, api: Any, empty_tables: Any, receiver: Receiver
) -> None:
    result = Fuzz(World(api, empty_tables, receiver.url), 20261130).run(
        1, 0 if short else 1, whole=False
    )
    assert result.faults == {}, result.told()
    assert result.share > 0.5, result.told()
    assert result.cases > (200 if short else 600)
