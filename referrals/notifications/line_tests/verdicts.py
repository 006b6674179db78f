"""What a line's tests say of it: until when it is known to answer, and whether it is silent.

This module uses no database. Tests are in the order of their sending; all of them were sent.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

ANSWER_WITHIN = timedelta(hours=24)
GOOD_FOR = timedelta(days=14)  # from the sending of a test that was answered
SILENT_AFTER = 2  # weekly tests running


class PastTest(NamedTuple):
    """One test of a number. `weekly`: it is one of the weekly ones, and not asked for."""

    kind: str
    weekly: bool
    sent_at: datetime
    answered_at: datetime | None

    def is_missed(self, now: datetime) -> bool:
        """Whether its time to be answered is over. A test that a member asked for never is: they
        know by themselves whether it came."""
        over = self.answered_at is None and self.sent_at + ANSWER_WITHIN <= now
        return over and self.weekly


def answers_at(tests: Sequence[PastTest], moment: datetime) -> bool:
    """Return whether the line had answered its latest test by then, no more than 14 days before. A
    test that may still be answered changes nothing."""
    for one in reversed(tests):
        if one.answered_at is not None and one.answered_at <= moment:
            return moment < one.sent_at + GOOD_FOR
        if one.sent_at <= moment and one.weekly and one.sent_at + ANSWER_WITHIN <= moment:
            return False
    return False


def is_silent(tests: Sequence[PastTest], now: datetime) -> bool:
    """Return whether the last two tests that count were both missed. An answer to any later one
    ends it, also to one that a member asked for."""
    counted = (one for one in reversed(tests) if one.answered_at or one.is_missed(now))
    last = list(islice(counted, SILENT_AFTER))
    return len(last) == SILENT_AFTER and not any(one.answered_at for one in last)
