"""Webhooks, sent until nothing is due."""

from collections.abc import Iterator
from typing import Any

import pytest

from referrals import worker
from referrals.webhooks import delivery
from referrals.worker import Job
from tests.support.ground.database import all_in_the_feed
from tests.support.servers.webhook_receiver import Receiver, receivers

WORK = [Job("webhooks", delivery.sender.step, 1, delivery.sender.finish)]


def work() -> None:
    """All that is due now."""
    all_in_the_feed()
    assert worker.run_until_idle(WORK) == []


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receivers(settings) as (one,):
        yield one
