"""The hand-off at the desk, in a real browser: rung, tried, failed, moved; a mistake; and the next
service. On a phone and on a wide screen.

What stands before the browser is begun by fixtures: its event loop must not be there yet.
"""

from typing import Any

import pytest

from tests.support.browser import SIZES, Desk
from tests.support.browser import chromium as chromium  # a fixture
from tests.support.live_server import Server
from tests.support.stories import PACKET, Story, service_of, stays

pytestmark = pytest.mark.browser
BOTH = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())


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
    advocate.follow("Begin the hand-off")
    advocate.choose("Phone")
    advocate.press("Begin")
    advocate.sees("Once you have tried to reach her, record it.")
    advocate.follow("Open the packet")
    advocate.choose("For the hand-off")
    advocate.press("Open")
    advocate.sees("First: how to contact her safely")
    advocate.sees(PACKET["safe_contact"])
    text = advocate.page.locator("main").inner_text()
    assert text.index(PACKET["safe_contact"]) < text.index(PACKET["phone"])
    advocate.follow("Close")
    advocate.follow("You tried to reach her")
    advocate.sees("Never her family")
    advocate.choose("Not connected", "By phone")
    advocate.press("Record it")
    advocate.sees("Recorded.")
    advocate.follow("The hand-off failed")
    advocate.press("It failed: start again")
    advocate.sees("Try again, or another way.")
    advocate.follow("The hand-off so far")
    advocate.press("Open")
    advocate.sees("The hand-off failed: the clock started again")
    advocate.follow("Close")

    officer.sign_in("police.worker")
    officer.page.goto(f"/desk/referrals/{story.id}")
    officer.sees("asks you to ring")
    ring = officer.page.locator(".note .call").first
    assert (ring.get_attribute("href") or "").startswith("tel:")
    officer.sees_not("Hand-off")
    officer.follow("Another number to ring")
    officer.page.get_by_label("Where do they reach your agency now").fill("406-555-0144")
    officer.press("Give them this number")
    officer.press("Ask them to ring")
    advocate.page.reload()
    advocate.sees("asks you to ring")
    advocate.sees("406-555-0144")
    officer.follow("It was a mistake")
    officer.choose("Sent to the wrong agency")
    officer.press("Mark it as a mistake")
    officer.sees("It had been opened by 1 of their people")
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
    officer.follow("Where to turn next")
    officer.page.get_by_label("First").select_option(following)
    officer.press("Keep the plan")
    advocate = Desk(chromium, server, size)
    advocate.sign_in("ywca.worker")
    advocate.page.goto(f"/desk/referrals/{story.id}")
    advocate.follow("We cannot take it")
    advocate.choose("No room or nobody free")
    advocate.press("Tell them")
    officer.page.reload()
    officer.sees("They say: No room or nobody free.")
    officer.sees("in your plan")
    officer.follow("Refer her there")
    assert officer.page.get_by_label("Where do they reach you").input_value() == "406-555-0111"
    assert officer.page.get_by_label("Emergency shelter").is_checked()
    officer.choose("She agrees to this notice")
    officer.press("Send now")
    officer.sees("Sent. Now ring them.")
    officer.follow("To the referral")
    officer.sees("It takes the place of one before")
