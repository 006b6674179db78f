"""What the inbox does on one device by choice: a sound, a notification, and keys that can be off.
The browser's own sounds and notifications are counted as it makes them."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import Story

pytestmark = pytest.mark.browser
ROWS = "#list li > a"
TONES, NOTICED = "660;880;", "Cairn: Something needs an answer.;"
SOUND, NOTIFY = "Play a sound", "Show a notification"
# Writes each tone and notification down, where a locator sees it.
COUNT = """
  const Tone = OscillatorNode, Notice = Notification;
  const write = (name, what) => {
    const page = document.documentElement.dataset;
    page[name] = `${page[name] ?? ""}${what};`;
  };
  window.OscillatorNode = class extends Tone {
    constructor(to, options) { super(to, options); write("tones", options.frequency); }
  };
  window.Notification = class extends Notice {
    constructor(title, options) {
      super(title, options); write("notices", `${title}: ${options.body}`);
    }
  };
"""


@pytest.fixture
def waiting(story: Story) -> list[str]:
    """Two that wait for an answer, and two drafts that the officer can still send."""
    made = [Story(story.api, story.service_id).create() for _ in range(4)]
    for one in made[:2]:
        one.send()
    return [f"/desk/referrals/{one.id}" for one in made]


@pytest.fixture
def night(waiting: list[str], server: Server, chromium: Any) -> tuple[Desk, Desk]:
    """An advocate with a browser that counts, and the officer who sends."""
    advocate = Desk(chromium, server, SIZES["phone"])
    officer = Desk(chromium, server, SIZES["wide"])
    advocate.sign_in("ywca.worker")
    officer.sign_in("police.worker")
    return advocate, officer


def inbox(advocate: Desk) -> Page:
    page = advocate.page
    page.add_init_script(COUNT)
    page.clock.install()
    page.goto("/desk/")
    expect(page.locator("#device")).to_be_visible()
    page.locator("#device > summary").click()
    return page


def send(officer: Desk, path: str) -> None:
    officer.page.goto(f"{path}/send")
    officer.choose("Yes, to this notice")
    officer.press("Send now")
    officer.sees("Sent. They can see it now.")


def withdraw(officer: Desk, path: str) -> None:
    officer.page.goto(f"{path}/withdraw")
    officer.page.locator("input[type=radio]").first.check()
    officer.press("Withdraw")
    officer.sees("Do not contact the survivor")


def look_again(page: Page) -> None:
    with page.expect_response("**/desk/"):
        page.clock.fast_forward("00:31")
    expect(page.locator("#status")).to_contain_text("updates by itself")


def heard(page: Page, tones: str, notices: str) -> None:
    """Wait for what was to be heard and seen; a second time is one too many."""
    for name, what in (("tones", tones), ("notices", notices)):
        expect(page.locator("html")).to_have_attribute(f"data-{name}", what)


def silent(page: Page) -> bool:
    return page.locator("html").and_(page.locator("[data-tones], [data-notices]")).count() == 0


def test_a_new_row_is_heard_and_seen_where_that_was_chosen(
    waiting: list[str], night: tuple[Desk, Desk]
) -> None:
    advocate, officer = night
    advocate.context.grant_permissions(["notifications"])
    page = inbox(advocate)
    for name in (SOUND, NOTIFY):
        expect(page.get_by_label(name)).not_to_be_checked()
    look_again(page)
    send(officer, waiting[2])
    look_again(page)
    expect(page.locator(ROWS)).to_have_count(3)
    assert silent(page), "nothing was chosen"

    page.get_by_label(SOUND).check()
    page.get_by_label(NOTIFY).check()
    look_again(page)
    assert silent(page), "nothing is new"

    # One comes and one goes: the list is as long as before.
    send(officer, waiting[3])
    withdraw(officer, waiting[0])
    look_again(page)
    expect(page.locator(f'{ROWS}[href="{waiting[3]}"]')).to_be_visible()
    heard(page, TONES, NOTICED)
    withdraw(officer, waiting[1])
    look_again(page)
    expect(page.locator(ROWS)).to_have_count(2)
    heard(page, TONES, NOTICED)  # no more: one that is gone is not new

    # After a reload the browser allows no sound before a tap, and the page says so.
    page.reload()
    expect(page.locator("#silent")).to_be_visible()
    page.evaluate("document.getElementById('device').open = true")
    page.get_by_label("Use the keys").uncheck()  # the first tap
    expect(page.locator("#silent")).to_be_hidden()
    page.get_by_role("button", name="Try it").click()
    heard(page, TONES, NOTICED)
    advocate.check()


def test_hidden_it_looks_all_the_same_where_a_sound_was_chosen(
    waiting: list[str], night: tuple[Desk, Desk]
) -> None:
    advocate, officer = night
    page = inbox(advocate)
    page.get_by_label(SOUND).check()
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    send(officer, waiting[2])
    look_again(page)
    expect(page.locator("html")).to_have_attribute("data-tones", TONES)
    advocate.check()


def test_a_browser_that_says_no_is_said_in_words(
    waiting: list[str], night: tuple[Desk, Desk]
) -> None:
    advocate, _officer = night
    page = inbox(advocate)
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#tried")).to_contain_text("Choose a sound or a notification first.")
    page.evaluate("Notification.requestPermission = async () => 'denied'")
    page.get_by_label(NOTIFY).click()
    expect(page.locator("#tried")).to_contain_text("This browser blocks notifications")
    expect(page.get_by_label(NOTIFY)).not_to_be_checked()
    page.evaluate("delete window.Notification; window.Notification = undefined")
    page.get_by_label(NOTIFY).click()
    expect(page.locator("#tried")).to_contain_text("This browser cannot show notifications.")
    advocate.check()


def test_the_keys_can_be_off_and_only_the_choices_are_kept(
    waiting: list[str], night: tuple[Desk, Desk]
) -> None:
    advocate, _officer = night
    page = inbox(advocate)
    assert page.evaluate("({...localStorage, ...sessionStorage})") == {}
    page.keyboard.press("j")
    expect(page.locator(ROWS).first).to_be_focused()
    expect(page.locator(".keys")).to_be_visible()
    page.get_by_label("Use the keys").uncheck()
    page.reload()
    page.keyboard.press("j")
    expect(page.locator(ROWS).first).not_to_be_focused()
    expect(page.locator(".keys")).to_be_hidden()
    kept = page.evaluate("({...localStorage, ...sessionStorage})")
    assert json.loads(kept.pop("device")) == {"sound": False, "notify": False, "keys": False}
    assert kept == {}
    page.locator(".menu > summary").click()
    advocate.press("Sign out")
    assert page.evaluate("localStorage.length") == 0, "signing out forgets them"
    advocate.check()
