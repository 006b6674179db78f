"""Bands: how a figure of the network is shown, so that no table, and no set of tables, says a small
number (ADR 0144).

A number is shown as 0, or as the band that it is in: 1–10, 11–20 and so on, where the threshold is
10. Who knows all others' share of a band would learn the last one's wherever the number is at the
upper end of its band: nothing can be added there. So a number from which fewer than ROOM are left
to the end is shown with the next band as well. Others are shown twice as wide now and then, by a
keyed hash: a wide band does not say for certain that a number is at an end.
"""

import hmac
from typing import NamedTuple

from permissions.keys.derived_keys import derived_key

ROOM = 2  # how many more would be shown in the same words
WIDE_IN_256 = 64  # how many of 256 bands are twice as wide without a need


class Band(NamedTuple):
    """From `least` to `most`, both included. 0 to 0: none."""

    least: int
    most: int


NONE = Band(0, 0)


def band(number: int, threshold: int, figure: str) -> Band:
    """Return the band of a number. `figure` names it, with its period: the same figure of the same
    number always has the same band."""
    if number == 0:
        return NONE
    first = (number - 1) // threshold * threshold + 1
    last = first + threshold - 1
    lot = hmac.digest(derived_key("figure-bands"), f"{figure}\t{number}".encode(), "sha256")
    if number > last - ROOM:
        return Band(first, last + threshold)
    if lot[0] >= WIDE_IN_256:
        return Band(first, last)
    if lot[1] % 2 and first > 1:
        return Band(first - threshold, last)
    return Band(first, last + threshold)
