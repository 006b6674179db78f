"""What CI leaves out on a slow machine: half of many cases, none of few, another half each time."""

import pytest

from tests import share

pytestmark = pytest.mark.no_database

ONE, TWO = "tests/a.py::test_of_one", "tests/a.py::test_of_three"
MANY, WIDE = "tests/a.py::test_of_seven", "tests/a.py::test_in_a_browser"
IDS = [
    ONE,
    *(f"{TWO}[{case}]" for case in range(3)),
    *(f"{MANY}[{case}]" for case in range(7)),
    f"{WIDE}[phone]",
    f"{WIDE}[wide]",
]


def test_half_of_many_cases_and_one_width_of_a_browser_are_left_out() -> None:
    out = share.left_out(IDS, "a word")
    assert len(out) == 4
    assert len([one for one in out if one.startswith(MANY)]) == 3
    assert len([one for one in out if one.startswith(WIDE)]) == 1


def test_workers_leave_out_alike_in_whatever_order_they_collect() -> None:
    assert share.left_out(IDS, "a word") == share.left_out(reversed(IDS), "a word")


def test_what_one_run_leaves_out_another_tries() -> None:
    every_time = set(IDS).intersection(*(share.left_out(IDS, str(word)) for word in range(40)))
    assert every_time == set()
