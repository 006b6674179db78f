"""An editor makes a listing in a real browser, a second person approves it, and it is found."""

import pytest
from playwright.sync_api import expect

from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.directory_pages import postcodes as postcodes  # a fixture
from tests.desk.making_pages import NAME, STREET
from tests.support.ground.live_server import Server
from tests.support.people.browser import TRIED, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.every_page import Look, sound

SECRET = "7 Unspoken Lane"


def begin(desk: Desk) -> None:
    desk.sign_in("ywca.editor")
    desk.follow("Our listings")
    desk.follow("New listing")
    desk.follow("Cairn Demo Shelter and Advocacy")


def write(desk: Desk) -> None:
    """Everything but the place."""
    page = desk.page
    page.get_by_label("Name of the service").fill(NAME)
    page.get_by_label("What it does").fill("Invented for a test.")
    page.get_by_label("Phone to call").fill("406-555-0176")
    for name in ("Counseling", "Support group", "Spanish"):
        box = page.get_by_label(name, exact=True).first
        group = box.locator("xpath=ancestor::details[1]")
        if group.get_attribute("open") is None:  # by keyboard alone: unfold it, then check
            group.locator("summary").focus()
            page.keyboard.press("Enter")
        box.focus()
        page.keyboard.press("Space")
        expect(box).to_be_checked()


@pytest.mark.browser
@pytest.mark.parametrize("size", TRIED, ids=TRIED)
def test_a_listing_is_made_approved_and_found(
    nothing_left: None, postcodes: None, chromium: object, server: Server, size: str
) -> None:
    desk, look = Desk(chromium, server, TRIED[size]), Look(size, "light", "en")
    page = desk.page
    begin(desk)
    write(desk)
    desk.choose("In Cairn: our agency answers its referrals")
    page.get_by_label("Where it is", exact=True).select_option(label="A new place: write it below")
    desk.press("Review the listing")
    desk.sees("Street and number: Please fill this in.")
    sound(desk, "entry_new_wrong", look)
    for label, value in (
        ("Name of the place", "Lantern house"),
        ("Street and number", STREET),
        ("Town", "Missoula"),
        ("State", "MT"),
        ("ZIP code", "5980"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    desk.press("Review the listing")
    desk.sees("ZIP code: Enter 5 digits, like 59801.")
    page.get_by_label("ZIP code", exact=True).fill("59801")
    desk.press("Review the listing")
    desk.sees("Everyone will see this.")
    desk.sees("Counseling")
    desk.sees(f"{STREET}, Missoula, MT 59801")
    sound(desk, "entry_new_look", look)
    desk.press("Back to the form")
    expect(page.get_by_label("Name of the service")).to_have_value(NAME)
    expect(page.get_by_label("Spanish", exact=True).first).to_be_checked()
    desk.press("Review the listing")
    desk.press("I called: save")
    desk.sees(f"A second person has to approve “{NAME}”.")
    desk.context.close()

    lead = Desk(chromium, server, TRIED[size])
    lead.sign_in("ywca.lead")
    lead.page.goto("/desk/proposals")
    lead.sees(NAME)
    lead.press("Approve")
    lead.context.close()

    public = Desk(chromium, server, TRIED[size])
    public.page.goto("/directory")
    public.page.get_by_label("Kind of help").select_option(label="Counseling")
    public.page.get_by_text("More filters").click()
    public.page.get_by_label("Language", exact=True).select_option(label="Spanish")
    public.page.get_by_label("Near a ZIP code").fill("59801")
    public.press("Search")
    public.sees(NAME)
    public.follow(NAME)
    public.sees("Call 406-555-0176")
    public.sees(STREET)
    public.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("size", TRIED, ids=TRIED)
def test_a_confidential_place_is_nowhere_and_then_a_place_is_changed(
    nothing_left: None, chromium: object, server: Server, size: str
) -> None:
    desk, look = Desk(chromium, server, TRIED[size]), Look(size, "light", "en")
    page = desk.page
    begin(desk)
    write(desk)
    desk.choose("By phone only")
    page.get_by_label("Where it is", exact=True).select_option(label="A new place: write it below")
    page.get_by_text("A new place", exact=True).click()
    page.get_by_label("Name of the place").fill("House")
    page.get_by_label("Street and number").fill(SECRET)
    desk.choose("The location of this place is confidential")
    desk.press("Review the listing")
    desk.sees("Leave this blank")
    page.get_by_label("Street and number").fill("")
    desk.press("Review the listing")
    desk.sees("Confidential: no one is shown where it is.")
    desk.press("I called: save")
    desk.sees("Your agency may seal the address of the place for its staff.")
    sound(desk, "entry_places_confidential", look)
    desk.sees_not(SECRET)
    places = page.url
    desk.follow("The address that your agency keeps for its own staff")
    page.goto(places)
    desk.choose("Advocacy office: 101 Example Street, Missoula, MT 59802")
    desk.press("Review the changes")
    desk.sees("Advocacy office")
    sound(desk, "entry_places_look", look)
    desk.press("Save")
    desk.follow("Change this place")
    desk.sees("These listings use the same place")
    page.get_by_label("Phone at this place").fill("406-555-0177")
    desk.press("Review the changes")
    desk.sees("406-555-0177")
    sound(desk, "entry_place_look", look)
    desk.follow("Change nothing")
    page.get_by_label("House (confidential)").uncheck()
    page.get_by_label("Advocacy office: 101 Example Street, Missoula, MT 59802").uncheck()
    desk.press("Review the changes")
    desk.press("Save")
    desk.sees("No place is listed.")
    desk.context.close()
