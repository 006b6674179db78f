"""The directory's pages: finding a service, and its page."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from api.desk.directory import entry_summary, search_page
from directory import models as m
from directory.demo import loader
from directory.listings import Page
from directory.postcodes import Point
from directory.search.next_openings import Opening
from directory.search.query import SearchQuery
from tests.desk.directory_pages import DENVER
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.desk.directory_pages import postcodes as postcodes  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk, rows, text_of

NOW = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)  # Tuesday, 14:00 in Missoula


def found_at(answer: Any) -> str:
    """Where a search led to."""
    return str(answer.request["PATH_INFO"])


# -- Finding ---------------------------------------------------------------------------------------


def test_what_is_looked_for_stands_in_no_address():
    pages = Pages()
    answer = pages.submit("/directory", {"words": "shelter", "need": "emergency-shelter"})
    path = found_at(answer)
    assert path.startswith("/directory/found/")
    assert "shelter" not in path
    assert "Youth shelter" in text_of(answer.content)
    assert "<title>Directory · Cairn</title>" in answer.content.decode()
    assert pages.get(path).status_code == 200, "to come back to it is safe"
    ignored = text_of(pages.get("/directory", {"words": "xyzzyx"}).content)
    assert "All services, by name" in ignored


def test_a_search_opens_for_its_own_browser_and_ends(shift_clock):
    pages = Pages()
    path = found_at(pages.submit("/directory", {"words": "shelter"}))
    # Not the last letter: some of its bits mean nothing, and another may say the same.
    altered = f"{path[:-9]}{'A' if path[-9] != 'A' else 'B'}{path[-8:]}"
    for other, where in ((Pages(), path), (pages, altered), (pages, f"{path}é")):
        page = text_of(other.get(where).content)
        assert "That search has ended" in page
        assert "shelter" not in page.partition("Kind of help")[2].partition("In danger")[0].replace(
            "Emergency shelter", ""
        ).replace("Shelter", "").replace("shelter for", "")
    shift_clock("31 minutes")
    assert "That search has ended" in text_of(pages.get(path).content)
    shift_clock("0")
    assert "Youth shelter" in text_of(pages.get(path).content)
    pages.http.cookies.clear()  # what leaving quickly has the browser do
    assert "That search has ended" in text_of(pages.get(path).content)


def test_a_members_search_does_not_open_for_another_member():
    one, other = at_the_desk("police.worker"), at_the_desk("ywca.worker")
    path = found_at(one.submit("/desk/directory", {"words": "shelter"}))
    assert path.startswith("/desk/directory/found/")
    other.get("/desk/directory")
    assert "That search has ended" in text_of(other.get(path).content)


@pytest.mark.parametrize(
    ("asked", "there", "not_there"),
    [
        ({"need": "housing"}, "Transitional housing", "Pets"),
        ({"need": "emergency-shelter", "age": "40"}, None, "Youth shelter"),
        ({"words": "shelter", "age": "15"}, "Youth shelter", "Support group"),
        ({"happened": "elder_abuse"}, "Crime victim compensation", "Youth shelter"),
        ({"language": "sw"}, "Interpreter by telephone", "Crisis line"),
        ({"access": ["wheelchair", "lift"]}, "Medical forensic exam", "Walk-in clinic"),
        ({"answered": "here"}, "Crisis line", "Youth shelter"),
        ({"answered": "phone"}, "Youth shelter", "Crisis line"),
        ({"free": "on", "words": "counseling"}, "Campus counseling", "Trauma counseling"),
        ({"interpreter": "on"}, "Campus advocate", "Youth shelter"),
        ({"served": "students"}, "Campus counseling", "Crisis line"),
        ({"open_now": "on"}, "Youth shelter", None),
    ],
)
def test_each_filter_finds_what_fits_and_nothing_else(asked, there, not_there):
    pages = Pages()
    page = pages.submit("/directory", asked).content.decode()
    names = re.findall(r'class="title"[^>]*>([^<]+)<', page)
    more = 2
    while f"?page={more}" in page:
        page = pages.get(found_at(pages.submit("/directory", asked)), {"page": str(more)})
        page, more = page.content.decode(), more + 1
        names += re.findall(r'class="title"[^>]*>([^<]+)<', page)
    assert there is None or any(name.startswith(there) for name in names), names
    assert not_there is None or not any(name.startswith(not_there) for name in names), names


def test_near_a_zip_code_the_nearest_comes_first_in_miles_and_kilometres(postcodes):
    answer = Pages().submit("/directory", {"postcode": "59801", "distance": "5"})
    page = text_of(answer.content)
    miles = [float(one) for one in re.findall(r"(\d+\.\d) mi \(\d+\.\d km\)", page)]
    assert len(miles) > 5
    assert miles == sorted(miles)
    assert max(miles) <= 5
    assert "Hotlines and confidential places have no distance: they come last" in page
    _near, _, beyond = page.partition("By phone, or at a place that is not shown")
    assert "Crisis line" in beyond
    assert " mi (" not in beyond
    assert '<details class="more" open>' in answer.content.decode(), "filters in use are in sight"


def test_a_fault_stands_beside_its_field_and_the_folded_filters_are_open(postcodes):
    for asked, words in (
        ({"postcode": "00001"}, "We do not know where this ZIP code is."),
        ({"age": "abc"}, "Enter a whole number."),
        ({"age": "200"}, "less than or equal to 120"),
    ):
        page = Pages().submit("/directory", asked).content.decode()
        name = next(iter(asked))
        field = re.search(rf'id="field-{name}">.*?</div>', page, re.S)
        assert field, asked
        assert words in field[0], asked
        assert f'value="{asked[name]}"' in field[0], "what was typed stays"
        assert '<details class="more" open>' in page


def test_nothing_found_says_which_filters_to_drop_and_is_counted_once(superuser):
    before = rows(superuser, m.UnmetSearch)
    pages = at_the_desk("police.worker")
    asked = {"need": "tattoo-removal", "words": "shelter", "language": "so"}
    page = pages.submit("/desk/directory", asked).content.decode()
    shown = text_of(page)
    assert "Nothing found" in shown
    for words in (
        "Without “shelter”",
        "Without Kind of help: Removal of brands",
        "Without Language",
    ):
        assert words in shown
    assert rows(superuser, m.UnmetSearch) == before + 2, "each of the two by itself"
    for form in re.findall(
        r'<form method="post" action="/desk/directory">(.*?)</form>', page, re.S
    ):
        left = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert len(set(left) & set(asked)) == 2
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT codes, area FROM directory_unmet_search WHERE codes = '{needs:tattoo-removal}'"
        )
        assert cursor.fetchall() == [(["needs:tattoo-removal"], "")]
    superuser.commit()


def test_a_count_that_stopped_is_said_to_be_at_least_so_many():
    page = Page((), 50, True, 1, 20, False)
    assert search_page._count(page, SearchQuery(near=Point(0, 0))) == "50 or more services"
    assert (
        search_page._count(Page((), 1, False, 1, 20, True), SearchQuery(words="x")) == "1 service"
    )


def test_a_form_without_its_token_is_no_search():
    assert Pages().http.post("/directory", {"words": "shelter"}).status_code == 403


# -- In words --------------------------------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=DENVER).astimezone(UTC)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("opening", "says"),
    [
        (None, "Hours not listed. Call to ask."),
        (Opening(False, None), "Hours not listed. Call to ask."),
        (Opening(True, None), "Closed for now"),
        (("2026-11-24T09:00", "2026-11-24T17:00"), "Open now, until 5:00 p.m."),
        (("2026-11-24T09:00", "2026-11-25T01:00"), "Open now, until 1:00 a.m."),
        (("2026-11-24T09:00", "2026-11-26T01:00"), "Open now, until Thu, Nov 26, 1:00 a.m."),
        (("2026-11-24T00:00", "2026-12-29T00:00"), "Open 24/7"),
        (("2026-11-24T18:00", "2026-11-24T22:00"), "Closed, opens 6:00 p.m."),
        (("2026-11-25T09:00", "2026-11-25T17:00"), "Closed, opens tomorrow, 9:00 a.m."),
        (("2026-11-30T09:00", "2026-11-30T17:00"), "Closed, opens Mon, Nov 30, 9:00 a.m."),
    ],
)
def test_open_or_closed_is_told_as_somebody_would_say_it(opening, says):
    if isinstance(opening, tuple) and not isinstance(opening, Opening):
        opening = Opening(True, (at(opening[0]), at(opening[1])))
    with timezone.override(DENVER):
        assert text_of(str(entry_summary.opening_words(opening, NOW).words)) == says


@pytest.mark.no_database
def test_a_week_has_nights_on_the_day_they_begin_and_keeps_the_clocks_change():
    now = at("2026-10-31T12:00")  # Saturday; the clock goes back in the night
    spans = [
        (at("2026-10-30T22:00"), at("2026-10-31T13:00")),
        (at("2026-10-31T18:00"), at("2026-11-01T02:00")),
        (at("2026-11-01T09:00"), at("2026-11-01T17:00")),
        (at("2026-11-02T00:00"), at("2026-11-04T12:00")),
    ]
    with timezone.override(DENVER):
        days = entry_summary.week(spans, now)
    assert [text_of(str(day.hours)) for day in days] == [
        "until 1:00 p.m., 6:00 p.m.–2:00 a.m.",
        "9:00 a.m.–5:00 p.m.",
        "day and night",
        "day and night",
        "until 12:00 p.m.",
        "",
        "",
    ]
    assert [day.name for day in days][:3] == ["Today", "Tomorrow", "Monday"]
    assert not entry_summary.is_always(days)


@pytest.mark.no_database
def test_an_entry_that_nobody_looked_at_for_long_says_so():
    today = date(2026, 11, 24)
    days = settings.DIRECTORY_REVIEW_DAYS
    assert "This was never checked" in entry_summary.unchecked_warning(None, NOW)
    assert entry_summary.unchecked_warning(today - timedelta(days), NOW) == ""
    old = today - timedelta(days + 1)
    assert (
        entry_summary.unchecked_warning(old, NOW)
        == f"Not checked since {old:%b} {old.day}, {old.year}."
    )


# -- One service -----------------------------------------------------------------------------------


def test_a_service_tells_all_that_the_entry_holds_and_the_call_first(entry):
    page = Pages().get(f"/directory/{entry}")
    shown = text_of(page.content)
    for words in (
        "The door is round the corner until Friday.",
        "Before you call: Ask for the desk.",
        "Call 406-555-0171 ext. 3 Desk",
        "Text 233700",
        "Not checked since Feb 3, 2020. Call before you send anyone.",
        "Accepting clients: 2 of 8 beds of a test free",
        "For people hurt by Stalking",
        "Adults 18 years and over",
        "Bring along A letter, if there is one",
        "Cost Free Copies, 2 USD",
        "Languages Spanish",
        "Waiting time An hour",
        "Area The valley",
        "Nora Invented · 406-555-0172",
        "Thu, Dec 24 to Sat, Dec 26, 2099: closed (Christmas)",
        "beds of a test free, updated",
    ):
        assert words in shown, words
    assert 'href="sms:233700"' in page.content.decode()
    assert 'href="tel:4065550171;ext=3"' in page.content.decode()
    order = ["Before you call", "Call 406-555-0171", "Invented for a test.", "Cost Free"]
    assert [shown.index(one) for one in order] == sorted(shown.index(one) for one in order)


def test_the_list_shows_a_stale_entry_as_such_and_who_is_taken(entry):
    page = text_of(Pages().submit("/directory", {"words": "Night line of a test"}).content)
    assert "Not checked since Feb 3, 2020." in page
    assert "Accepting clients: 2 of 8 beds of a test free" in page


def test_what_no_one_said_of_new_clients_is_not_invented(api):
    words = {"words": "Civil legal advice by telephone"}
    assert "Accepting clients? Call to ask." in text_of(Pages().submit("/directory", words).content)
    found = api(None).get("/v1/directory/services", {"search": words["words"]}).json()["contents"]
    assert (found[0]["intake"], found[0]["answered_by"]) == ("unknown", None)
    taking = {"search": words["words"], "intake": "taking"}
    assert found[0]["id"] not in str(api(None).get("/v1/directory/services", taking).json())


def test_languages_needs_and_states_are_said_in_spanish(entry, settings):
    settings.LANGUAGES = [("en", "English"), ("es", "Español")]
    visitor = Pages()
    visitor.http.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    shown = text_of(visitor.get(f"/directory/{entry}").content)
    assert "Idiomas español" in shown
    advocacy = text_of(visitor.get(f"/directory/{loader.service_id('shelter-advocacy')}").content)
    assert "Ayuda con Defensa y acompañamiento comunitario Plan de seguridad" in advocacy
    editor = at_the_desk("ywca.editor")
    editor.http.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    form = text_of(editor.get(f"/desk/entries/{entry}/edit").content)
    assert "Activo Inactivo Ya no existe Cerrado por un tiempo" in form


def test_a_confidential_service_has_a_page_for_members_alone():
    hidden = loader.service_id("shelter-confidential")
    assert Pages().get(f"/directory/{hidden}").status_code == 404
    page = text_of(at_the_desk("police.worker").get(f"/desk/directory/{hidden}").content)
    assert "Confidential: do not share this service's name." in page
    assert "Where it is, for your agency's own staff" not in page
    own = text_of(at_the_desk("ywca.worker").get(f"/desk/directory/{hidden}").content)
    assert "Where it is, for your agency's own staff" in own
