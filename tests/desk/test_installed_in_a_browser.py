"""The desk on a device: its manifest, and a service worker that keeps the numbers to call and
nothing else."""

import json
import re
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Error as Unreachable
from playwright.sync_api import Page, expect

from api.desk.installable import STATIC
from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk
from tests.support.people.stories import Story

browser = pytest.mark.browser
MANIFEST, WORKER = "/manifest.webmanifest", "/service-worker.js"
# What is in the browser's caches: each cache's name, and the paths in it.
CACHED = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    const kept = await (await caches.open(name)).keys();
    found[name] = kept.map(one => new URL(one.url).pathname).sort();
  }
  return found;
}"""
REGISTERED = """async () => (await navigator.serviceWorker.getRegistrations())
  .map(one => [new URL(one.scope).pathname, one.active?.state])"""


def test_the_manifest_says_what_is_installed_in_the_pages_own_colors() -> None:
    answer = Pages().get(MANIFEST)
    assert answer["Content-Type"] == "application/manifest+json"
    described = json.loads(answer.content)
    assert (
        described["name"],
        described["start_url"],
        described["scope"],
        described["display"],
    ) == (*("Cairn", "/desk/", "/", "standalone"),)
    style = (STATIC / "desk.css").read_text().lower()
    assert f"--ground: {described['background_color']};" in style
    assert f"--act: {described['theme_color']};" in style
    for icon in described["icons"]:
        found = Pages().get(icon["src"])
        found.close()
        assert (found.status_code, found["Content-Type"]) == (200, icon["type"])


def test_both_files_are_the_same_for_everyone_and_ask_for_no_session() -> None:
    member = at_the_desk("ywca.worker")
    member.get("/desk/")
    for path in (MANIFEST, WORKER):
        ours, theirs = member.get(path), Pages().get(path)
        assert ours.content == theirs.content
        assert not ours.cookies
        assert ours["Cache-Control"] == "no-cache"


def test_only_the_pages_of_members_name_the_manifest() -> None:
    for path in ("/", "/directory", "/accounts/login"):
        assert MANIFEST not in Pages().get(path).content.decode(), path
    assert MANIFEST in at_the_desk("ywca.worker").get("/desk/").content.decode()


def test_the_worker_keeps_what_the_page_loads_and_is_a_new_one_when_that_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = Pages().get(WORKER)
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    worker = answer.content.decode()
    page = Pages().get("/safety").content.decode()
    loaded = re.findall(r'(?:src|<link rel="stylesheet" href)="([^"]+)"', page)
    (kept,) = re.findall(r"const KEPT = \[PAGE, (.*)\];", worker)
    assert re.findall(r'"([^"]+)"', kept) == loaded
    assert Pages().get(WORKER).content.decode() == worker
    monkeypatch.setattr(settings, "SAFETY_NOTICE", "In danger now? Call 999.")
    changed = Pages().get(WORKER).content.decode()
    assert changed.partition("\n")[0] != worker.partition("\n")[0]
    assert changed.partition("\n")[2] == worker.partition("\n")[2]


@pytest.fixture
def sent(story: Story) -> str:
    return f"/desk/referrals/{story.create().send().id}"


# The browser has answered that it may notify, and the choice is kept.
CHOSEN = "JSON.parse(localStorage.getItem('device') ?? '{}').notify === true"


def on_the_device(chromium: Any, server: Server, before: str = "") -> Desk:
    """An advocate at the inbox, once the service worker has done its work."""
    desk = Desk(chromium, server, SIZES["phone"])
    if before:
        desk.page.goto("/accounts/login")
        desk.page.evaluate(before)
    desk.sign_in("ywca.worker")
    desk.sees("Act now")
    desk.page.evaluate("""async () => {
      const { installing, waiting, active } =
        await navigator.serviceWorker.register("/service-worker.js", { scope: "/safety" });
      const worker = active ?? waiting ?? installing;
      while (worker.state !== "activated") {
        await new Promise(done => worker.addEventListener("statechange", done, { once: true }));
      }
    }""")
    return desk


def works(page: Page, path: str) -> None:
    for one in ("/desk/", path, f"{path}/history", "/directory", "/desk/"):
        page.goto(one)
        expect(page.locator("main")).to_be_visible()


@browser
def test_it_keeps_the_numbers_and_nothing_else_and_shows_them_offline(
    sent: str, server: Server, chromium: Any
) -> None:
    desk = on_the_device(chromium, server, "async () => { await caches.open('safety-old'); }")
    page = desk.page
    works(page, sent)
    cached = page.evaluate(CACHED)
    assert list(cached.values()) == [
        ["/safety", "/static/desk/leave.js", "/static/desk/safety.css"]
    ], cached
    assert page.evaluate(REGISTERED) == [["/safety", "activated"]]
    desk.check()

    desk.refusal = "ERR_INTERNET_DISCONNECTED"
    desk.context.set_offline(True)
    for other in ("/desk/", sent, "/"):
        lost = desk.context.new_page()
        with pytest.raises(Unreachable, match="ERR_INTERNET_DISCONNECTED"):
            lost.goto(other)
        lost.close()
    answer = page.goto("/safety")
    assert answer
    assert answer.from_service_worker
    for line in settings.SAFETY_LINES:
        expect(page.locator("main")).to_contain_text(line["phone"])
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 10
    desk.context.set_offline(False)
    page.goto("/desk/")
    desk.sees("Act now")


@browser
@pytest.mark.parametrize("way", ["Sign out", "Quick exit"])
def test_leaving_takes_it_all_off_the_device(
    way: str, sent: str, server: Server, chromium: Any
) -> None:
    desk = on_the_device(chromium, server)
    page = desk.page
    page.locator("#device > summary").click()
    page.get_by_label("Use the keys").uncheck()
    assert page.evaluate(CACHED)
    desk.refusal = "weather.gov"
    page.locator(".menu > summary").click()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name=way).click(no_wait_after=True)
    page.wait_for_load_state()
    fresh = desk.context.new_page()
    fresh.goto("/safety")
    assert fresh.evaluate(CACHED) == {}
    assert fresh.evaluate(REGISTERED) == []
    assert fresh.evaluate("localStorage.length") == 0


@browser
def test_where_only_the_worker_may_notify_it_does_in_the_same_words(
    sent: str, server: Server, chromium: Any
) -> None:
    desk = on_the_device(chromium, server)
    page = desk.page
    desk.context.grant_permissions(["notifications"])
    page.add_init_script("""const Real = Notification;
      window.Notification = class extends Real {
        constructor() { throw new TypeError("Illegal constructor"); }
      };""")
    page.reload()
    page.locator("#device > summary").click()
    page.get_by_label("Show a notification").check()
    page.wait_for_function(CHOSEN)
    page.get_by_role("button", name="Try it").click()
    shown = """async () => {
      const registered = await navigator.serviceWorker.getRegistration("/safety");
      let found = [];
      while (!found.length) {
        await new Promise(done => setTimeout(done, 20));
        found = await registered.getNotifications();
      }
      return found.map(one => [one.title, one.body]);
    }"""
    assert page.evaluate(shown) == [["Cairn", "Something needs an answer."]]
    desk.check()
