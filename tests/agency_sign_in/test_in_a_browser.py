"""The whole way in a browser, on a phone: joining by the agency's own sign-in and a passkey, and
coming in again."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from api.agency_sign_in import provider_client
from api.dev import processes
from tests.agency_sign_in.scene import BACK, switched_on
from tests.enrollment.links import NEW, invite
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.support.ground.cluster import HOME
from tests.support.ground.live_server import Server
from tests.support.ground.ports import free_port
from tests.support.ground.waiting import SOON
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.passkey_browser import Key, touch
from tests.support.servers.oidc_provider import PASSWORD, Provider, provider

pytestmark = pytest.mark.browser
NAME = "nia"


@pytest.fixture
def named() -> str:
    """Where the server is, by a name: no passkey belongs to an address of numbers."""
    return f"http://localhost:{free_port()}"


@pytest.fixture
def there(network: Any, named: str, tmp_path: Any, settings: Any) -> Iterator[Provider]:
    provider_client.forget()
    back = f"{BACK} {named}/accounts/agency-back"
    with provider(tmp_path, free_port(), back, settings) as made:
        made.account(NAME)
        yield made
    provider_client.forget()


@pytest.fixture
def serving(django_db_setup: str, network: Any, named: str, there: Provider) -> Iterator[Server]:
    """A server of its own, which may ask the provider on this machine."""
    env = os.environ | {
        "CAIRN_HOME": str(HOME),
        "CAIRN_DATABASE": django_db_setup,
        "CAIRN_BASE_URL": named,
        "CAIRN_PROVIDER_LOOPBACK": there.authority,
        "CAIRN_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(processes.gunicorn(named), env=env)
    processes.wait_until_ready(named, process)
    yield Server(named, network, process)
    process.terminate()
    process.wait(SOON)


def sign_in_there(desk: Desk) -> None:
    """What the person does at the provider's own page, if it asks."""
    desk.page.wait_for_load_state()
    if desk.page.get_by_role("button", name="Sign in at the agency").count():
        desk.page.get_by_label("Name").fill(NAME)
        desk.page.get_by_label("Password").fill(PASSWORD)
        desk.page.get_by_role("button", name="Sign in at the agency").click()
    desk.page.wait_for_url("http://localhost:*/**")
    desk.complaints.clear()  # of the provider's page


@pytest.fixture
def code(there: Provider) -> str:
    return str(switched_on(there).code)


@pytest.fixture
def link(code: str) -> str:
    return invite()


def test_a_person_joins_by_the_agencys_sign_in_and_comes_in_again(
    code: str, link: str, serving: Server, chromium: Browser
) -> None:
    desk = Desk(chromium, serving, SIZES["phone"])
    key = Key(desk.page)
    desk.page.goto(link)
    desk.check()
    desk.page.get_by_role("link", name="Use your agency's sign-in").click()
    sign_in_there(desk)
    desk.sees("your agency's sign-in is linked with this")
    desk.check()
    desk.page.get_by_label("User name").fill(NEW)
    desk.press("Continue")
    desk.follow("Add a passkey")
    touch(desk, "Add a passkey", "/accounts/recovery-codes?*")
    desk.follow("Continue")
    assert len(key.credentials()) == 1
    desk.press("Join")
    desk.sees("You have joined.")
    desk.page.goto("/desk/account")
    desk.sees("Linked: you come in by it.")
    desk.check()
    desk.page.context.clear_cookies()
    desk.page.goto("/accounts/login")
    desk.follow("Sign in with your agency")
    desk.page.get_by_label("Your agency's code").fill(code)
    desk.press("Continue")
    desk.sees("Demo Women")
    desk.check()
    desk.page.get_by_role("link", name="Go to our sign-in").click()
    sign_in_there(desk)
    desk.page.wait_for_url("**/accounts/code")
    touch(desk, "Use your passkey", "/desk/")
    desk.sees("Inbox")
