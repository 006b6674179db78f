"""The whole way in a real browser: on a phone and on a wide screen, and by the keyboard alone. The
demo's page of messages is the station's telephone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, expect

from referrals.notifications import sealed_messages
from tests.card.scene import address_of_card, give_number, switch_on
from tests.card.scene import no_card_stays as no_card_stays  # a fixture
from tests.support.ground.live_server import Server
from tests.support.people import every_page, keyboard
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.every_page import Look

pytestmark = pytest.mark.browser

SERVICE = "Advocacy and safety planning"


@pytest.fixture
def path(network: Any) -> str:
    """Ask for it before `chromium`."""
    give_number()
    switch_on()
    return address_of_card()


def work(step: Callable[[], bool]) -> None:
    """Let the background work run: playwright's event loop keeps this thread from the database."""

    def run() -> None:
        try:
            while step():
                pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


class Phone(Desk):
    """An officer's browser: each page is held to what every page is."""

    look: Look

    def is_sound(self, name: str) -> None:
        every_page.sound(self, name, self.look)


def tap(desk: Desk, words: str) -> None:
    """One tap: a button's first words."""
    desk.page.locator("main button", has_text=words).first.click()
    desk.check()


def key_at_the_station(browser: Browser, server: Server, size: tuple[int, int], code: str) -> str:
    """Key it on the demo's page of messages, which shows the newest call first."""
    work(sealed_messages.step)
    station = Desk(browser, server, size)
    station.page.goto("/demo/messages")
    station.page.get_by_label("The six digits").first.fill(code)
    station.page.get_by_role("button", name="Key them").first.click()
    station.check()
    said = station.page.locator("[role=status]").inner_text()
    station.context.close()
    return said


@pytest.mark.parametrize("size", TRIED)
def test_an_officer_sends_a_notice_and_withdraws_it(
    path: str, server: Server, chromium: Browser, size: str
) -> None:
    desk = Phone(chromium, server, SIZES[size])
    desk.look = Look(size, "light", "en")
    desk.page.goto(path)
    desk.is_sound("card_service")
    tap(desk, SERVICE)
    desk.is_sound("card_urgency")
    tap(desk, "Urgent")
    desk.is_sound("card_agreement")
    tap(desk, "Yes, to this notice")
    desk.is_sound("card_call")
    tap(desk, "Call our number now")
    desk.sees("Cairn is calling the number that ends in 11")
    desk.is_sound("card_waiting")
    code = desk.page.locator(".reference").inner_text().replace(" ", "")
    wrong = key_at_the_station(chromium, server, SIZES[size], "000000")
    assert "This is not the code" in wrong
    assert "The notice is sent" in key_at_the_station(chromium, server, SIZES[size], code)
    expect(desk.page.locator("h1")).to_have_text("Sent", timeout=30_000)  # it looks by itself
    desk.is_sound("card_sent")
    desk.follow("Withdraw referral")
    desk.is_sound("card_withdraw")
    desk.choose("Help found elsewhere")
    desk.press("Withdraw")
    expect(desk.page.locator("h1")).to_have_text("Withdrawn")
    desk.is_sound("card_withdrawn")


def test_a_no_and_a_stop_send_nothing(path: str, server: Server, chromium: Browser) -> None:
    desk = Phone(chromium, server, SIZES["phone"])
    desk.look = Look("phone", "light", "en")
    desk.page.goto(path)
    for words in (SERVICE, "Emergency", "No"):
        tap(desk, words) if words != "No" else desk.press("No")
    desk.sees("Then nothing is sent")
    desk.is_sound("card_no")
    desk.page.goto(path)
    for words in (SERVICE, "Emergency", "It was not safe to ask", "Call our number now"):
        tap(desk, words)
    desk.press("Stop, and send nothing")
    desk.sees("The notice was not sent")
    desk.is_sound("card_not_sent")


def test_the_whole_way_by_the_keyboard(path: str, server: Server, chromium: Browser) -> None:
    desk = Phone(chromium, server, SIZES["wide"])
    desk.page.goto(path)
    for words in (SERVICE, "Urgent", "Yes, to this notice", "Call our number now"):
        press_by_keyboard(desk.page, words)
        desk.check()
    code = desk.page.locator(".reference").inner_text().replace(" ", "")
    key_at_the_station(chromium, server, SIZES["wide"], code)
    expect(desk.page.locator("h1")).to_have_text("Sent", timeout=30_000)
    press_by_keyboard(desk.page, "Sent by mistake")
    desk.check()
    assert keyboard.unreached(desk.page) == []


def press_by_keyboard(page: Page, words: str) -> None:
    """Tab to what begins with these words, and press Enter."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.innerText") or "").startswith(words):
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"Tab reaches nothing called {words}")


@pytest.mark.parametrize("size", TRIED)
def test_the_agencys_own_page_and_the_card_to_print(
    network: Any, server: Server, size: str, request: pytest.FixtureRequest
) -> None:
    give_number()
    desk = Phone(request.getfixturevalue("chromium"), server, SIZES[size])
    desk.look = Look(size, "light", "en")
    desk.sign_in("police.admin")
    desk.page.goto("/desk/agency/card")
    desk.sees("The card is off.")
    desk.is_sound("card_own_off")
    desk.page.get_by_label("The lead who holds what is sent by the card").select_option(
        label="Lou Sample"
    )
    desk.press("Switch the card on")
    desk.sees("The card is on.")
    desk.is_sound("card_own_on")
    desk.follow("Card to print")
    desk.is_sound("card_printed")
