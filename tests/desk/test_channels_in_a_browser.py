"""How we ring you, on a phone in a real browser: add a number, try it, go off duty."""

import pytest
from playwright.sync_api import Browser

from tests.support.browser import SIZES, Desk
from tests.support.browser import chromium as chromium  # a fixture
from tests.support.live_server import Server


@pytest.mark.parametrize("size", SIZES)
def test_an_administrator_sets_how_she_and_her_agency_are_rung(
    server: Server, chromium: Browser, size: str
) -> None:
    desk = Desk(chromium, server, SIZES[size])
    desk.sign_in("ywca.admin")
    desk.follow("How we ring you")
    desk.sees("nobody is rung here")
    desk.choose("Phone call", "Our agency's: answered by whoever is on duty")
    desk.page.get_by_label("Number or mail address").fill("406-555-0130")
    desk.press("Keep it")
    desk.sees("+14065550130")
    desk.sees("Not tested yet")
    desk.press("Does it ring? Send a test")
    desk.sees("A test is on its way")
    desk.press("It arrived")
    desk.sees("The test arrived")
    desk.press("Off duty: somebody else is rung, at once")
    desk.sees("Kept.")
    desk.press("Take it off")
    desk.sees("Taken off.")
    desk.page.goto("/demo/messages")
    desk.check()
