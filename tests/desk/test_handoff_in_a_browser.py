"""The hand-off at the desk, in a real browser: called, tried, failed, moved; a mistake; the next
service. It runs on a phone and on a wide screen.

Fixtures do what comes before the browser, because its event loop must not run yet.
"""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.ground.live_server import Server
from tests.support.people.browser import TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import PACKET, Story, service_of, stays

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)


@pytest.fixture
def accepted(story: Story) -> Story:
    story.create(**stays(60)).send().accept()
    return story.release(*PACKET, "screening").packet(**PACKET, screening="power_or_control labour")


@pytest.fixture
def waiting(story: Story) -> tuple[Story, str]:
    story.create(urgency="emergency", needs=["shelter", "advocacy"]).send()
    return story, service_of("sarc")


@BOTH
def test_a_hand_off_that_fails_is_tried_again_and_the_worker_with_her_is_rung(
    accepted: Story, server: Server, size: tuple[int, int], chromium: Any
) -> None:
    story = accepted
    advocate, officer = Desk(chromium, server, size), Desk(chromium, server, size)
    advocate.sign_in("ywca.worker")
    advocate.page.goto(f"/desk/referrals/{story.id}")
    advocate.follow("Start hand-off")
    advocate.choose("Phone")
    advocate.press("Start")
    advocate.sees("Open the packet first: it says how to contact them safely.")
    advocate.choose("I read in the packet how to contact the survivor safely")
    advocate.press("Start")
    advocate.sees("Record each attempt to reach the survivor.")
    advocate.follow("Open the packet")
    advocate.press("Open")
    advocate.sees("First: how to contact the survivor safely")
    advocate.sees(PACKET["safe_contact"])
    expect(advocate.page.get_by_text(PACKET["phone"])).not_to_be_visible()
    advocate.page.get_by_text("I read this and will follow it. Show the packet").click()
    expect(advocate.page.get_by_text(PACKET["phone"])).to_be_visible()
    text = advocate.page.locator("main").inner_text()
    assert text.index(PACKET["safe_contact"]) < text.index(PACKET["phone"])
    advocate.follow("Close")
    advocate.follow("Log a contact attempt")
    advocate.sees("Don't use family members")
    advocate.choose("No contact", "By phone")
    advocate.choose("I read in the packet how to contact the survivor safely")
    advocate.press("Log attempt")
    advocate.sees("The attempt is logged.")
    advocate.follow("Hand-off failed")
    advocate.press("Record failure")
    advocate.sees("Try again, or another way.")
    advocate.follow("Our hand-off record")
    advocate.press("Open")
    advocate.sees("Hand-off failed: the timer started again")
    advocate.follow("Close")

    officer.sign_in("police.worker")
    officer.page.goto(f"/desk/referrals/{story.id}")
    officer.sees("asks you to call")
    ring = officer.page.locator(".note .call").first
    assert (ring.get_attribute("href") or "").startswith("tel:")
    officer.sees_not("Hand-off")
    officer.follow("Change callback number")
    officer.page.get_by_label("New callback number").fill("406-555-0144")
    officer.press("Change number")
    officer.press("Ask them to call")
    advocate.page.reload()
    advocate.sees("asks you to call")
    advocate.sees("406-555-0144")
    officer.follow("Sent by mistake")
    officer.choose("Sent to the wrong agency")
    officer.press("Mark it as a mistake")
    officer.sees("It was opened by 1 of their people")
    officer.sees_not("Yara")
    officer.check()


@BOTH
def test_when_they_cannot_take_her_the_next_is_one_tap_away(
    waiting: tuple[Story, str], server: Server, size: tuple[int, int], chromium: Any
) -> None:
    story, following = waiting
    officer = Desk(chromium, server, size)
    officer.sign_in("police.worker")
    officer.page.goto(f"/desk/referrals/{story.id}")
    officer.follow("Plan backup services")
    officer.page.get_by_label("First").select_option(following)
    officer.press("Save plan")
    advocate = Desk(chromium, server, size)
    advocate.sign_in("ywca.worker")
    advocate.page.goto(f"/desk/referrals/{story.id}")
    advocate.follow("Decline")
    advocate.choose("No room or no staff available")
    advocate.press("Decline")
    officer.page.reload()
    officer.sees("Their reason: No room or no staff available.")
    officer.sees("in your plan")
    officer.follow("Refer them there")
    assert officer.page.get_by_label("Your callback number").input_value() == "406-555-0111"
    assert officer.page.get_by_label("Emergency shelter").is_checked()
    officer.choose("Yes, to this notice")
    officer.press("Send now")
    officer.sees("Sent. Now call them.")
    officer.follow("Go to the referral")
    officer.sees("Replaces an earlier referral")
