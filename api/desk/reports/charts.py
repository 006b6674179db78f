"""Charts as SVG, drawn on the server with svg.py: no script, and the colors of the page.

Each has a title that is read aloud, and there is a table with the same numbers.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import svg
from django.utils.safestring import SafeString, mark_safe

WIDTH = 360  # units; a chart is as wide as its place
_ROW, _BAR, _THIN, _TEXT = 44, 14, 5, 14
_NUMBER = 44  # units that are kept for the number behind the longest bar
_RANGE = 80  # and for two numbers
_MOST_CHARS = 46  # of a label; the table has all of it


class Bar(NamedTuple):
    """`number` and, thinner below it, `before`: of the period before."""

    label: str
    number: int
    before: int | None = None


def bars(title: str, rows: Sequence[Bar]) -> SafeString:
    """Draw horizontal bars, one below the other, with their labels above them."""
    longest = max([1, *(one.number for one in rows), *(one.before or 0 for one in rows)])
    unit = (WIDTH - _NUMBER) / longest
    parts: list[svg.Element] = [svg.Title(text=escape(title))]
    for place, row in enumerate(rows):
        top = place * _ROW
        wide = row.number * unit
        parts += [
            svg.Text(x=0, y=top + _TEXT, text=escape(_short(row.label))),
            svg.Rect(x=0, y=top + 20, width=wide, height=_BAR, class_=["bar-now"]),
            svg.Text(x=wide + 5, y=top + 20 + _BAR - 2, text=str(row.number)),
        ]
        if row.before is not None:
            parts.append(
                svg.Rect(
                    x=0,
                    y=top + 20 + _BAR + 1,
                    width=row.before * unit,
                    height=_THIN,
                    class_=["bar-before"],
                )
            )
    return _drawn(parts, len(rows) * _ROW)


class RangeBar(NamedTuple):
    """A number that is known to be from `least` to `most`; `words` says so."""

    label: str
    least: int
    most: int
    words: str


def ranges(title: str, rows: Sequence[RangeBar]) -> SafeString:
    """Draw bars as far as `least`, and paler from there to `most`."""
    longest = max([1, *(one.most for one in rows)])
    unit = (WIDTH - _RANGE) / longest
    parts: list[svg.Element] = [svg.Title(text=escape(title))]
    for place, row in enumerate(rows):
        top = place * _ROW
        wide = row.most * unit
        parts += [
            svg.Text(x=0, y=top + _TEXT, text=escape(_short(row.label))),
            svg.Rect(x=0, y=top + 20, width=wide, height=_BAR, class_=["bar-perhaps"]),
            svg.Rect(x=0, y=top + 20, width=row.least * unit, height=_BAR, class_=["bar-now"]),
            svg.Text(x=wide + 5, y=top + 20 + _BAR - 2, text=escape(row.words)),
        ]
    return _drawn(parts, len(rows) * _ROW)


def _short(label: str) -> str:
    if len(label) <= _MOST_CHARS:
        return label
    return f"{label[:_MOST_CHARS]}\N{HORIZONTAL ELLIPSIS}"


def _drawn(parts: list[svg.Element], height: float) -> SafeString:
    drawing = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, WIDTH, height),
        class_=["chart"],
        extra={"role": "img"},
        elements=parts,
    )
    # All text in it is escaped above: svg.py writes it as it is.
    return mark_safe(str(drawing))  # noqa: S308
