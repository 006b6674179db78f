"""What everybody together can work out of the figures: a solver finds no small number of an agency
that is not of the party (ADR 0144). tests/slow has many larger networks."""

import random
from collections import Counter
from datetime import date
from itertools import combinations

import pytest

from referrals.numbers.network_figures import ANSWERED
from referrals.numbers.periods import containing
from tests.figures.parties import KINDS, QUARTERS, YEAR, Party, Referral, a_network, published
from tests.support.ground.seed import SEED


@pytest.mark.parametrize("number", range(2))
def test_no_party_can_work_out_a_small_number_of_the_others(number: int) -> None:
    network = a_network(SEED + number, most=45)
    tables = published(network, set(random.Random(SEED + number).sample(sorted(KINDS), 3)))
    away = [
        f"{two}: {one}"
        for two in combinations(KINDS, 2)
        for one in Party(network, tables, two).given_away()
    ]
    assert not away, away


def test_the_solver_finds_what_plain_bands_give_away() -> None:
    """Twenty referrals, of which nineteen are known, in bands without room: the last one is found.
    So a green run is not for want of looking."""
    items = {"concern": "domestic", "age_band": "adult", "urgency": "urgent", "outcome": "accepted"}
    common = frozenset(f"{name}:{code}" for name, code in items.items())
    known = Referral("police", "ywca", QUARTERS[0], common | {"kind:community_advocate"})
    last = Referral(
        "campus",
        "aid",
        QUARTERS[0],
        (common - {"concern:domestic"}) | {"kind:legal", "concern:stalking"},
    )
    network = [*[known] * 19, last]
    tables = published(network, set())
    assert not list(Party(network, tables, ("campus", "aid")).given_away())
    counts = Counter(item for one in network for item in one.items)
    for name in (QUARTERS[0], str(YEAR)):
        tables[name]["referrals"] = _plain(len(network))
        for family, shown in tables[name]["tables"].items():
            shown |= {code: _plain(counts[f"{family}:{code}"]) for code in shown}
    away = list(Party(network, tables, ("campus", "aid")).given_away())
    assert f"{YEAR} campus concern:stalking: 1" in away


def _plain(number: int) -> tuple[int, int]:
    least = (number - 1) // 10 * 10 + 1
    return least, least + 9


def test_the_times_of_the_tables_are_those_of_the_cells() -> None:
    assert set(ANSWERED.values()) == {"m15", "h1", "d1", "later"}
    assert containing("year", date(YEAR, 5, 1)).name == str(YEAR)
