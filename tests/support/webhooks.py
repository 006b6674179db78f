"""Webhooks, sent until nothing is due."""

from collections.abc import Iterator
from typing import Any

import pytest

from referrals import sending, working
from referrals.working import Job
from tests.support.database import all_in_the_feed
from tests.support.webhook_receiver import Receiver, receivers

WORK = [Job("webhooks", sending.sender.step, 1, sending.sender.finish)]


def work() -> None:
    """All that is due now."""
    all_in_the_feed()
    assert working.work_off(WORK) == []


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receivers(settings) as (one,):
        yield one
