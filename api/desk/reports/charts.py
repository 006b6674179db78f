"""Charts as SVG, drawn on the server with svg.py: no script, and the colors of the page.

Each has a title that is read aloud, and there is a table with the same numbers.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import svg
from django.utils.safestring import SafeString, mark_safe

WIDTH = 330  # units; a chart is as wide as its place
_ROW, _ABOVE, _BAR, _THIN, _TEXT = 44, 20, 14, 5, 14
_NUMBER = 44  # units that are kept for the number behind the longest bar
_RANGE = 80  # and for two numbers
_MOST_CHARS = 46  # of a label; the table has all of it


class Bar(NamedTuple):
    """`number` and, thinner below it, `before`: of the period before."""

    label: str
    number: int
    before: int | None = None


class RangeBar(NamedTuple):
    """A number that is known to be from `least` to `most`; `words` says so."""

    label: str
    least: int
    most: int
    words: str


class _Strip(NamedTuple):
    """A rectangle of a row, `below` its top edge."""

    number: int
    css: str
    below: int = 0
    height: int = _BAR


def bars(title: str, rows: Sequence[Bar]) -> SafeString:
    """Draw horizontal bars, one below the other, with their labels above them."""
    drawn = []
    for one in rows:
        strips = [_Strip(one.number, "bar-now")]
        if one.before is not None:
            strips.append(_Strip(one.before, "bar-before", _BAR + 1, _THIN))
        drawn.append((one.label, str(one.number), strips))
    return _drawn(title, drawn, _NUMBER)


def ranges(title: str, rows: Sequence[RangeBar]) -> SafeString:
    """Draw bars as far as `least`, and paler from there to `most`."""
    drawn = [
        (one.label, one.words, [_Strip(one.most, "bar-perhaps"), _Strip(one.least, "bar-now")])
        for one in rows
    ]
    return _drawn(title, drawn, _RANGE)


def _short(label: str) -> str:
    if len(label) <= _MOST_CHARS:
        return label
    return f"{label[:_MOST_CHARS]}\N{HORIZONTAL ELLIPSIS}"


def _drawn(
    title: str, rows: Sequence[tuple[str, str, Sequence[_Strip]]], behind: int
) -> SafeString:
    """Rows of a label, the words behind the first strip, for which `behind` units are kept, and the
    strips."""
    longest = max([1, *(strip.number for *_words, strips in rows for strip in strips)])
    unit = (WIDTH - behind) / longest
    parts: list[svg.Element] = [svg.Title(text=escape(title))]
    for place, (label, words, strips) in enumerate(rows):
        top = place * _ROW + _ABOVE
        parts.append(svg.Text(x=0, y=place * _ROW + _TEXT, text=escape(_short(label))))
        parts += [
            svg.Rect(
                x=0,
                y=top + strip.below,
                width=strip.number * unit,
                height=strip.height,
                class_=[strip.css],
            )
            for strip in strips
        ]
        end = strips[0].number * unit
        parts.append(svg.Text(x=end + 5, y=top + _BAR - 2, text=escape(words)))
    drawing = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, WIDTH, len(rows) * _ROW),
        class_=["chart"],
        extra={"role": "img"},
        elements=parts,
    )
    # All text in it is escaped above: svg.py writes it as it is.
    return mark_safe(str(drawing))  # noqa: S308
