"""The inbox in a real browser: its keys, times that move, a list that keeps itself up to date, and
all of it without script."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import Story

pytestmark = pytest.mark.browser
WIDE, PHONE = SIZES["wide"], SIZES["phone"]
ROWS = "#list li > a"


@pytest.fixture
def three(story: Story) -> list[str]:
    """Two to answer, and one accepted, in the order of the list."""
    made = []
    for urgency in ("emergency", "urgent", "routine"):
        one = Story(story.api, story.service_id).create(urgency=urgency).send()
        made.append(f"/desk/referrals/{one.id}")
    one.accept()
    return made


@pytest.fixture
def sixty(story: Story) -> None:
    for count in range(60):
        one = Story(story.api, story.service_id).create(needs=["shelter", "advocacy"]).send()
        if count > 5:
            one.accept()


def signed_in(chromium: Any, server: Server, size: tuple[int, int], who: str) -> Desk:
    desk = Desk(chromium, server, size)
    desk.sign_in(who)
    desk.sees("Act now")
    return desk


def test_its_keys_move_open_accept_and_decline(
    three: list[str], server: Server, chromium: Any
) -> None:
    desk = signed_in(chromium, server, WIDE, "ywca.worker")
    assert [one.get_attribute("href") for one in desk.page.locator(ROWS).all()] == three

    def after(*keys: str) -> str:
        desk.page.goto("/desk/")
        for key in keys:
            desk.page.keyboard.press(key)
        desk.page.wait_for_load_state()
        desk.check()
        return desk.page.url.removeprefix(server.base_url)

    assert after("a") == "/desk/", "no row is chosen"
    assert after("j", "a") == f"{three[0]}/accept"
    desk.sees("Accept this referral?")
    assert after("j", "j", "d") == f"{three[1]}/decline"
    assert after("j", "j", "j", "j", "k", "k", "Enter") == three[0]
    assert after("j", "j", "j", "a") == "/desk/", "it was answered"
    assert after("j", "j", "j", "Enter") == three[2]
    desk.page.goto("/desk/")
    desk.page.get_by_text("Filter").click()
    desk.page.get_by_label("Urgency").focus()
    desk.page.keyboard.press("j")
    expect(desk.page.get_by_label("Urgency")).to_be_focused()


def test_times_move_and_the_list_keeps_itself_up_to_date(
    three: list[str], server: Server, chromium: Any
) -> None:
    advocate = signed_in(chromium, server, PHONE, "ywca.worker")
    officer = signed_in(chromium, server, WIDE, "police.worker")
    page = advocate.page
    page.clock.install()
    page.goto("/desk/")
    expect(page).to_have_title("(2) Inbox · Cairn")
    advocate.sees(re.compile("1[0-4] min left"))
    found = re.search("(1[0-4]) min left", page.locator("main").inner_text())
    assert found
    left = int(found[1])

    # Without a connection the times move all the same, and the page says that the list is old.
    page.route("**/desk/", lambda route: route.abort())
    page.clock.fast_forward("03:00")
    moved = "|".join(str(left - minutes) for minutes in (3, 4, 5))  # and what has passed itself
    advocate.sees(re.compile(rf"(?<!\d)({moved}) min left"))
    expect(page.locator("#status")).to_contain_text("could not be updated")
    assert all("ERR_FAILED" in one for one in advocate.complaints)
    advocate.complaints.clear()

    # With one it is the server's list, and its time.
    page.unroute("**/desk/")
    officer.page.goto(f"{three[0]}/withdraw")
    officer.page.get_by_label("Help was found elsewhere").or_(
        officer.page.locator("input[type=radio]")
    ).first.check()
    officer.press("Withdraw")
    page.locator(ROWS).nth(1).focus()
    page.clock.fast_forward("00:31")
    expect(page).to_have_title("(1) Inbox · Cairn")
    expect(page.locator(ROWS)).to_have_count(2)
    expect(page.locator(ROWS).first).to_be_focused()
    expect(page.locator("#status")).to_contain_text("updates by itself")
    advocate.check()

    # Hidden, it asks for nothing; in sight again, at once.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hidden = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s})"
    page.evaluate(hidden % "true")
    page.clock.fast_forward("02:00")
    page.evaluate("fetch('/static/desk/mark.svg')")  # what it asks for comes in order
    assert [one.rpartition("/")[2] for one in asked] == ["mark.svg"]
    page.evaluate(hidden % "false")
    with page.expect_response("**/desk/"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    # Signed out elsewhere, the list does not stay on the screen.
    other = advocate.context.new_page()
    other.goto("/desk/")
    other.locator(".menu > summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.locator("main")).to_contain_text("You are signed out")
    page.clock.fast_forward("00:31")
    expect(page.locator("main")).to_contain_text("Password")


def test_without_script_it_is_whole_and_says_how_to_look_again(
    three: list[str], server: Server, chromium: Any
) -> None:
    context = chromium.new_context(
        base_url=server.base_url,
        viewport={"width": PHONE[0], "height": PHONE[1]},
        java_script_enabled=False,
    )
    desk = Desk(context, server, PHONE)
    desk.sign_in_on_the_pages("ywca.worker")
    expect(desk.page.locator(ROWS)).to_have_count(3)
    expect(desk.page.locator(".scripted")).to_be_hidden()
    desk.follow("Sent")
    desk.sees("Reload this page to look for new ones.")
    desk.page.goto("/desk/")
    desk.page.get_by_text("Filter").click()
    desk.page.get_by_label("Mine").check()
    desk.press("Show")
    expect(desk.page.locator(ROWS)).to_have_count(1)
    desk.page.goto(three[0])
    desk.follow("Accept")
    desk.press("Accept")
    desk.sees("Accepted and assigned to you.")


@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
def test_sixty_are_in_reach_of_a_thumb(
    sixty: None, size: tuple[int, int], server: Server, chromium: Any
) -> None:
    desk = signed_in(chromium, server, size, "ywca.worker")
    desk.check()
    expect(desk.page.locator(ROWS)).to_have_count(60)
    first = desk.page.locator(ROWS).first.bounding_box()
    assert first
    assert first["y"] + first["height"] < size[1] - 60, "on the first screen"
    for row in desk.page.locator(ROWS).all()[:10]:
        box = row.bounding_box()
        assert box
        assert 48 <= box["height"] <= 130
    desk.page.get_by_role("link", name="In progress 54").click()
    expect(desk.page.locator("#progress")).to_be_in_viewport()
