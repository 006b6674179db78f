"""The whole way in a real browser: drawn with a mouse and with a finger, on a screen that was
handed over and on the survivor's own phone; each page sound."""

import pytest
from playwright.sync_api import Browser, expect

from tests.signing.scene import ON_PHONE, ON_SCREEN, ask, officer, page_of, path_of
from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.desk_pages import Pages, one_time_code
from tests.support.people.every_page import Look, signed_in, sound
from tests.support.people.stories import Story

pytestmark = pytest.mark.browser


@pytest.fixture
def draft(story: Story) -> Story:
    return story.create()


@pytest.fixture
def worker() -> Pages:
    """Ask for it before `chromium`."""
    return officer()


@pytest.fixture
def on_screen(draft: Story, worker: Pages) -> str:
    return ask(worker, draft.id, ON_SCREEN)


@pytest.fixture
def on_phone(draft: Story, worker: Pages) -> str:
    return ask(worker, draft.id, ON_PHONE)


def cookies(pages: Pages) -> dict[str, str]:
    return {name: one.value for name, one in pages.http.cookies.items()}


def sign_with_a_mouse(desk: Desk) -> None:
    """Draw a wave across the box."""
    box = desk.page.locator("canvas.surface").first
    box.scroll_into_view_if_needed()
    seen = box.bounding_box()
    assert seen is not None
    mouse = desk.page.mouse
    left, top, width, height = seen["x"], seen["y"], seen["width"], seen["height"]
    mouse.move(left + width * 0.1, top + height * 0.3)
    mouse.down()
    for at in range(1, 30):
        up = 0.3 if at % 4 < 2 else 0.7
        mouse.move(left + width * (0.1 + 0.025 * at), top + height * up)
    mouse.up()


def is_blank(desk: Desk) -> bool:
    """Whether the box shows nothing."""
    blank: bool = desk.page.evaluate(
        """() => { const it = document.querySelector('canvas.surface');
          const none = document.createElement('canvas');
          [none.width, none.height] = [it.width, it.height];
          return it.toDataURL() === none.toDataURL(); }"""
    )
    return blank


@pytest.mark.parametrize("size", TRIED)
def test_on_the_screen_that_is_handed_over(
    draft: Story, on_screen: str, worker: Pages, server: Server, chromium: Browser, size: str
) -> None:
    look = Look(size, "light", "en")
    with signed_in(chromium, server, cookies(worker), look) as desk:
        inbox = desk.context.new_page()
        inbox.goto("/desk/")
        desk.page.goto(page_of(draft.id))
        desk.sees("Close your other tabs")
        sound(desk, "signing_screen", look)
        desk.press("Lock, and hand the screen over")
        expect(desk.page.locator("h1")).to_have_text("My permission to share")
        sound(desk, "sign_surface", look)
        inbox.wait_for_url("**/desk/locked**")  # the other tab has locked
        desk.sees_not("Sign out")
        assert is_blank(desk)
        desk.refusal = "status of 409"
        desk.page.get_by_role("button", name="I sign this").click()
        expect(desk.page.get_by_role("alert")).to_contain_text("Draw your signature in the box")
        sign_with_a_mouse(desk)
        assert not is_blank(desk)
        desk.page.get_by_role("button", name="Clear").click()
        assert is_blank(desk)
        sign_with_a_mouse(desk)
        desk.page.get_by_role("button", name="I sign this").click()
        expect(desk.page.locator("h1")).to_have_text("Thank you. You have signed.")
        sound(desk, "sign_given", look)
        desk.page.goto(page_of(draft.id))
        assert "/desk/locked" in desk.page.url
        person = server.member("police.worker")
        desk.page.get_by_label("Six-digit code").fill(one_time_code(person["totp_secret"]))
        desk.page.locator("main form button").first.click()
        expect(desk.page.locator("h1")).to_have_text("They have signed")
        sound(desk, "signing_signed", look)
        desk.press("Record permission")
        desk.sees("The permission is recorded.")
        desk.page.goto(path_of(draft.id, "signed"))
        desk.press("Open")
        assert desk.page.locator("article.sheet svg polyline").count() == 1
        sound(desk, "signed_paper", look)


@pytest.mark.parametrize("size", TRIED)
def test_on_their_own_phone(
    draft: Story, on_phone: str, worker: Pages, server: Server, chromium: Browser, size: str
) -> None:
    look = Look(size, "dark", "en")
    with signed_in(chromium, server, cookies(worker), look) as desk:
        desk.page.goto(page_of(draft.id))
        desk.sees("Never send it to them")
        sound(desk, "signing_phone", look)
        phone = Desk(
            chromium.new_context(
                base_url=server.base_url, viewport={"width": 390, "height": 844}, has_touch=True
            ),
            server,
            SIZES["phone"],
        )
        phone.page.goto(on_phone)
        phone.check()
        sign_with_a_mouse(phone)
        phone.choose("Yes. Show it once, so that I can print it")
        phone.page.get_by_role("button", name="I sign this").click()
        expect(phone.page.locator("article svg polyline")).to_have_count(1)
        phone.check()
        assert phone.context.cookies() == []
        kept = phone.page.evaluate("[localStorage.length, sessionStorage.length]")
        assert kept == [0, 0]
        phone.refusal = "status of 404"
        phone.page.reload()
        expect(phone.page.locator("h1")).to_have_text("There is nothing to sign here")
        phone.context.close()
        # The worker's page looks by itself.
        expect(desk.page.locator("h1")).to_have_text("They have signed", timeout=30_000)
        desk.press("Record permission")
        desk.sees("The permission is recorded.")


def test_back_shows_nothing_of_the_worker(
    draft: Story, on_screen: str, worker: Pages, server: Server, chromium: Browser
) -> None:
    with signed_in(chromium, server, cookies(worker), Look("wide", "light", "en")) as desk:
        desk.page.goto("/desk/")
        desk.page.goto(page_of(draft.id))
        desk.press("Lock, and hand the screen over")
        for _ in range(2):
            desk.page.go_back()
            desk.page.wait_for_url("**/desk/locked**")


def test_without_script_the_page_points_to_the_paper_and_the_worker_has_a_link(
    draft: Story, on_phone: str, worker: Pages, server: Server, chromium: Browser
) -> None:
    context = chromium.new_context(base_url=server.base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(on_phone)
    expect(page.locator("main")).to_contain_text("This page needs JavaScript to draw.")
    expect(page.locator("main")).to_contain_text("Ask to sign on paper")
    for name, value in cookies(worker).items():
        context.add_cookies([{"name": name, "value": value, "url": server.base_url}])
    page.goto(page_of(draft.id))
    page.get_by_role("link", name="Check if they have signed").click()
    expect(page.locator("h1")).to_have_text("Let their phone read this")
    context.close()
