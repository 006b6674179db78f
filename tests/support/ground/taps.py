"""A hand on a phone: what a person taps and types, counted, and how long that takes by a model.

The model is the keystroke-level model of Card, Moran and Newell, "The keystroke-level model for
user performance time with interactive systems", Communications of the ACM 23 (1980), 396-410:
pointing at a target takes P = 1.1 s, and getting ready for an act that is decided on M = 1.35 s.
A key is their K of a person who is no typist, 0.28 s, doubled for glass. A swipe counts as one
pointing. For the server and the network each page counts one second more, and so does the phone's
sensor. An experienced member is meant: one who reads no help.
"""

import math
from typing import Any

from playwright.sync_api import Locator, Page

POINT_S, THINK_S, KEY_S, ANSWER_S, SENSOR_S = 1.1, 1.35, 0.56, 1.0, 1.0
REACH = 0.8  # of the height of the screen: how far one swipe moves the page


class Hand:
    """One thumb. Every act on the page goes through it, or is not counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = self.keys = self.swipes = self.pages = self.sensor = 0

    def opens(self, path: str) -> None:
        """The icon on the home screen."""
        self.page.goto(path)
        self.taps, self.pages = self.taps + 1, self.pages + 1

    def tap(self, target: Locator, leads: bool = False) -> None:
        """Tap on it, once the page is moved to where it can be seen. `leads`: to a page."""
        self._show(target)
        target.click()
        self.taps += 1
        if leads:
            self.pages += 1
            self.page.wait_for_load_state()

    def touch(self, target: Locator, path: str) -> None:
        """Tap on a button that asks for a passkey, and touch the phone's sensor."""
        self.tap(target)
        self.page.wait_for_url(f"**{path}")
        self.taps, self.sensor, self.pages = self.taps + 1, self.sensor + 1, self.pages + 1

    def types(self, words: str) -> None:
        """Type where the tap before this one was, and end with the keyboard's own button."""
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")
        self.keys += len(words) + 1
        self.pages += 1
        self.page.wait_for_load_state()

    def _show(self, target: Locator) -> None:
        """Swipe until it is on the screen."""
        target.wait_for()
        away: float = target.evaluate(
            "one => { const box = one.getBoundingClientRect();"
            " return box.top < 0 ? -box.top : Math.max(0, box.bottom - innerHeight) }"
        )
        height: Any = self.page.viewport_size
        self.swipes += math.ceil(away / (height["height"] * REACH))

    @property
    def seconds(self) -> float:
        """How long all of it takes by the model: one thought a tap or word."""
        thoughts = self.taps - self.sensor
        return (
            (self.taps + self.swipes) * POINT_S
            + thoughts * THINK_S
            + self.keys * KEY_S
            + self.pages * ANSWER_S
            + self.sensor * SENSOR_S
        )

    def said(self) -> str:
        return (
            f"{self.taps} taps, {self.keys} keys, {self.swipes} swipes, {self.pages} pages:"
            f" {self.seconds:.1f} s"
        )
