"""Lengths of time, counted in fixed steps: the median and the 90th percentile without a row.

The steps are those of `sec.counted_time` (referrals/sql/functions/numbers.sql).
"""

from collections.abc import Mapping
from typing import NamedTuple

# The code of a step, and how long it lasts at most, in minutes. None: longer than all others.
STEPS: dict[str, int | None] = {
    "m1": 1,
    "m2": 2,
    "m5": 5,
    "m10": 10,
    "m15": 15,
    "m30": 30,
    "h1": 60,
    "h2": 120,
    "h4": 240,
    "h8": 480,
    "d1": 1_440,
    "d3": 4_320,
    "d7": 10_080,
    "later": None,
}


class Times(NamedTuple):
    """How many took how long. `steps` has each step in order, also where there are none."""

    steps: Mapping[str, int]

    @property
    def number(self) -> int:
        return sum(self.steps.values())

    @property
    def median(self) -> str | None:
        """The step within which half of them were done; None where there are none."""
        return self.within(50)

    @property
    def p90(self) -> str | None:
        """The step within which nine of ten were done; None where there are none."""
        return self.within(90)

    def within(self, percent: int) -> str | None:
        """The first step within which at least `percent` of a hundred were done (the nearest rank:
        it is the step of one of them). None where there are none."""
        so_far = 0
        for step, number in self.steps.items():
            so_far += number
            if number and so_far * 100 >= percent * self.number:
                return step
        return None


def times(counted: Mapping[str, int]) -> Times:
    """Put counts by their step in order."""
    return Times({step: counted.get(step, 0) for step in STEPS})
