"""The test that tests/slow/test_barred_times.py measures with."""

import random

import pytest

from tests.support.ground.two_samples import holm, ks_distance, ks_p

pytestmark = pytest.mark.static


def test_the_distance_is_the_largest_step_between_the_two() -> None:
    assert ks_distance([1, 2, 3, 4], [1, 2, 3, 4]) == 0
    assert ks_distance([1, 2], [3, 4]) == 1
    assert ks_distance([1, 1, 1, 2], [1, 2, 2, 2]) == 0.5, "equal values are one step"
    assert ks_distance([1, 2, 3], [2.5]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("at", "p"), [(0.1, 1.0), (0.5, 0.9639), (1.0, 0.2700), (1.3581, 0.05), (1.6276, 0.01)]
)
def test_p_is_that_of_the_table(at: float, p: float) -> None:
    """Kolmogorov's distribution, at values where it is printed: samples so large that nothing is
    corrected, of which one begins later."""
    size = 20_000
    later = round(at * (2 / size) ** 0.5 * size)
    first, second = list(range(size)), list(range(later, size + later))
    assert ks_p(first, second) == pytest.approx(p, rel=0.05)


def test_a_small_shift_is_found_and_none_where_there_is_none() -> None:
    lot = random.Random(7)
    slow = [lot.gauss(5000, 900) for _ in range(3000)]
    assert ks_p(slow, [lot.gauss(5150, 900) for _ in range(3000)]) < 0.0001
    assert ks_p(slow, [lot.gauss(5000, 900) for _ in range(3000)]) > 0.01


def test_holm_multiplies_the_least_by_all_and_never_turns_the_order() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx(
        {"a": 0.03, "c": 0.06, "b": 0.06}
    )
    assert holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}
