"""Shift, three times: the quick exit by key, on pages of members and of the public."""

from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import Story

pytestmark = pytest.mark.browser
ENGLISH = "Quick exit by keyboard: press Shift three times."
SPANISH = "Salida rápida con el teclado: pulse tres veces la tecla Mayús."


@pytest.fixture
def opened(story: Story) -> str:
    return f"/desk/referrals/{story.create().send().accept().id}/open_packet"


def at(desk: Desk, path: str) -> tuple[Page, list[str]]:
    """The page, and a list that fills with what it posts. Its clock stands still."""
    page = desk.context.new_page()
    posted: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            posted.append(request.url.removeprefix(desk.server.base_url))

    page.on("request", note)
    page.clock.install()
    page.goto(path)
    leave = page.get_by_role("button", name="Quick exit")
    in_spanish = f" {SPANISH}" if path == "/safety" else ""
    expect(leave).to_have_accessible_description(ENGLISH + in_spanish)
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    return page, posted


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.whole
def test_three_times_leaves_from_every_kind_of_page(
    opened: str, server: Server, chromium: Any
) -> None:
    for path in ("/", "/directory", "/safety", "/accounts/login", "/no-such-page"):
        page, posted = at(Desk(chromium, server, SIZES["wide"]), path)
        with page.expect_request("https://www.weather.gov/"):
            press(page, "Shift", "Shift", "Shift")
        assert posted == ["/leave"], path
    desk = Desk(chromium, server, SIZES["wide"])
    desk.sign_in("ywca.worker")
    for path in ("/desk/", opened):
        page, posted = at(desk, path)
        assert posted == []
    with page.expect_request("https://www.weather.gov/"):
        press(page, "Shift", "Shift", "Shift")
    assert posted == ["/leave"]
    fresh = desk.context.new_page()
    fresh.goto("/desk/")
    expect(fresh.locator("main")).to_contain_text("Password")


def test_typing_does_not(server: Server, chromium: Any) -> None:
    page, posted = at(Desk(chromium, server, SIZES["wide"]), "/")
    words = page.get_by_label("What do you need, and where?")
    words.focus()
    press(page, *["Shift+A"] * 6)  # capital letters
    expect(words).to_have_value("AAAAAA")
    press(page, "Shift", "Shift", "b", "Shift", "Shift")  # a letter between
    page.clock.run_for(1_000)
    press(page, "a", "Shift")
    page.clock.run_for(1_000)
    press(page, "Shift")
    page.clock.run_for(1_000)
    press(page, "Shift")  # too slow: three within two seconds
    words.click()
    press(page, "Shift", "Shift")
    words.click(modifiers=["Shift"])
    press(page, "Shift")
    assert posted == []
    with page.expect_request("**/leave"):
        press(page, "Shift", "Shift")
