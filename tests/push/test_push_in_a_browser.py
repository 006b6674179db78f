"""A device in a real browser: it is added by its script, shows what comes, and takes the tap.

A browser without a screen has no push service: `subscribe` is a stand-in that gives real keys. The
rest is the browser's own: the permission, the service worker, a push that the browser delivers to
it, the notification, and the request that the tap makes.
"""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.ground.live_server import Server
from tests.support.people.awake import claims
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.stories import Story

pytestmark = pytest.mark.browser

WHO = "ywca.worker"
STAND_IN = """
  const kind = { name: "ECDH", namedCurve: "P-256" };
  const made = crypto.subtle.generateKey(kind, true, ["deriveBits"]);
  PushManager.prototype.subscribe = async (asked) => {
    const { publicKey } = await made;
    window.asked = asked;
    const keys = {
      p256dh: await crypto.subtle.exportKey("raw", publicKey),
      auth: crypto.getRandomValues(new Uint8Array(16)).buffer,
    };
    return { endpoint: "https://push.example.org/v1/abc", getKey: (name) => keys[name] };
  };
"""


@pytest.fixture
def emergency(story: Story) -> Story:
    return story.create(urgency="emergency").send()


def devices(superuser: Any) -> list[tuple[Any, ...]]:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT name, address, proven_at FROM channel WHERE kind = 'push'")
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def at_channels(chromium: Browser, server: Server, *, granted: bool = True) -> Desk:
    desk = Desk(chromium, server, SIZES["phone"])
    if granted:
        desk.context.grant_permissions(["notifications"], origin=server.base_url)
    desk.context.add_init_script(f"if (window.PushManager && crypto.subtle) {{ {STAND_IN} }}")
    desk.sign_in(WHO)
    desk.follow("How we reach you")
    return desk


def test_a_device_is_added_by_its_name_and_waits_for_its_code(
    server: Server, chromium: Browser, superuser: Any
) -> None:
    desk = at_channels(chromium, server)
    page = desk.page
    page.get_by_label("Name of this device").fill("Night phone")
    page.get_by_role("button", name="Alert this device").click()  # a script asks, then sends it
    desk.sees("Night phone")
    desk.sees("Not confirmed: no alert goes there.")
    desk.check()
    desk.follow("Remove Night phone")
    desk.sees("It is not confirmed")
    page.context.close()
    assert devices(superuser) == [("Night phone", "https://push.example.org/v1/abc", None)]


def test_without_the_permission_it_says_so_and_adds_nothing(
    server: Server, chromium: Browser, superuser: Any
) -> None:
    desk = at_channels(chromium, server, granted=False)
    desk.page.evaluate("Notification.requestPermission = async () => 'denied'")
    desk.page.get_by_role("button", name="Alert this device").click()
    expect(desk.page.locator("#device-said")).to_contain_text("blocks notifications")
    desk.page.context.close()
    assert devices(superuser) == []


def test_a_push_is_shown_and_its_button_claims_from_an_unlocked_device_only(
    emergency: Story, server: Server, chromium: Browser, superuser: Any
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT reference FROM referral WHERE id = %s", [emergency.id])
        ((reference,),) = cursor.fetchall()
    desk = at_channels(chromium, server)
    page = desk.page
    page.get_by_role("button", name="Alert this device").click()
    desk.sees("Not confirmed")
    worker = desk.context.service_workers[0]
    tools = desk.context.new_cdp_session(page)
    found: list[str] = []
    tools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda said: found.extend(one["registrationId"] for one in said["registrations"]),
    )
    tools.send("ServiceWorker.enable")
    page.wait_for_function("() => true")
    note = {"title": "Cairn", "body": "words", "tag": "a", "reference": reference, "awake": "Awake"}
    tools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": server.base_url, "registrationId": found[0], "data": json.dumps(note)},
    )
    shown = """async () => {
      while (true) {
        const [one] = await self.registration.getNotifications();
        if (one) return [one.title, one.body, one.tag, one.actions.map(a => a.title), one.data];
        await new Promise(done => setTimeout(done, 50));
      }
    }"""
    assert worker.evaluate(shown) == [
        *("Cairn", "words", "a", ["Awake"]),
        {"reference": reference, "path": "/desk/awake"},
    ]
    kept = desk.context.cookies()
    desk.context.clear_cookies()
    worker.evaluate("(reference) => sayAwake(reference)", reference)
    assert claims(superuser, emergency) == [], "signed out: nothing is said for anyone"
    desk.context.add_cookies(kept)  # type: ignore[arg-type]
    worker.evaluate("(reference) => sayAwake(reference)", reference)
    assert claims(superuser, emergency) == [("push", 300)]
    page.goto("/desk/awake")
    desk.sees("You said that you are awake.")
    desk.check()
