"""Five thousand generated lives, each thousand over three years: the counts are the truth that was
kept aside, at each sweep of the purge and after all of it (ADR 0138)."""

from typing import Any

import pytest

from tests.figures.lives import Lives, all_purged, differing, is_right
from tests.figures.reports import reports_are_the_truth
from tests.support.ground.seed import SEED

LIVES = 1_000


@pytest.mark.parametrize("seed", range(SEED, SEED + 5))
def test_three_years_are_counted_as_they_were(
    seed: int, api: Any, shift_clock: Any, superuser: Any
) -> None:
    lives = Lives(api, shift_clock, seed)
    for number in range(LIVES):
        bar = lives.lot.randrange(4) if lives.lot.random() < 0.3 else None
        lives.play(lives.lot.randrange(len(lives.ends)), bar)
        lives.passes(hours=24)
        if number % 5 == 4:
            lives.sweep()
            assert differing(lives, superuser) == {}, number
        if number % 100 == 99:
            is_right()
            reports_are_the_truth(lives, superuser)
    all_purged(lives, superuser)
    assert differing(lives, superuser) == {}
    assert reports_are_the_truth(lives, superuser) > 300
    is_right()
