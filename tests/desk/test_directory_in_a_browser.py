"""The directory's pages in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from directory.demo import loader
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.directory_pages import postcodes as postcodes  # a fixture
from tests.support.people.browser import SIZES, TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture


@pytest.mark.browser
@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
def test_somebody_finds_a_service_goes_back_and_finds_another(postcodes, chromium, server, size):
    desk = Desk(chromium, server, size)
    page = desk.page
    page.goto("/")
    desk.check()
    page.get_by_label("What do you need, and where?").fill("sheltr")
    desk.press("Search")
    desk.sees("Youth shelter")
    assert "shelt" not in page.url
    desk.follow("Youth shelter")
    desk.sees("Call 406-555-0163")
    assert page.get_by_role("link", name="Call 406-555-0163").get_attribute("href") == (
        "tel:4065550163"
    )
    page.go_back()  # no "send the form again?"
    desk.check()
    desk.sees("Youth shelter")
    page.reload()
    desk.sees("Youth shelter")

    # By keyboard alone: the folded filters, a language that no one speaks here, and back out of it.
    page.get_by_text("More filters").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Language", exact=True).select_option(label="Somali")
    page.get_by_label("Near a ZIP code").fill("59801")
    page.keyboard.press("Enter")
    desk.check()
    desk.sees("Nothing found")
    desk.press("Without Language: Somali")
    desk.sees("mi (")
    expect(page.get_by_label("Near a ZIP code")).to_be_visible()
    expect(page.get_by_label("Near a ZIP code")).to_have_value("59801")
    desk.context.close()


@pytest.mark.browser
def test_what_is_printed_of_a_service_has_its_number_and_no_button(chromium, server):
    desk = Desk(chromium, server, SIZES["wide"])
    desk.page.goto(f"/directory/{loader.service_id('valleys-housing')}")
    desk.page.emulate_media(media="print")
    expect(desk.page.get_by_text("Call 406-555-0150")).to_be_visible()
    expect(desk.page.get_by_text("1300 Example Road")).to_be_visible()
    for unseen in ("Quick exit", "Find another service", "More about it"):
        expect(desk.page.get_by_text(unseen, exact=True)).not_to_be_visible()
    expect(desk.page.locator(".states")).not_to_be_visible()  # "open now" is not so on paper
    desk.context.close()


@pytest.mark.browser
def test_the_page_to_keep_is_there_without_a_connection_and_fits_one_sheet(chromium, server):
    desk = Desk(chromium, server, SIZES["phone"])
    page = desk.page
    page.goto("/")
    page.get_by_role("link", name="These numbers on one page").click()
    expect(page).to_have_url(re.compile("/safety$"))
    assert re.search(rb"/Count 1\b", page.pdf(format="Letter"))
    desk.context.set_offline(True)
    page.goto("/safety")
    expect(page.get_by_role("link", name="1-800-799-7233")).to_be_visible()
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.lines')).listStyleType") == "none"
    )
    with pytest.raises(Exception, match="ERR_INTERNET_DISCONNECTED"):
        page.goto("/directory")
    desk.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("size", TRIED.values(), ids=TRIED)
def test_an_editor_looks_after_her_entries(entry, chromium, server, size):
    desk = Desk(chromium, server, size)
    page = desk.page
    desk.sign_in("ywca.editor")
    desk.follow("Our listings")
    desk.follow("Night line of a test")
    desk.follow("Pause Night line of a test")
    desk.choose("Until I open it again")
    desk.press("Pause")
    desk.sees("Not accepting clients right now")
    desk.press("Accept clients again Night line of a test")
    page.get_by_label("Beds of a test free, of 8").fill("5")
    desk.press("Save the numbers")
    desk.sees("5 of 8 beds of a test free")
    desk.press("I checked it today")
    desk.sees("Checked today.")
    desk.follow("Something is wrong: change it")
    page.get_by_label("Number", exact=True).first.fill("406-555-0178")
    page.get_by_text("Add: hours").first.click()
    page.locator("#field-schedules-1-byday").get_by_label("Wed").check()
    desk.press("Review the changes")
    desk.sees("Enter the opening time.")
    page.locator("#field-schedules-1-opens_at input").fill("10:00")
    page.locator("#field-schedules-1-closes_at input").fill("11:30")
    desk.press("Review the changes")
    desk.sees("Call the new number before you save")
    desk.sees("Wed 10:00–11:30")
    desk.press("Back to the form")
    expect(page.get_by_label("Number", exact=True).first).to_have_value("406-555-0178")
    desk.press("Review the changes")
    desk.press("I called: save")
    desk.sees("Saved. Everyone can see it now.")
    desk.follow("Who changed it, and when")
    desk.sees("Service updated")
    page.goto(f"/directory/{entry}")
    desk.sees("Call 406-555-0178 ext. 3")
    assert not any("Night" in title for title in desk.titles)
    desk.context.close()
