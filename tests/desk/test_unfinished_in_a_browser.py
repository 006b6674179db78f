"""What is typed at the desk, in a real browser: kept while the line holds, and after it drops."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import Story, service_of

pytestmark = pytest.mark.browser
NOTE = "The dog is called Biscuit"
KEPT = "What you typed is kept for two hours."


@pytest.fixture
def note(story: Story) -> str:
    story.accept()
    return f"/desk/referrals/{story.id}/add_note"


@pytest.fixture
def new() -> str:
    return f"/desk/referrals/new?service={service_of('ywca')}"


def test_a_note_is_kept_over_a_lost_line_and_leaves_nothing_on_the_device(
    note: str, server: Server, chromium: Any
) -> None:
    desk = Desk(chromium, server, SIZES["phone"])
    desk.sign_in("ywca.worker")
    desk.page.goto(note)
    field = desk.page.locator("textarea")
    field.fill(NOTE)
    desk.sees(KEPT)
    desk.page.goto("/desk/")
    desk.page.go_back()
    expect(field).to_have_value(NOTE)
    desk.sees("You typed this before")
    desk.check()

    desk.context.set_offline(True)
    field.fill(f"{NOTE} and likes rain")
    desk.sees("No connection: what you typed is not kept yet.")
    desk.page.locator("main form button").last.click()
    expect(field).to_have_value(f"{NOTE} and likes rain")
    desk.complaints.clear()  # the browser says that the line is lost
    desk.context.set_offline(False)
    desk.sees(KEPT)
    desk.page.reload()
    expect(field).to_have_value(f"{NOTE} and likes rain")
    kept = desk.page.evaluate(
        "[localStorage.length, sessionStorage.length, document.cookie].join()"
    )
    assert kept == "0,0,"
    desk.page.get_by_role("button", name="Start over with an empty form").click()
    expect(field).to_have_value("")
    desk.check()


def test_a_new_referral_is_kept_once_the_survivor_has_answered(
    new: str, server: Server, chromium: Any
) -> None:
    desk = Desk(chromium, server, SIZES["phone"])
    desk.sign_in("police.worker")
    desk.page.goto(new)
    first = desk.page.locator("main fieldset").first
    expect(first).to_contain_text("Does the survivor agree to this notice?")
    desk.page.locator("input[value=emergency]").check()
    desk.sees("Nothing is kept until you answer whether the survivor agrees.")
    desk.complaints.clear()  # the browser reports the answer 409
    desk.choose("Yes, to this notice")
    desk.sees(KEPT)
    desk.page.goto("/desk/")
    desk.page.goto(new)
    expect(desk.page.locator("input[value=emergency]")).to_be_checked()
    desk.choose("No")
    desk.sees("Nothing is kept until you answer whether the survivor agrees.")
