"""Hiding a shelter in a real browser: seen first, done, and undone with one button."""

import pytest

from tests.directory.hiding_scene import House
from tests.directory.hiding_scene import house as house  # a fixture
from tests.directory.own_services import nothing_left as nothing_left  # a fixture
from tests.directory.own_versions import STREET, entry_id
from tests.support.people.browser import TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
def test_an_editor_hides_a_service_and_undoes_it(house: House, chromium, server, size):
    desk, public = Desk(chromium, server, size), f"/directory/{entry_id(house.line)}"
    page = desk.page
    desk.sign_in("ywca.editor")
    page.goto(f"/desk/entries/{entry_id(house.line)}")
    page.get_by_role("link", name="Make it confidential, or public again").click()
    desk.check()
    page.get_by_role("link", name="See what would disappear").first.click()
    desk.sees("Nothing has been changed yet")
    desk.sees(f"{STREET}, Missoula")
    desk.check()
    desk.press("Make confidential")
    desk.sees("Choose one.")
    desk.check()
    desk.choose("Keep a sealed copy for 24 hours, so that it can be undone")
    desk.press("Make confidential")
    desk.sees("You can undo this for 24 hours.")
    assert STREET not in page.content()
    desk.check()
    page.get_by_role("button", name="Undo (until").click()
    desk.sees("Undone. Everyone can see it again, as it was.")
    page.goto(public)
    desk.sees("17 Inventors Lane")
