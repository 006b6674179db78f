"""Whether two samples come from one distribution: Kolmogorov and Smirnov's test, and Holm's
correction for many of them."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TypeVar

Name = TypeVar("Name")


def ks_distance(first: Sequence[float], second: Sequence[float]) -> float:
    """The largest distance between the two empirical distribution functions."""
    one, two = sorted(first), sorted(second)
    return max(
        abs(bisect_right(one, value) / len(one) - bisect_right(two, value) / len(two))
        for value in {*one, *two}
    )


def ks_p(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p value by the asymptotic distribution, with Stephens' correction for samples
    of few values; good to some percent from twenty values a sample."""
    n = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    at = (n + 0.12 + 0.11 / n) * ks_distance(first, second)
    if at < 0.2:  # the series does not converge there, and the value is 1 to twelve digits
        return 1.0
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * (k * at) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, math.fsum(terms)))


def holm(found: Mapping[Name, float]) -> dict[Name, float]:
    """The p values of a family of tests, corrected so that the chance of any false alarm in the
    whole family stays at the level that each is held against."""
    corrected: dict[Name, float] = {}
    least = 0.0
    for rank, name in enumerate(sorted(found, key=found.__getitem__)):
        least = max(least, min(1.0, (len(found) - rank) * found[name]))
        corrected[name] = least
    return corrected
