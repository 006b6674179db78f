"""A real browser at the desk, without script of ours: what people do, and what it complains of."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.desk_pages import one_time_code
from tests.support.live_server import Server

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no test leaves this machine
)
SIZES = {"phone": (390, 844), "wide": (1280, 900)}


@pytest.fixture
def chromium() -> Iterator[Browser]:
    """One a test: playwright's event loop must have ended before the database is touched again."""
    path = found()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def found() -> str:
    """Where the browser is; without one the test is skipped, in CI it fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI") == "1":
            pytest.fail("CI=1 and no chromium: the main job must run in a real browser.")
        pytest.skip("no chromium on this machine: the browser test did not run")
    return path


@contextmanager
def with_profile(folder: Path, server: Server) -> Iterator["Desk"]:
    """A browser that keeps what it keeps in `folder`, as one's own does; closed at the end."""
    path, (width, height) = found(), SIZES["wide"]
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=path,
            args=FLAGS,
            base_url=server.base_url,
            viewport={"width": width, "height": height},
        )
        yield Desk(context, server, SIZES["wide"])
        context.close()


class Desk:
    """One person's browser. `complaints` is what the browser itself found wrong."""

    def __init__(
        self, browser: Browser | BrowserContext, server: Server, size: tuple[int, int]
    ) -> None:
        self.server, self.width = server, size[0]
        if isinstance(browser, Browser):
            browser = browser.new_context(
                base_url=server.base_url, viewport={"width": size[0], "height": size[1]}
            )
        self.context = browser
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.titles: set[str] = set()
        self.refusal = "none expected"
        self.page.on("console", lambda message: self._said(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda asked: self._failed(asked.failure or "", asked.url))

    def _said(self, kind: str, text: str) -> None:
        # console errors, and CSP violations, which Chromium reports there
        if kind in {"error", "warning"} and self.refusal not in text:
            self.complaints.append(f"{kind}: {text}")

    def _failed(self, why: str, url: str) -> None:
        # The picture in the tab is fetched after the page stands; whoever goes on before it has
        # come makes the browser give it up. All else that is given up is a fault.
        if (why, url) != ("net::ERR_ABORTED", f"{self.server.base_url}/static/desk/mark.svg"):
            self.complaints.append(f"{why} {url}")

    def check(self) -> None:
        """At each page: nothing sticks out sideways, numbers to ring, nothing to complain of."""
        page = self.page
        page.wait_for_load_state()
        expect(page).to_have_title(re.compile(" · Cairn$"))
        self.titles.add(page.title())
        assert page.evaluate("document.documentElement.scrollWidth") <= self.width, page.url
        assert page.locator("#safety").count() == 1, page.url
        assert not self.complaints, (page.url, self.complaints)

    def sign_in(self, who: str) -> None:
        person = self.server.member(who)
        self.page.goto("/desk/")
        self.check()
        self.page.get_by_label("User name").fill(person["username"])
        self.page.get_by_label("Password").fill(person["password"])
        self.press("Go on")
        self.page.get_by_label("Six-digit code").fill(
            one_time_code(person["totp_secret"], lives_s=12)
        )
        self.press("Sign in")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()
        self.check()

    def is_refused(self, name: str, status: int) -> None:
        """Press a button whose answer is a refusal, shown as a page of that status."""
        self.refusal = f"status of {status}"  # the browser reports it as an error of its own
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            self.page.get_by_role("button", name=name, exact=True).click()
        assert answer.value.status == status
        self.check()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()
        self.check()

    def choose(self, *names: str) -> None:
        for name in names:
            self.page.get_by_label(name, exact=True).check()

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def sees_not(self, text: str) -> None:
        expect(self.page.locator("body")).not_to_contain_text(text)
