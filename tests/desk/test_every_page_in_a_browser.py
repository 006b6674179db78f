"""Each page of the desk once in a real browser, as its person, on a phone: axe finds nothing, the
keyboard reaches everything, text may be twice as large, and the console is silent. In short: one
page of each person. All sizes, colors and languages: tests/slow/test_screenshots.py."""

from typing import Any

import pytest

from tests.support.ground.short_form import each_once, in_both_forms
from tests.support.people import every_page, keyboard
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.every_page import night as night  # a fixture

pytestmark = pytest.mark.browser
LOOK = every_page.Look("phone", "light", "en")


@in_both_forms
def test_each_page_is_sound_and_reached_by_the_keyboard(
    short: bool, server: Any, night: every_page.Night, chromium: Any
) -> None:
    faults = {}
    if short:
        night = night._replace(shots=each_once(night.shots, axes=lambda shot: (shot.who,)))
    for desk, shot, page in night.walk(chromium, server, LOOK):
        found = every_page.wrong(desk, shot, LOOK)
        found += keyboard.unreached(page)
        if found:
            faults[shot.name] = found
    assert not faults, "\n".join(f"{name}: {found}" for name, found in faults.items())
