"""The model and the database say the same: who sees and who writes what (docs/rules.md).

Random worlds (tests/support/proofs/random_worlds.py), the same each time; tests/slow has 10,000. A
world that fails is printed step by step, and how to run it again.
"""

from typing import Any

from permissions.reference import rows as r
from permissions.reference.read_rules import AUDITOR_SEES, NEVER_SERVED, SEES
from permissions.reference.write_rules import CHANGEABLE, DATABASES_OWN, INSERTS
from tests.support.ground.seed import SEED
from tests.support.ground.short_form import in_both_forms
from tests.support.proofs.random_worlds import cast as cast  # a fixture
from tests.support.proofs.random_worlds import compare_random_worlds
from tests.support.proofs.random_worlds import laid as laid  # a fixture
from tests.support.proofs.rls_probe import Ground
from tests.support.proofs.world_cast import Cast

WORLDS = 40
IN_SHORT = 8


def test_every_protected_table_stands_in_the_model_and_no_other(laid: Ground) -> None:
    assert set(laid.tables) == set(r.TABLES)
    for table, kind in r.TABLES.items():
        names = set(kind._fields) - ({"id"} if kind is r.Unseen else set())
        assert names <= set(laid.columns[table]), table


def test_each_right_on_each_column_is_what_the_model_says(cast: Cast) -> None:
    """As a worker with a live token, each column by itself: no row is needed to be refused."""
    ground = cast.ground
    for role, sees, inserts, changes in (
        ("app", SEES, INSERTS, CHANGEABLE),
        ("auditor", AUDITOR_SEES, {r.AccessEntry: True}, {}),
    ):
        tried, expected = [], []
        for table in (*ground.tables, *ground.partitions):
            kind = r.TABLES.get(table, r.Unseen)
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


@in_both_forms
def test_random_worlds(short: bool, cast: Cast, record_property: Any) -> None:
    compare_random_worlds(cast, IN_SHORT if short else WORLDS, SEED, record_property)
