"""Every route that the process serves by each of the cast, as the two tables say."""

from collections.abc import Callable
from typing import Any

from tests.support.proofs.matrix import TryOut
from tests.support.proofs.matrix import put_back as put_back  # a fixture
from tests.support.proofs.matrix import try_out as try_out  # a fixture
from tests.support.proofs.route_answers import api_answers, as_the_table_says, desk_answers, every
from tests.support.proofs.route_table import API_ROWS, DESK_ROWS


def test_the_api_answers_each_of_the_cast_as_the_table_says(
    try_out: TryOut, put_back: Callable[[str, str, Any], None]
) -> None:
    asked = every(API_ROWS)
    assert api_answers(asked, try_out, put_back) == as_the_table_says(API_ROWS, asked)


def test_the_pages_answer_each_of_the_cast_as_the_table_says(
    try_out: TryOut, put_back: Callable[[str, str, Any], None]
) -> None:
    asked = every(DESK_ROWS)
    assert desk_answers(asked, try_out, put_back) == as_the_table_says(DESK_ROWS, asked)
