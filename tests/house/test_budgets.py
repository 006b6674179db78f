"""`make test` takes ten minutes as long as no test of it takes long. What does is in `make whole`,
with a short form in its place (tests/support/ground/short_form.py)."""

import pytest

from tests.support.ground.seconds import LIMIT_S, recorded

pytestmark = pytest.mark.static


def test_no_test_of_the_last_recorded_run_was_over_its_budget() -> None:
    over = {name: took for name, took in recorded().items() if took > LIMIT_S}
    assert not over, "mark it `whole`, and leave a short form of it; then make test, make record"
