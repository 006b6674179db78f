"""From a locked phone to "Sent": few taps before the form, and less than 45 seconds by a model."""

from typing import Any

import pytest
from django.core.cache import cache

from tests.desk.own_people import Own, has_contact
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.support.ground.live_server import Server
from tests.support.ground.taps import Hand
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.desk_pages import one_time_code
from tests.support.people.passkey_browser import Key, lock, touch
from tests.support.people.passkey_browser import at_a_name as at_a_name  # a fixture

pytestmark = pytest.mark.browser
BEFORE_THE_FORM, WITHIN_S = 6, 45


@pytest.fixture
def officer(make_own: Any, superuser: Any) -> Own:
    """With a number of their own, which the form has in it already."""
    found = dict(make_own("police"))
    has_contact(superuser, found, "sms", "+14065550171")
    cache.clear()
    return found


def test_a_locked_phone_sends_an_emergency_in_a_few_taps(
    officer: Own, at_a_name: Server, chromium: Any
) -> None:
    desk = Desk(chromium, at_a_name, SIZES["phone"])
    key = Key(desk.page)
    desk.page.goto("/desk/")
    desk.page.get_by_label("User name").fill(officer["username"])
    desk.page.get_by_label("Password").fill(officer["password"])
    desk.press("Continue")
    desk.page.get_by_label("Six-digit code").fill(one_time_code(officer["totp_secret"]))
    desk.press("Sign in")
    desk.page.goto("/accounts/passkeys/add")
    touch(desk, "Add a passkey", "/accounts/recovery-codes?*")
    assert len(key.credentials()) == 1
    lock(desk)
    desk.page.goto("about:blank")

    page, hand = desk.page, Hand(desk.page)
    main = page.locator("main")
    hand.opens("/desk/")
    desk.sees("Locked")
    hand.touch(main.get_by_role("button", name="Use your passkey"), "/desk/")
    hand.tap(main.get_by_role("link", name="New referral"), leads=True)
    hand.tap(page.get_by_label("What do you need, and where?"))
    hand.types("advocacy")
    desk.check()
    line = main.locator("li", has_text="Advocacy and safety planning").first
    hand.tap(line.get_by_role("link", name="Make a referral"), leads=True)
    desk.check()
    assert hand.taps <= BEFORE_THE_FORM, hand.said()

    for answer in (
        "Yes, to this notice",
        "Emergency: answer within minutes",
    ):
        hand.tap(page.get_by_label(answer, exact=True))
    hand.tap(main.get_by_role("button", name="Send now"), leads=True)
    desk.sees("Sent. Now call them.")
    assert hand.seconds < WITHIN_S, hand.said()
    print(hand.said())
    desk.context.close()
