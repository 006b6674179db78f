"""A list of services in a real browser: picked by keyboard, printed in large type, and gone."""

import re

import pytest
from playwright.sync_api import expect

from directory.demo import loader
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture

pytestmark = pytest.mark.browser

IDS = [str(loader.service_id(one)) for one in ("shelter-crisis", "valleys-housing")]


@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
def test_a_visitor_picks_goes_back_prints_and_leaves(chromium, server, size):
    desk = Desk(chromium, server, size)
    page = desk.page
    page.goto("/directory")
    page.get_by_label("What do you need, and where?").fill("crisis")
    desk.press("Search")
    # By keyboard alone.
    page.get_by_label("For the list to print Crisis line", exact=True).focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Add the ticked services").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="List to print: 1 of 10")).to_be_visible()
    desk.check()
    page.get_by_label("What do you need, and where?").fill("housing and rent")
    desk.press("Search")
    desk.sees("List to print: 1 of 10")
    desk.choose("For the list to print Housing and rent help")
    desk.press("Add the ticked services")
    desk.sees("List to print: 2 of 10")
    page.reload()  # no "send the form again?"
    desk.sees("List to print: 2 of 10")
    for one in IDS:
        assert one not in page.url

    page.get_by_role("link", name="See it as it is printed").click()
    expect(page).to_have_title("Phone numbers")
    assert not desk.complaints
    expect(page.get_by_role("button", name="Quick exit")).to_be_visible()
    desk.sees("Keep it only where it is safe")
    page.emulate_media(media="print")
    for unseen in ("Keep it only where it is safe", "Back to the list"):
        expect(page.get_by_text(unseen)).not_to_be_visible()
    for unseen in ("form.leave", "header.top", "#safety", "aside.bar"):
        expect(page.locator(unseen)).not_to_be_visible()
    expect(page.get_by_text("406-555-0111", exact=True)).to_be_visible()
    points = "one => parseFloat(getComputedStyle(one).fontSize) * 0.75"
    assert page.locator(".hand .number strong").first.evaluate(points) > 17.9
    assert page.locator(".hand .lines li").first.evaluate(points) > 10.9
    printed = page.pdf(format="Letter", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    page.emulate_media(media="screen")

    page.get_by_role("link", name="Back to the list").click()
    desk.check()
    where = page.url
    desk.context.clear_cookies()  # what leaving quickly has the browser do
    page.goto(where)
    desk.sees("That list has ended")
    desk.context.close()


def test_the_papers_pages_have_no_room_for_an_address(chromium, server):
    desk = Desk(chromium, server, SIZES["wide"])
    page = desk.page
    page.goto("/directory")
    ticks = page.locator("input[name=add]")
    assert ticks.count() >= 10
    for number in range(10):
        ticks.nth(number).check()
    desk.press("Add the ticked services")
    desk.sees("List to print: 10 of 10")
    page.get_by_role("link", name="See it as it is printed").click()
    page.wait_for_load_state()  # a style sheet has rules once it has come
    margins = page.evaluate(
        """() => [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
          .filter(rule => rule instanceof CSSPageRule).map(rule => rule.style.margin)"""
    )
    assert margins == ["0px"]
    printed = page.pdf(format="Letter", prefer_css_page_size=True)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 4
    desk.context.close()
