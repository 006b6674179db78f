"""The short form of a sweep: which cells of a table `make test` asks, when `make whole` asks all.

Not the first tenth. Each row and each column of the table is asked once, and so is each outcome
that a row or a column can have: a status, a word or a refusal that differs is never left out.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from random import Random
from typing import TypeVar

import pytest

from tests.support.ground.seed import SEED

Cell = TypeVar("Cell")

# A proof that takes `short`: `make test` has it short, `make whole` whole.
in_both_forms = pytest.mark.parametrize(
    "short", [True, pytest.param(False, marks=pytest.mark.whole)], ids=["short", "whole"]
)


def each_once(
    cells: Iterable[Cell],
    axes: Callable[[Cell], Sequence[Hashable]],
    outcome: Callable[[Cell], Hashable] = lambda _: None,
) -> list[Cell]:
    """Return some of `cells`, in their order: for each value of each axis, and each outcome with
    it, at least one cell. The seed draws which; the same cells give the same choice."""
    every = list(cells)
    values = [
        {(axis, value, outcome(cell)) for axis, value in enumerate(axes(cell))} for cell in every
    ]
    order = list(range(len(every)))
    Random(SEED).shuffle(order)
    seen: set[Hashable] = set()
    chosen = []
    for least in (2, 1):  # first those that bring most, so that fewer are needed
        for place in order:
            if len(values[place] - seen) >= min(least, len(values[place])):
                chosen.append(place)
                seen |= values[place]
    return [every[place] for place in sorted(chosen)]
