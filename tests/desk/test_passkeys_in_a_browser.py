"""Passkeys in a real browser, with Chromium's own virtual authenticator: added, used to sign in, as
the second step and at the lock, and refused where the person cannot be verified."""

from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.desk.own_people import Own
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.desk_pages import one_time_code
from tests.support.people.passkey_browser import Key, lock, touch, watched
from tests.support.people.passkey_browser import at_a_name as at_a_name  # a fixture
from tests.support.people.stories import service_of

pytestmark = pytest.mark.browser


@pytest.fixture
def officer(make_own: Any) -> Own:
    return dict(make_own("police"))


@pytest.fixture
def service() -> str:
    return service_of("ywca")


def by_password(desk: Desk, own: Own, path: str = "/desk/") -> None:
    desk.page.goto(path)
    desk.page.get_by_label("User name").fill(own["username"])
    desk.page.get_by_label("Password").fill(own["password"])
    desk.press("Continue")


def sign_out(desk: Desk) -> None:
    desk.page.goto("/accounts/logout")
    desk.page.locator("main").get_by_role("button", name="Sign out").click()
    desk.sees("You are signed out.")


def test_a_member_adds_a_passkey_and_signs_in_with_one_touch(
    own: Own, at_a_name: Server, chromium: Any
) -> None:
    code = one_time_code(own["totp_secret"])
    desk = Desk(chromium, at_a_name, SIZES["phone"])
    key = Key(desk.page)
    by_password(desk, own)
    desk.page.get_by_label("Six-digit code").fill(code)
    desk.press("Sign in")

    desk.page.goto("/desk/account")
    desk.follow("Add a passkey")
    desk.page.get_by_label("Name of this passkey").fill("Work phone")
    touch(desk, "Add a passkey", "/accounts/recovery-codes?*")
    desk.sees("They are shown only now.")
    expect(desk.page.locator("ul.codes li")).to_have_count(10)
    desk.follow("Continue")
    desk.sees("Work phone")
    desk.sees("10 codes are left.")
    (kept,) = key.credentials()
    assert kept["isResidentCredential"]
    assert kept["rpId"] == "localhost"

    # Signed out, one touch leads to the page that was asked for.
    sign_out(desk)
    desk.page.goto("/desk/calls")
    first = desk.page.locator("main button:visible").first
    expect(first).to_have_text("Sign in with a passkey")
    touch(desk, "Sign in with a passkey", "/desk/calls")

    # As the second step after the password.
    sign_out(desk)
    by_password(desk, own, "/desk/calls")
    touch(desk, "Use your passkey", "/desk/calls")
    kept_here = "[localStorage.length, sessionStorage.length, document.cookie].join()"
    assert desk.page.evaluate(kept_here) == "0,0,"


def test_who_is_not_verified_by_the_device_is_not_let_in(
    own: Own, at_a_name: Server, chromium: Any
) -> None:
    code = one_time_code(own["totp_secret"])
    desk = Desk(chromium, at_a_name, SIZES["wide"])
    key = Key(desk.page)
    by_password(desk, own)
    desk.page.get_by_label("Six-digit code").fill(code)
    desk.press("Sign in")
    desk.page.goto("/accounts/passkeys/add")
    touch(desk, "Add a passkey", "/accounts/recovery-codes?*")
    desk.sees("They are shown only now.")
    sign_out(desk)
    desk.page.goto("/accounts/login")
    key.verifies(False)
    with watched(desk):
        desk.page.get_by_role("button", name="Sign in with a passkey").click()
        expect(desk.page.get_by_text("No passkey was used.")).to_be_visible()
    key.verifies(True)
    touch(desk, "Sign in with a passkey", "/desk/")


def test_at_an_address_of_numbers_and_without_script_there_is_no_such_button(
    server: Server, chromium: Any
) -> None:
    desk = Desk(chromium, server, SIZES["phone"])
    desk.page.goto("/accounts/login")
    expect(desk.page.get_by_role("button", name="Continue")).to_be_visible()
    expect(desk.page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    context = chromium.new_context(
        base_url=server.base_url.replace("127.0.0.1", "localhost"), java_script_enabled=False
    )
    page = context.new_page()
    page.goto("/accounts/login")
    expect(page.get_by_role("button", name="Continue")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    context.close()


def test_an_idle_page_shows_the_lock_and_one_touch_goes_on(
    own: Own, at_a_name: Server, chromium: Any
) -> None:
    code = one_time_code(own["totp_secret"])
    desk = Desk(chromium, at_a_name, SIZES["phone"])
    Key(desk.page)
    by_password(desk, own)
    desk.page.get_by_label("Six-digit code").fill(code)
    desk.press("Sign in")
    desk.page.goto("/accounts/passkeys/add")
    touch(desk, "Add a passkey", "/accounts/recovery-codes?*")
    desk.sees("They are shown only now.")

    # The page's own clock moves on; the server's does not, so the page goes on at once.
    desk.page.clock.install()
    desk.page.goto("/desk/calls")
    desk.page.clock.fast_forward((settings.IDLE_LOCK_S - 30) * 1000)
    expect(desk.page.locator("html")).to_be_visible()
    with desk.page.expect_request("**/desk/locked?next=%2Fdesk%2Fcalls"):
        desk.page.clock.fast_forward(60_000)
    expect(desk.page).to_have_url(f"{at_a_name.base_url}/desk/calls")
    desk.check()


def test_what_is_typed_stays_over_the_lock(
    officer: Own, service: str, at_a_name: Server, chromium: Any
) -> None:
    code = one_time_code(officer["totp_secret"])
    desk = Desk(chromium, at_a_name, SIZES["phone"])
    Key(desk.page)
    by_password(desk, officer)
    desk.page.get_by_label("Six-digit code").fill(code)
    desk.press("Sign in")
    desk.page.goto("/accounts/passkeys/add")
    touch(desk, "Add a passkey", "/accounts/recovery-codes?*")
    desk.page.goto(f"/desk/referrals/new?service={service}")
    desk.choose("Yes, to this notice")
    desk.page.locator("input[value=emergency]").check()
    desk.sees("What you typed is kept for two hours.")
    lock(desk)
    desk.page.reload()
    expect(desk.page).to_have_title("Locked · Cairn")
    expect(desk.page.locator("body")).not_to_contain_text("Own Sample")
    desk.check()
    touch(desk, "Use your passkey", f"/desk/referrals/new?service={service}")
    expect(desk.page.locator("input[value=emergency]")).to_be_checked()
