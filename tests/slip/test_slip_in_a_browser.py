"""The whole way in a real browser: the worker's screen, the slip, and the survivor's own phone."""

import pytest
from playwright.sync_api import Browser, expect

from tests.slip.scene import CODE, WORD
from tests.slip.scene import no_count_stays as no_count_stays  # a fixture
from tests.slip.scene import shared as shared  # a fixture
from tests.support.ground.live_server import Server
from tests.support.people import every_page
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.every_page import Look
from tests.support.people.stories import PACKET, Story

pytestmark = pytest.mark.browser


class Screen(Desk):
    """A browser: each page is held to what every page is."""

    look: Look

    def is_sound(self, name: str) -> None:
        every_page.sound(self, name, self.look)


def screen(browser: Browser, server: Server, language: str = "en") -> Screen:
    found = Screen(browser, server, SIZES["phone"])
    found.look = Look("phone", "light", language)
    return found


def give(desk: Screen, story: Story) -> str:
    """The worker gives the slip; its code."""
    desk.sign_in("police.worker")
    desk.page.goto(f"/desk/referrals/{story.id}")
    desk.follow("Give them their own way to end this")
    desk.is_sound("slip_give")
    desk.page.get_by_label("The survivor asks for it and has heard the risks.").check()
    for label in ("A word that only you know", "The same word again"):
        desk.page.get_by_label(label).fill(WORD)
    desk.press("Make the slip")
    expect(desk.page.locator("article.slip")).to_be_visible()
    desk.is_sound("slip_printed")
    found = CODE.search(desk.page.content())
    assert found
    desk.page.goto(f"/desk/referrals/{story.id}/slip")
    desk.sees("You are not shown whether or when it is used.")
    desk.is_sound("slip_given")
    return found[1]


def enter(phone: Screen, code: str, word: str = WORD) -> None:
    phone.page.goto("/slip")
    phone.page.locator("#id_code").fill(code)
    phone.page.locator("#id_word").fill(word)
    phone.page.locator("main button").first.click()


def test_a_survivor_shares_less_and_then_ends_it(
    shared: Story, server: Server, chromium: Browser
) -> None:
    code = give(screen(chromium, server), shared)
    phone = screen(chromium, server)
    enter(phone, code, "another word")
    phone.sees("That did not work.")
    phone.is_sound("slip_wrong")
    enter(phone, code)
    expect(phone.page.locator("h1")).to_have_text("What you permit")
    name = phone.page.get_by_text("The other agency", exact=True)
    expect(name).to_be_hidden()
    phone.is_sound("slip_open")
    phone.page.get_by_text("Show the names of the agencies").click()
    expect(name).to_be_visible()
    for value in (*PACKET.values(), WORD):
        assert value not in phone.page.content()
    phone.follow("Share less")
    phone.page.get_by_label("My name", exact=True).check()
    phone.is_sound("slip_less")
    phone.press("Stop sharing these")
    phone.sees("From now on they can open no more than what you see here.")
    phone.follow("End my permission")
    phone.is_sound("slip_end")
    phone.press("End my permission now")
    phone.sees("Your permission has ended. Nothing can be opened.")
    phone.is_sound("slip_ended")
    phone.press("Leave this page")
    phone.sees("You left the page.")
    phone.page.goto("/slip/open")
    expect(phone.page).to_have_url(f"{server.base_url}/slip")
    advocate = screen(chromium, server)
    advocate.sign_in("ywca.worker")
    advocate.page.goto(f"/desk/referrals/{shared.id}")
    advocate.sees("The survivor ended their permission themselves.")
    advocate.is_sound("slip_recipient")


def test_the_way_in_spanish(shared: Story, server: Server, chromium: Browser) -> None:
    code = give(screen(chromium, server), shared)
    phone = screen(chromium, server, "es")
    phone.page.goto("/slip")
    phone.page.get_by_role("button", name="Español").click()
    expect(phone.page.locator("html")).to_have_attribute("lang", "es")  # else it is given up
    enter(phone, code)
    expect(phone.page.locator("h1")).to_have_text("Lo que usted permite")
    phone.is_sound("slip_open")
