"""A real browser at the desk, without script of ours: what people do, and what it complains of."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from tests.support.ground.live_server import Server
from tests.support.people.desk_pages import one_time_code

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # No test leaves this machine. Passkeys belong to a name, so it is also called localhost.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
FETCHED_LATE = ("static/desk/mark.svg", "manifest.webmanifest")
TOKEN = re.compile('name="csrfmiddlewaretoken" value="([^"]+)"')
SHOWN = """[document.title, document.documentElement.scrollWidth,
  document.querySelectorAll("#safety").length]"""
SIZES = {"phone": (390, 844), "wide": (1280, 900)}
# Each flow goes through on a phone, as at night; `make browsers` takes it in both sizes.
TRIED = SIZES if os.environ.get("CAIRN_SIZES") == "all" else {"phone": SIZES["phone"]}


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
        # The browser fetches the icon of the tab and the manifest after the page is shown. A test
        # that moves on before they have arrived aborts them. Any other aborted request is a fault.
        late = {f"{self.server.base_url}/{path}" for path in FETCHED_LATE}
        if why != "net::ERR_ABORTED" or url not in late:
            self.complaints.append(f"{why} {url}")

    def check(self) -> None:
        """Check a page: nothing is wider than it, it has numbers to call, no complaint."""
        page = self.page
        page.wait_for_load_state()
        expect(page).to_have_title(re.compile(" · Cairn$"))
        title, width, safety = self._shown()
        self.titles.add(title)
        assert width <= self.width, page.url
        assert safety == 1, page.url
        assert not self.complaints, (page.url, self.complaints)

    def _shown(self) -> Any:
        """What the page shows; of the next one, if a script went on to it meanwhile."""
        while True:
            try:
                return self.page.evaluate(SHOWN)
            except Error as error:
                if "Execution context was destroyed" not in str(error):
                    raise
                self.page.wait_for_load_state()

    def sign_in(self, who: str) -> None:
        """Password and code, as the pages send them, with this browser's cookies; then the inbox.
        The pages themselves are what `sign_in_on_the_pages` takes."""
        person = self.server.member(who)
        self._send("/accounts/login", login=person["username"], password=person["password"])
        self._send("/accounts/code", code=one_time_code(person["totp_secret"]))
        self.page.goto("/desk/")
        self.check()

    def _send(self, path: str, **form: str | float | bool) -> None:
        request = self.context.request
        token = TOKEN.search(request.get(path).text())
        assert token, path
        form["csrfmiddlewaretoken"] = token[1]
        assert request.post(path, form=form, max_redirects=0).status == 302, path

    def sign_in_on_the_pages(self, who: str) -> None:
        person = self.server.member(who)
        self.page.goto("/desk/")
        self.check()
        self.page.get_by_label("User name").fill(person["username"])
        self.page.get_by_label("Password").fill(person["password"])
        self.press("Continue")
        self.page.get_by_label("Six-digit code").fill(one_time_code(person["totp_secret"]))
        self.press("Sign in")

    def press(self, name: str) -> None:
        self._found("button", name).click()
        self.check()

    def _found(self, role: Any, name: str) -> Locator:
        """The first of this name that is in sight; what is folded away is unfolded for it."""
        found = self.page.get_by_role(role, name=name, exact=True)
        folded = self.page.locator("details:not([open]) > summary:visible")
        while not found.count() and folded.count():
            folded.first.click()
        return found.first

    def is_refused(self, name: str, status: int) -> None:
        """Press a button whose answer is a refusal, shown as a page of that status."""
        self.refusal = f"status of {status}"  # the browser reports it as an error of its own
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            self.page.get_by_role("button", name=name, exact=True).click()
        assert answer.value.status == status
        self.check()

    def follow(self, name: str) -> None:
        self._found("link", name).click()
        self.check()

    def choose(self, *names: str) -> None:
        for name in names:
            self.page.get_by_label(name, exact=True).check()

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def sees_not(self, text: str) -> None:
        expect(self.page.locator("body")).not_to_contain_text(text)
