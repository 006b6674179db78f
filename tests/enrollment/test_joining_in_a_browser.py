"""From an invitation to the first referral, on a phone, by a passkey and nothing else."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.enrollment.links import NEW, PASSWORD, invite
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.support.ground.live_server import Server
from tests.support.people.browser import TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.passkey_browser import Key, touch
from tests.support.people.passkey_browser import at_a_name as at_a_name  # a fixture
from tests.support.people.stories import service_of

pytestmark = pytest.mark.browser


@pytest.fixture
def path(network: Any) -> str:
    return invite("police.admin")


@pytest.fixture
def service(network: Any) -> str:
    return service_of("ywca")


@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
def test_an_officer_joins_by_a_passkey_and_sends_a_referral(
    path: str, service: str, at_a_name: Server, chromium: Browser, size: tuple[int, int]
) -> None:
    desk = Desk(chromium, at_a_name, size)
    key = Key(desk.page)
    desk.page.goto(path)
    desk.sees("Demo City Police")
    desk.check()
    desk.page.get_by_label("User name").fill(NEW)
    desk.page.get_by_label("Password").fill(PASSWORD)
    desk.press("Continue")
    desk.sees("Add your second step")
    desk.check()
    desk.follow("Add a passkey")
    touch(desk, "Add a passkey", "/accounts/recovery-codes?*")
    desk.sees("They are shown only now.")
    desk.follow("Continue")
    assert len(key.credentials()) == 1
    desk.sees("You sign in as new.nia.")
    desk.press("Join")
    desk.sees("You have joined.")
    assert desk.page.url.endswith("/desk/")
    desk.page.goto(f"/desk/referrals/new?service={service}")
    desk.page.get_by_label("Yes, to this notice").check()
    desk.page.get_by_label("Urgent: answer within the hour").check()
    desk.page.get_by_label("Your callback number").fill("406-555-0195")
    desk.press("Send now")
    desk.sees("Sent.")
