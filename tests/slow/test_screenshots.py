"""Every page at both widths, light and dark, in every language: sound, and kept as a picture in
var/screenshots (`make screenshots`)."""

from typing import Any

import pytest

from api import languages
from tests.support.people import every_page
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.every_page import night as night  # a fixture

LOOKS = [
    every_page.Look(size, scheme, language)
    for size in ("phone", "wide")
    for scheme in ("light", "dark")
    for language in languages.languages("desk")
]


@pytest.mark.parametrize("look", LOOKS, ids=[look.folder for look in LOOKS])
def test_every_page(
    server: Any, night: every_page.Night, chromium: Any, look: every_page.Look
) -> None:
    faults = {}
    for desk, shot, page in night.walk(chromium, server, look):
        every_page.take(page, every_page.PICTURES, shot, look)
        if found := every_page.wrong(desk, shot, look):
            faults[shot.name] = found
    assert not faults, "\n".join(f"{name}: {found}" for name, found in faults.items())
