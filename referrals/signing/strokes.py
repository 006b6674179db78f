"""What a hand draws on the surface: checked, and drawn again as SVG.

A drawing is a list of strokes, each a list of points `[x, y]`: whole numbers, in a surface of WIDTH
by HEIGHT whose origin is the upper left corner. The size of the screen does not matter.
"""

import json
from typing import Any

from permissions.errors import BadRequest, NotPossible

WIDTH, HEIGHT = 1000, 400
MOST_BYTES = 60_000  # as text
MOST_STROKES, MOST_POINTS = 200, 4_000
# Less than this is a slip of the finger: a single dot, or a scratch.
LEAST_POINTS, LEAST_LENGTH, LEAST_BREADTH = 8, 80, 10

Drawing = list[list[list[int]]]


def read(text: str) -> Drawing:
    """Return the drawing in this text. Raises BadRequest for what is no drawing, and NotPossible
    (`nothing_drawn`) for an empty one, a dot or a scratch."""
    if len(text) > MOST_BYTES:
        raise _no_drawing()
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError):
        raise _no_drawing() from None
    if not isinstance(found, list) or len(found) > MOST_STROKES:
        raise _no_drawing()
    points = [point for stroke in found for point in _points_of(stroke)]
    if len(points) > MOST_POINTS:
        raise _no_drawing()
    if len(points) < LEAST_POINTS or not _is_wide_enough(points):
        raise NotPossible("nothing_drawn", "Draw your signature in the box first.")
    return found


def _points_of(stroke: Any) -> list[Any]:
    if not isinstance(stroke, list) or not all(_is_point(one) for one in stroke):
        raise _no_drawing()
    return stroke


def _is_point(one: Any) -> bool:
    if not (isinstance(one, list) and len(one) == 2 and all(type(n) is int for n in one)):
        return False
    x, y = one
    return bool(0 <= x <= WIDTH and 0 <= y <= HEIGHT)


def _is_wide_enough(points: list[list[int]]) -> bool:
    sides: list[int] = [max(one) - min(one) for one in zip(*points, strict=True)]
    return max(sides) >= LEAST_LENGTH and min(sides) >= LEAST_BREADTH


def _no_drawing() -> BadRequest:
    return BadRequest("invalid", "This is no drawing. Clear the box, and draw again.", "/strokes")


def svg_of(drawing: Drawing) -> str:
    """Return the drawing as an SVG picture, made of nothing but numbers."""
    lines = "".join(
        f'<polyline points="{" ".join(f"{x:d},{y:d}" for x, y in stroke)}"/>' for stroke in drawing
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none"'
        ' stroke="currentColor" stroke-width="5" stroke-linecap="round"'
        f' stroke-linejoin="round">{lines}</svg>'
    )
