"""An officer of the demo asks the directory at two in the morning: shelter, Spanish, near 59801,
open now, taking. What comes first is right for each filter, each pair, and all of them.

What is right was written down from the demo's tables (directory/demo), before it was searched.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from api.management.commands import prepare
from directory import models as m
from directory.postcodes import derive, load
from permissions.models import Agency
from tests.support.ground.live_server import Server
from tests.support.people.browser import SIZES, Desk
from tests.support.people.browser import chromium as chromium  # a fixture
from tests.support.people.callers import agency_id
from tests.support.people.directory_entries import Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture

SEARCH = "/desk/directory"
BEYOND = "By phone, or at a place that is not shown"
SHELTER, LINE = "Emergency shelter", "Crisis line"  # of one organization: rooms, and who answers
OFFICE = ("Advocacy and safety planning", "Support group")  # behind one door, by day
# What may come first, by the filters' letters: Shelter, Spanish (L), Zip code, Open now, Taking.
FIRST: dict[str, tuple[str, ...]] = {
    "S": (SHELTER,),
    "L": ("Advocacy and safety planning",),  # by name, as all lists without words and place
    "Z": ("Forensic interview and exam for children",),  # the nearest door
    "O": ("988 Suicide and Crisis Lifeline",),
    "T": ("Advocacy and safety planning",),
    "SL": (SHELTER,),
    "SZ": ("Youth shelter",),  # the only one that has a place to show
    "SO": (SHELTER,),
    "ST": (SHELTER,),
    "LZ": OFFICE,
    "LO": (LINE,),
    "LT": ("Advocacy and safety planning",),
    "ZO": ("Campus advocate",),  # the hospital is 300 yards farther
    "ZT": ("Advocacy and safety planning",),
    "OT": ("Campus advocate",),
    "SLZ": (SHELTER,),  # and not the office of its organization, which only has the word
    "SLZO": (SHELTER,),
    "SLZOT": (SHELTER,),
}
WORDS = {"en": "shelter", "es": "refugio"}


def test_each_filter_each_pair_and_all_are_asked() -> None:
    letters = "SLZOT"
    asked = {"".join(some) for count in (1, 2) for some in combinations(letters, count)}
    assert asked | {"SLZ", "SLZO", letters} == set(FIRST)


@pytest.fixture
def demo_table(network: Any) -> Iterator[None]:
    """Where ZIP codes are, as `make run` loads it."""
    load(prepare.POSTCODES)
    yield
    m.Postcode.objects.using("jobs").filter(derived=False).delete()
    derive()


@pytest.fixture
def at_two(demo_table: None, shift_clock: Any) -> None:
    """The next two o'clock at night there, for the database and so for the server."""
    now = datetime.now(UTC)
    there = now.astimezone(ZoneInfo(settings.NETWORK_TIME_ZONE))
    day = there.date() + timedelta(there.time() >= time(2))
    night = datetime.combine(day, time(2), there.tzinfo).astimezone(UTC)
    shift_clock(f"{(night - now).total_seconds()} seconds")


@pytest.mark.whole
@pytest.mark.browser
@pytest.mark.parametrize("language", WORDS)
def test_what_comes_first_is_right(
    language: str, at_two: None, chromium: Browser, server: Server
) -> None:
    desk = officer(chromium, server, language)
    wrong = {}
    for letters, right in FIRST.items():
        first = titles(ask(desk, letters, WORDS[language]))[0]
        if first not in right:
            wrong[letters] = first
    assert not wrong
    assert desk.page.locator("html").get_attribute("lang") == language
    desk.context.close()


@pytest.mark.browser
def test_the_need_finds_what_the_word_does(at_two: None, chromium: Browser, server: Server) -> None:
    desk = officer(chromium, server, "en")
    for letters in (one for one in FIRST if "S" in one):
        page = ask(desk, letters.replace("S", "N"))
        assert titles(page)[0] in FIRST[letters], letters
        assert set(titles(page)) <= {SHELTER, "Youth shelter"}, letters
    desk.context.close()


@pytest.mark.browser
def test_what_has_no_place_follows_below_its_heading_and_shows_none(
    at_two: None, chromium: Browser, server: Server
) -> None:
    desk = officer(chromium, server, "en")
    page = ask(desk, "SZ", WORDS["en"])
    near, beyond = page.locator("ul.found").all()
    assert near.locator(".title").first.inner_text() == "Youth shelter"
    assert beyond.locator(".title").first.inner_text() == SHELTER
    assert " mi (" in near.inner_text()
    desk.sees("What you asked for first, then services that only mention it")
    heads = page.locator("#found-title ~ h3, #found-title ~ ul.found")
    assert [one.evaluate("one => one.tagName") for one in heads.all()] == ["UL", "H3", "UL"]
    desk.sees(BEYOND)
    for shown in (" mi (", "Missoula", "Not told", "Example Street", "59802"):
        assert shown not in beyond.locator("li").filter(has_text=SHELTER).first.inner_text()

    # Nothing near is a shelter where Spanish is spoken: what is one comes before its office.
    page = ask(desk, "SLZ", WORDS["en"])
    beyond, near = page.locator("ul.found").all()
    assert beyond.locator(".title").first.inner_text() == SHELTER
    assert set(near.locator(".title").all_inner_texts()) >= set(OFFICE)
    desk.sees("Near the ZIP code, and only mentioning it")
    desk.follow(SHELTER)
    desk.sees("Confidential")
    desk.sees("The place is confidential.")
    for shown in ("Missoula, MT", "Example Street", " mi ("):
        desk.sees_not(shown)
    desk.context.close()


@pytest.mark.browser
def test_the_public_is_given_the_line_and_never_the_shelter(
    at_two: None, chromium: Browser, server: Server
) -> None:
    desk = Desk(chromium, server, SIZES["phone"])
    page = ask(desk, "SLZO", WORDS["en"], at="/directory")
    assert titles(page)[0] == LINE
    assert SHELTER not in titles(page)
    desk.sees(BEYOND)
    desk.sees("Open 24/7")
    desk.context.close()


@pytest.mark.browser
def test_all_is_asked_by_keys_alone(at_two: None, chromium: Browser, server: Server) -> None:
    desk = officer(chromium, server, "en")
    page = desk.page
    page.goto(SEARCH)
    go_to(page, "input[name=words]")
    page.keyboard.type("shelter")
    for box in ("open_now", "taking"):
        go_to(page, f"input[name={box}]")
        page.keyboard.press("Space")
    go_to(page, "form.ask summary")
    page.keyboard.press("Enter")
    go_to(page, "input[name=postcode]")
    page.keyboard.type("59801")
    go_to(page, "form.ask select[name=language]")
    page.keyboard.type("Span")
    go_to(page, "form.ask .buttons button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    desk.check()
    assert titles(page)[0] == SHELTER
    for told in ("“shelter”", "Open now", "Accepting clients", "Language: Spanish"):
        desk.sees(told)
    # On to its number by keys, too, and past nothing that does not fit.
    go_to(page, "a[href='tel:4065550110']")
    desk.context.close()


# -- Shelters that are not as they seem ------------------------------------------------------------


@pytest.fixture
def beds(network: Any) -> Iterator[m.Unit]:
    unit = m.Unit(name="beds")
    unit.save(using="jobs")
    yield unit
    unit.delete(using="jobs")


@pytest.fixture
def others(beds: m.Unit, shelf: Shelf) -> Shelf:
    """Three nearer shelters where Spanish is spoken: one paused, one full, one of unknown hours."""
    answers = Agency.objects.using("jobs").get(id=agency_id("ywca"))
    for name, more in (
        ("Anvil shelter", {"intake_paused": True}),
        ("Bellows shelter", {}),
        ("Lantern shelter", {}),
    ):
        made = shelf.service(name, [(46.861, -114.01)], answered_by=answers, **more)
        shelf.add(made, m.Language(service_id=made, name="Spanish", code="es"))
        if name != "Lantern shelter":
            shelf.add(made, always(made))
        if name == "Bellows shelter":
            shelf.add(made, m.ServiceCapacity(service_id=made, unit=beds, available=0))
    return shelf


def always(service: UUID) -> m.Schedule:
    every = "MO,TU,WE,TH,FR,SA,SU"
    hours = {"opens_at": time(0), "closes_at": time(23, 59)}
    return m.Schedule(service_id=service, freq="WEEKLY", byday=every, **hours)


@pytest.mark.browser
def test_paused_full_and_unknown_are_said_and_do_not_come_first_where_it_was_asked(
    others: Shelf, at_two: None, chromium: Browser, server: Server
) -> None:
    desk = officer(chromium, server, "en")
    said = {
        "Anvil shelter": ("Open 24/7", "Not accepting clients right now. Call to check."),
        "Bellows shelter": ("Open 24/7", "Full right now. Call to check."),
        "Lantern shelter": ("Hours not listed. Call to ask.", "Accepting clients"),
    }
    page = ask(desk, "SLZ", "shelter")
    assert set(titles(page)[:3]) == set(said)
    for name, words in said.items():
        line = page.locator("li").filter(has_text=name).first.inner_text()
        assert all(one in line for one in words), line
        assert "Closed" not in line

    page = ask(desk, "SLZO", "shelter")
    assert set(titles(page)[:2]) == {"Anvil shelter", "Bellows shelter"}
    assert "Lantern shelter" not in titles(page)
    desk.sees("Services whose hours are not listed are left out.")

    page = ask(desk, "SLZT", "shelter")
    assert titles(page)[0] == "Lantern shelter"
    assert not {"Anvil shelter", "Bellows shelter"} & set(titles(page))

    page = ask(desk, "SLZOT", "shelter")
    assert titles(page)[0] == SHELTER
    assert not set(said) & set(titles(page))
    desk.context.close()


# -- How it is asked -------------------------------------------------------------------------------


def officer(chromium: Browser, server: Server, language: str) -> Desk:
    width, height = SIZES["phone"]
    context = chromium.new_context(
        base_url=server.base_url,
        viewport={"width": width, "height": height},
        locale={"en": "en-US", "es": "es-US"}[language],
    )
    desk = Desk(context, server, SIZES["phone"])
    desk.sign_in("police.worker")
    return desk


def ask(desk: Desk, letters: str, words: str = "", at: str = SEARCH) -> Page:
    """Search with these filters (FIRST; N: the need), from an empty form."""
    page = desk.page
    page.goto(at)
    form = page.locator("form.ask")
    if set("LZ") & set(letters):
        form.locator("summary").click()
    for letter in letters:
        match letter:
            case "S":
                form.locator("[name=words]").fill(words)
            case "N":
                form.locator("[name=need]").select_option("emergency-shelter")
            case "L":
                form.locator("[name=language]").select_option("es")
            case "Z":
                form.locator("[name=postcode]").fill("59801")
            case "O":
                form.locator("[name=open_now]").check()
            case "T":
                form.locator("[name=taking]").check()
    form.locator(".buttons button").click()
    desk.check()
    expect(page.locator("#found-title")).to_be_visible()
    return page


def titles(page: Page) -> list[str]:
    return [one.strip() for one in page.locator("ul.found .title").all_inner_texts()]


def go_to(page: Page, selector: str) -> None:
    """Press Tab until this has the focus."""
    wanted = page.locator(selector).first
    for _each in range(80):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"No key leads to {selector}.")
