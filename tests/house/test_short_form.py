"""The choice of a short form leaves no row, no column and no outcome out."""

from itertools import product

import pytest

from tests.support.ground.short_form import each_once

pytestmark = pytest.mark.static

TABLE = [(route, who) for route, who in product(range(40), range(12))]


def refused(cell: tuple[int, int]) -> int:
    route, who = cell
    return 200 if route % (who + 1) else 404


def test_each_row_column_and_outcome_is_asked() -> None:
    chosen = each_once(TABLE, lambda cell: cell, refused)
    for axis in (0, 1):
        every = {(cell[axis], refused(cell)) for cell in TABLE}
        assert {(cell[axis], refused(cell)) for cell in chosen} == every
    assert len(chosen) < len(TABLE) / 4


def test_the_choice_is_the_same_each_time_and_keeps_the_order() -> None:
    chosen = each_once(TABLE, lambda cell: cell)
    assert chosen == each_once(iter(TABLE), lambda cell: cell)
    assert chosen == sorted(chosen)
    assert len(chosen) == 40, "as many as the longer side has"


def test_one_alone_that_differs_is_asked() -> None:
    odd = (17, 5)
    assert odd in each_once(TABLE, lambda cell: cell, lambda cell: cell == odd)
