"""Generated lives over a year: the counts are the truth that was kept aside, before and after the
purges. tests/slow/test_numbers.py plays many more."""

from typing import Any

import pytest

from tests.figures.lives import Lives, all_purged, counted, differing, is_right, left_of
from tests.figures.reports import reports_are_the_truth
from tests.support.people.exercises import Exercise


@pytest.mark.parametrize(("seed", "first"), [(1, 0), (2, 5), (3, 9)])
def test_the_counts_are_the_truth_before_and_after_the_purges(
    seed: int, first: int, api: Any, shift_clock: Any, superuser: Any
) -> None:
    lives = Lives(api, shift_clock, seed)
    for number in range(first, first + 16):
        lives.play(number, bar=lives.lot.choice((None, None, 0, 1, 2, 3)))
        if number == first + 7:
            assert differing(lives, superuser) == {}, "before any purge"
        if number >= first + 7:  # the purge goes on with what was sent half a year before
            lives.passes(days=12)
            lives.sweep()
            assert differing(lives, superuser) == {}
    is_right()
    assert sum(counted(superuser).values()) > 40
    assert reports_are_the_truth(lives, superuser) > 10
    all_purged(lives, superuser)
    assert differing(lives, superuser) == {}, "after all purges"
    assert reports_are_the_truth(lives, superuser) > 10
    is_right()
    assert left_of(superuser, "counted_referral") == 0
    assert left_of(superuser, "count_line") == 0
    assert left_of(superuser, "count_seal") > 0


def test_practice_is_not_counted(api: Any, superuser: Any) -> None:
    exercise = Exercise().begin().join("ywca.worker")
    exercise.refer()
    assert left_of(superuser, "referral") == 1
    assert left_of(superuser, "counted_referral") == 0
    assert counted(superuser) == {}
