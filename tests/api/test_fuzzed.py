"""Each operation of the contract answers as the contract says, whatever schemathesis asks of it: a
short form, the same each time. `make fuzz` is the long one."""

from typing import Any

from tests.support.fuzz import Fuzz
from tests.support.fuzz_world import World
from tests.support.webhook_receiver import Receiver
from tests.support.webhooks import receiver as receiver  # a fixture


def test_each_operation_answers_as_the_contract_says(
    api: Any, empty_tables: Any, receiver: Receiver
) -> None:
    result = Fuzz(World(api, empty_tables, receiver.url), 20261130).run(1, 1, whole=False)
    assert result.faults == {}, result.told()
    assert result.share > 0.5, result.told()
    assert result.cases > 600
