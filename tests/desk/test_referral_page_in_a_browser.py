"""What an advocate sees of a referral first, on a phone at night, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import PACKET, Story, stays

pytestmark = pytest.mark.browser
PHONE = SIZES["phone"]
FULL = {
    "urgency": "emergency",
    "needs": ["shelter", "advocacy", "legal_aid", "medical_care"],
    "wanted": "call_her_now",
    "age_band": "adult",
    "language": "es",
    "interpreter": "phone",
    "survivor_can_talk_now": True,
}


@pytest.fixture
def new(story: Story) -> str:
    return f"/desk/referrals/{story.create(**FULL, **stays(60)).send().id}"


@pytest.fixture
def opens(story: Story) -> str:
    story.accept().release(*PACKET).packet(**PACKET)
    return f"/desk/referrals/{story.id}"


@pytest.fixture
def stopped(story: Story) -> str:
    story.accept().release(*PACKET).packet(**PACKET).sends("stop")
    return f"/desk/referrals/{story.id}"


def edges(one: Locator) -> tuple[float, float]:
    """The upper and the lower edge of an element, in pixels from the top of the screen."""
    box = one.bounding_box()
    assert box
    return box["y"], box["y"] + box["height"]


def test_the_needs_are_above_accept_and_both_on_the_first_screen(
    new: str, server: Server, chromium: Any
) -> None:
    desk = Desk(chromium, server, PHONE)
    desk.sign_in("ywca.worker")
    desk.page.goto(new)
    desk.check()
    needs, _ = edges(desk.page.get_by_text("Emergency shelter, Personal advocacy"))
    top, bottom = edges(desk.page.get_by_role("link", name="Accept", exact=True))
    _, header = edges(desk.page.locator("header.top"))
    bar, end = edges(desk.page.locator(".bar"))
    frame = (header + end - bar) / PHONE[1]
    print(f"\nneeds at {needs:.0f}, Accept {top:.0f} to {bottom:.0f}, frame {frame:.1%}")
    assert header <= 60, "one line"
    assert needs < top
    assert bottom < bar
    assert frame <= 0.2
    for said in ("Adult", "Spanish, interpreter: by phone", "The worker, until", "City Police"):
        assert edges(desk.page.get_by_text(said).first)[1] < top, said


def test_accept_asks_once_and_is_done_by_keys(new: str, server: Server, chromium: Any) -> None:
    desk = Desk(chromium, server, PHONE)
    desk.sign_in("ywca.worker")
    desk.page.goto(new)
    desk.page.get_by_role("link", name="Accept", exact=True).focus()
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(f"**{new}/accept")
    desk.sees("Accept this referral?")
    desk.sees("Emergency shelter, Personal advocacy, Legal help, Medical care")
    desk.sees("Speak with the survivor now")
    desk.page.goto(new)
    desk.sees("Your agency needs to answer.")  # asking is not accepting
    desk.page.goto(f"{new}/accept")
    button = desk.page.get_by_role("button", name="Accept", exact=True)
    for _ in range(12):
        desk.page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    desk.page.keyboard.press("Enter")
    desk.sees("Accepted and assigned to you.")
    desk.check()


@pytest.mark.parametrize("who", ["ywca.worker", "police.worker"])
def test_after_a_stop_the_page_first_says_no_contact_and_offers_no_call(
    stopped: str, who: str, server: Server, chromium: Any
) -> None:
    desk = Desk(chromium, server, PHONE)
    desk.sign_in(who)
    desk.page.goto(stopped)
    desk.check()
    box = desk.page.locator("main > :first-child")
    expect(box).to_contain_text("Do not contact the survivor")
    assert edges(box)[1] < PHONE[1] / 2
    expect(desk.page.locator("main .call")).to_have_count(0)
    numbers = desk.page.locator("main a[href^='tel:']").all()
    assert all(edges(one)[0] > PHONE[1] for one in numbers), "the worker's, far below"
    expect(desk.page.get_by_role("link", name="Open the packet")).to_have_count(0)


def test_the_way_to_contact_safely_is_above_the_number_and_going_back_asks_again(
    opens: str, server: Server, chromium: Any
) -> None:
    desk = Desk(chromium, server, PHONE)
    desk.sign_in("ywca.worker")
    desk.page.goto(opens)
    desk.sees("Packet: Ready: 3 fields.")
    desk.follow("Open the packet")
    desk.press("Open")
    assert edges(desk.page.get_by_text(PACKET["safe_contact"]))[1] < PHONE[1]
    expect(desk.page.get_by_text(PACKET["phone"])).not_to_be_visible()
    desk.page.get_by_text("I read this and will follow it. Show the packet").click()
    for name in ("phone", "name"):
        value = desk.page.get_by_text(PACKET[name], exact=True)
        assert edges(desk.page.get_by_text(PACKET["safe_contact"]))[1] < edges(value)[0]
    desk.sees("This page closes by itself after ten minutes.")
    expect(desk.page.locator("script")).to_have_count(2)  # the way out and the lock, no other
    sources = [one.get_attribute("src") for one in desk.page.locator("script").all()]
    assert sources == ["/static/desk/leave.js", "/static/desk/lock.js"]
    desk.page.reload()
    desk.sees("Why are you opening this?")
    desk.press("Open")
    desk.follow("Close")
    desk.page.go_back()
    desk.sees("Why are you opening this?")
    desk.page.go_forward()
    desk.sees("Your agency accepted.")
    desk.check()


def test_the_menu_says_of_each_act_what_it_does(opens: str, server: Server, chromium: Any) -> None:
    desk = Desk(chromium, server, PHONE)
    desk.sign_in("ywca.worker")
    desk.page.goto(opens)
    menu = desk.page.locator("details.acts")
    expect(menu.get_by_role("link", name="Stop all contact")).to_have_count(0)  # folded
    menu.locator("summary").click()
    assert menu.locator("h2").all_inner_texts() == [
        "Contact and hand-off",
        "Permission and packet",
        "Who sees it and works on it",
        "Your agency's records",
        "End this referral",
    ]
    for entry in menu.locator("li").all():
        assert len(entry.locator("p").inner_text()) > 20, entry.inner_text()
    buttons = desk.page.locator("main .card.now .buttons > *")
    acts = ["Open the packet", "Start hand-off", "Take back your accept"]
    assert buttons.all_inner_texts() == acts
    desk.check()


def test_at_large_text_the_bar_yields(new: str, server: Server, chromium: Any) -> None:
    """200 % on a phone: half as many pixels of CSS."""
    desk = Desk(chromium, server, (195, 422))
    desk.sign_in("ywca.worker")
    desk.page.goto(new)
    desk.check()
    bar = desk.page.locator(".bar")
    assert bar.evaluate("one => getComputedStyle(one).position") == "static"
    desk.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert bar.evaluate("one => getComputedStyle(one).position") == "fixed"
