"""What CI leaves out where time runs out: two thirds of several cases, other ones each time."""

import time

import pytest

from tests import conftest, share

pytestmark = pytest.mark.no_database

ONE, SEVEN = "tests/a.py::test_of_one", "tests/a.py::test_of_seven"
WIDE = "tests/a.py::test_in_a_browser"
IDS = [ONE, *(f"{SEVEN}[{case}]" for case in range(7)), f"{WIDE}[phone]", f"{WIDE}[wide]"]


def test_a_third_of_the_cases_is_tried_and_each_test_is() -> None:
    tried = set(IDS) - share.left_out(IDS, "a word")
    assert ONE in tried
    assert len([one for one in tried if one.startswith(SEVEN)]) == 3
    assert len([one for one in tried if one.startswith(WIDE)]) == 1


def test_tests_of_one_group_are_drawn_from_as_cases_of_one() -> None:
    alone = [f"tests/long.py::test_{number}" for number in range(6)]
    out = share.left_out([ONE, *alone], "a word", dict.fromkeys(alone, "long"))
    assert len(out) == 4
    assert out < set(alone)


def test_workers_leave_out_alike_in_whatever_order_they_collect() -> None:
    assert share.left_out(IDS, "a word") == share.left_out(reversed(IDS), "a word")


def test_what_one_run_leaves_out_another_tries() -> None:
    every_time = set(IDS).intersection(*(share.left_out(IDS, str(word)) for word in range(40)))
    assert every_time == set()


@pytest.mark.parametrize("case", range(6))
def test_it_is_left_out_once_time_has_run_out_and_not_before(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, case: int
) -> None:
    test = request.node.nodeid.partition("[")[0]
    left_out = share.left_out([f"{test}[{number}]" for number in range(6)], "a word")
    assert len(left_out) == 4
    monkeypatch.setitem(request.config.stash, conftest.LEFT_OUT, left_out)  # type: ignore[arg-type]
    monkeypatch.setattr(conftest, "ALL_S", time.monotonic() - conftest.BEGAN + 3600)
    conftest.pytest_runtest_setup(request.node)
    monkeypatch.setattr(conftest, "ALL_S", 0)
    if request.node.nodeid in left_out:
        with pytest.raises(pytest.skip.Exception, match="no time for all cases"):
            conftest.pytest_runtest_setup(request.node)
    else:
        conftest.pytest_runtest_setup(request.node)
