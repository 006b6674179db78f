"""The model and the database say the same: who sees and who writes what (docs/rules.md).

Random worlds (tests/support/random_worlds.py), a hundred in a part; `make prove` runs 10,000. A
world that fails is printed step by step, and how to run it again.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from permissions.reference import world as w
from permissions.reference.seeing import AUDITOR_SEES, NEVER_SERVED, SEES
from permissions.reference.writing import CHANGEABLE, DATABASES_OWN, INSERTS
from tests.support.random_worlds import Cast, Worlds
from tests.support.rls_probe import Ground
from tests.support.seed import SEED

WORLDS = int(os.environ.get("CAIRN_WORLDS") or 300)
A_PART = 100
PARTS = range(-(-WORLDS // A_PART))


@pytest.fixture
def laid(superuser: Any, network: Any) -> Iterator[Ground]:
    ground = Ground(superuser).read().lay()
    yield ground
    ground.lift()


@pytest.fixture
def cast(laid: Ground) -> Iterator[Cast]:
    cast = Cast(laid).sign_in()
    yield cast
    cast.sign_out()


def test_every_protected_table_stands_in_the_model_and_no_other(laid: Ground) -> None:
    assert set(laid.tables) == set(w.TABLES)
    for table, kind in w.TABLES.items():
        names = set(kind._fields) - ({"id"} if kind is w.Unseen else set())
        assert names <= set(laid.columns[table]), table


def test_each_right_on_each_column_is_what_the_model_says(cast: Cast) -> None:
    """As a worker with a live token, each column by itself: no row is needed to be refused."""
    ground = cast.ground
    for role, sees, inserts, changes in (
        ("app", SEES, INSERTS, CHANGEABLE),
        ("auditor", AUDITOR_SEES, {w.AccessEntry: True}, {}),
    ):
        tried, expected = [], []
        for table in (*ground.tables, *ground.partitions):
            kind = w.TABLES.get(table, w.Unseen)
            own = DATABASES_OWN.get(kind, set())
            tried.append(f"DELETE FROM {table} WHERE false")
            expected.append(False)
            for column in ground.columns[table]:
                tried.append(f'SELECT "{column}" FROM {table} LIMIT 0')
                expected.append(kind in sees and column not in NEVER_SERVED.get(kind, ()))
                tried.append(f'INSERT INTO {table} ("{column}") SELECT NULL WHERE false')
                expected.append(kind in inserts and column not in own)
                tried.append(f'UPDATE {table} SET "{column}" = NULL WHERE false')
                expected.append(column in changes.get(kind, ()))
        worker = next(who for who in cast.who if who.name == "ywca.worker")
        answers = ground.tries(worker.token, role, tried)
        may = [answer != "refused" for answer in answers]
        assert len(tried) > 1000
        wrong = [one for one, is_, as_ in zip(tried, may, expected, strict=True) if is_ != as_]
        assert wrong == [], role


@pytest.mark.parametrize("part", PARTS)
def test_random_worlds(cast: Cast, part: int, record_property: Any) -> None:
    phases = [Phase.generate] + ([Phase.shrink] if os.environ.get("CAIRN_SHRINK") else [])
    Worlds.cast, Worlds.number = cast, 0
    try:
        run_state_machine_as_test(
            seed(SEED + part)(lambda: Worlds()),
            settings=settings(
                max_examples=min(A_PART, WORLDS - part * A_PART),
                stateful_step_count=6,
                deadline=None,
                database=None,
                phases=phases,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except AssertionError as error:
        error.add_note(
            f"Again: CAIRN_SEED={SEED} CAIRN_WORLDS={WORLDS} .venv/bin/python -m pytest"
            f" 'tests/test_model.py::test_random_worlds[{part}]'"
            "; with CAIRN_SHRINK=yes as short as can be found"
        )
        raise
    finally:
        record_property("worlds", Worlds.number)
        record_property("cells", cast.ground.cells)
