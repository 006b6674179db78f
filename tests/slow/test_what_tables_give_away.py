"""What everybody together can work out of the figures, of many larger networks (ADR 0144)."""

from itertools import combinations
from random import Random

import pytest

from tests.figures.parties import KINDS, Party, a_network, published
from tests.support.ground.seed import SEED


@pytest.mark.parametrize("number", range(24))
def test_no_party_can_work_out_a_small_number_of_the_others(number: int) -> None:
    seed = SEED + 1_000 + number
    network = a_network(seed, most=140)
    tables = published(network, set(Random(seed).sample(sorted(KINDS), 3)))
    away = [
        f"{two}: {one}"
        for two in combinations(KINDS, 2)
        for one in Party(network, tables, two).given_away()
    ]
    assert not away, away
