"""The model and the database say the same over 10,000 random worlds: `make prove`."""

from typing import Any

import pytest

from tests.support.ground.seed import SEED
from tests.support.proofs.random_worlds import cast as cast  # a fixture
from tests.support.proofs.random_worlds import compare_random_worlds
from tests.support.proofs.random_worlds import laid as laid  # a fixture
from tests.support.proofs.world_cast import Cast

WORLDS = 10_000
A_PART = 100


@pytest.mark.parametrize("part", range(WORLDS // A_PART))
def test_random_worlds(cast: Cast, part: int, record_property: Any) -> None:
    compare_random_worlds(cast, A_PART, SEED + 1000 + part, record_property)
