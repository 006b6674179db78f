"""What counts as a drawing, and that it is drawn again as it was."""

import json
from typing import Any

import pytest

from permissions.errors import BadRequest, NotPossible
from referrals.signing import strokes
from tests.signing.scene import DRAWN, points_in

pytestmark = pytest.mark.static

W, H = strokes.WIDTH, strokes.HEIGHT
MANY = [[[x, (x * 7) % H] for x in range(0, W, 2)] for _ in range(9)]  # 4,500 points


def test_a_drawing_is_read_and_drawn_again_point_by_point() -> None:
    found = strokes.read(json.dumps(DRAWN))
    assert found == DRAWN
    drawn = points_in(strokes.svg_of(found))
    assert drawn == [" ".join(f"{x},{y}" for x, y in stroke) for stroke in DRAWN]


@pytest.mark.parametrize(
    "drawn",
    [
        "",
        [],
        [[]],
        [[[500, 200]]],  # a dot
        [[[500, 200]] * 40],  # a finger that rests
        [[[500 + at, 200] for at in range(9)]],  # a scratch
        [[[at * 100, 200] for at in range(10)]],  # a line is no signature
        [[[0, 0], [900, 300]]],  # two points
    ],
)
def test_nothing_a_dot_and_a_scratch_are_no_signature(drawn: Any) -> None:
    text = drawn if isinstance(drawn, str) else json.dumps(drawn)
    with pytest.raises(NotPossible) as refused:
        strokes.read(text)
    assert refused.value.code == "nothing_drawn"


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "7",
        "null",
        "[",
        "[" * 50_000,
        json.dumps([[[0, 0, 0]]]),
        json.dumps([[[0]]]),
        json.dumps([[0, 0]]),
        json.dumps([[["0", "0"]]]),
        json.dumps([[[True, False]]]),
        json.dumps([[[0.5, 1]]]),
        json.dumps([[[-1, 0]]]),
        json.dumps([[[W + 1, 0]]]),
        json.dumps([[[0, H + 1]]]),
        "[[[NaN, 0]]]",
        json.dumps([[]] * (strokes.MOST_STROKES + 1)),
        json.dumps(MANY),
        " " * strokes.MOST_BYTES + json.dumps(DRAWN),
        '[[["<script>", 0]]]',
    ],
)
def test_what_is_no_drawing_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        strokes.read(text)
