"""How we reach you, on a phone in a real browser: add a number, confirm it, try it, go off
duty."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", TRIED)
def test_an_administrator_sets_how_she_and_her_agency_are_rung(
    server: Server, chromium: Browser, superuser: Any, size: str
) -> None:
    desk = Desk(chromium, server, SIZES[size])
    desk.sign_in("ywca.admin")
    desk.follow("How we reach you")
    desk.sees("no one is alerted")
    desk.choose("Phone call", "Our agency's: answered by the member on call")
    desk.page.get_by_label("Phone number or email address").fill("406-555-0130")
    desk.press("Save")
    desk.sees("406-555-0130")
    desk.sees("Not confirmed: no alert goes there.")
    with superuser.cursor() as cursor:  # what the call would say
        cursor.execute("SELECT code FROM channel_code")
        ((code,),) = cursor.fetchall()
    desk.page.get_by_label("Code").fill(code)
    desk.press("Confirm")
    desk.sees("Confirmed. Alerts go there from now on.")
    desk.sees("Not tested yet")
    desk.press("Send a test")
    desk.sees("A test is on its way")
    desk.press("It arrived")
    desk.sees("The test arrived")
    desk.press("Off duty: notify another member right away")
    desk.sees("Saved.")
    desk.follow("Remove 406-555-0130")
    desk.sees("is not called at night")
    desk.follow("Keep it")
    desk.follow("Remove 406-555-0130")
    desk.press("Remove")
    desk.sees("Removed.")
    desk.page.goto("/demo/messages")
    desk.check()
