"""The directory's pages: finding, one service, an agency's own entries, the page to keep."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from playwright.sync_api import expect

from api.desk.directory import entry_summary, search_page
from api.http.middleware import KEPT_OFFLINE
from directory import models as m
from directory.demo import loader
from directory.importing.parsing import id_of
from directory.listings import Page
from directory.postcodes import Point, derive
from directory.search.next_openings import Opening
from directory.search.query import SearchQuery
from permissions.database.uuid7 import uuid7
from tests.support.browser import SIZES, Desk
from tests.support.browser import chromium as chromium  # a fixture
from tests.support.callers import agency_id
from tests.support.database import forget_edits
from tests.support.desk_pages import Pages, at_the_desk, rows, text_of

OURS = id_of(loader.SOURCE, "organization", "shelter")  # ywca edits it
DENVER = ZoneInfo("America/Denver")
NOW = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)  # Tuesday, 14:00 in Missoula


@pytest.fixture
def postcodes(network: Any) -> Iterator[None]:
    """59801, as an operator's table knows it."""
    known = m.Postcode.objects.using("jobs")
    known.filter(postcode="59801").delete()  # what its addresses said
    known.create(postcode="59801", latitude=46.8701, longitude=-113.9952)
    yield
    known.filter(derived=False).delete()
    derive()


@pytest.fixture
def nothing_left(network: Any) -> Iterator[None]:
    yield
    forget_edits()


@pytest.fixture
def entry(api: Any, nothing_left: None) -> str:
    """The id of a new service of ywca's, with something of everything in it."""
    service = uuid7()
    body = {
        "organization_id": str(OURS),
        "name": "Night line of a test",
        "description": "Invented for a test.",
        "alert": "The door is round the corner until Friday.",
        "eligibility_description": "Adults",
        "minimum_age": 18,
        "fees_description": "Free",
        "wait_time": "An hour",
        "victimization_types": ["stalking"],
        "safe_contact_notes": "Let it ring twice.",
        "assured_date": "2020-02-03",
        "answered_by": str(agency_id("ywca")),
        "phones": [
            {"number": "406-555-0171", "extension": 3, "type": "voice", "description": "Desk"},
            {"number": "233700", "type": "text"},
            {"number": "406-555-0174", "type": "pager"},
        ],
        "schedules": [
            {"freq": "WEEKLY", "byday": "MO,TU", "opens_at": "18:00:00", "closes_at": "22:00:00"},
            {"freq": "MONTHLY", "bymonthday": "1", "opens_at": "09:00:00", "description": "First"},
        ],
        "holiday_schedules": [
            {"start_date": "2099-12-24", "end_date": "2099-12-26", "description": "Christmas"}
        ],
        "capacities": [{"available": 2, "maximum": 8, "unit": {"name": "beds of a test"}}],
        "required_documents": [{"document": "A letter, if there is one"}],
        "languages": [{"code": "es", "name": "Spanish"}],
        "cost_options": [{"option": "Copies", "amount": 2, "currency": "USD"}],
        "contacts": [{"name": "Nora Invented", "phones": [{"number": "406-555-0172"}]}],
        "service_areas": [{"name": "The valley"}],
    }
    made = api("ywca.editor").put(f"/v1/directory/services/{service}", body)
    assert made.status_code == 201, made.content
    return str(service)


def document_of(api: Any, service: str) -> dict[str, Any]:
    found: dict[str, Any] = api(None).get(f"/v1/directory/services/{service}").json()
    return found


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
    assert "Hotlines and places that are kept secret have no distance" in page
    assert '<details class="more" open>' in answer.content.decode(), "filters in use are in sight"


def test_a_fault_stands_beside_its_field_and_the_folded_filters_are_open(postcodes):
    for asked, words in (
        ({"postcode": "00001"}, "Where this is, is not known here."),
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
    assert rows(superuser, m.UnmetSearch) == before + 1
    for form in re.findall(
        r'<form method="post" action="/desk/directory">(.*?)</form>', page, re.S
    ):
        left = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert len(set(left) & set(asked)) == 2
    with superuser.cursor() as cursor:
        cursor.execute("SELECT codes, area FROM directory_unmet_search ORDER BY id DESC LIMIT 1")
        codes, area = cursor.fetchone()
    superuser.commit()
    assert "needs:tattoo-removal" in codes
    assert area == ""


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
        (None, "Hours not told, ring to ask"),
        (Opening(False, None), "Hours not told, ring to ask"),
        (Opening(True, None), "Closed for now"),
        (("2026-11-24T09:00", "2026-11-24T17:00"), "Open now, until 17:00"),
        (("2026-11-24T09:00", "2026-11-25T01:00"), "Open now, until 01:00"),
        (("2026-11-24T09:00", "2026-11-26T01:00"), "Open now, until Thu 26 Nov, 01:00"),
        (("2026-11-24T00:00", "2026-12-29T00:00"), "Open day and night"),
        (("2026-11-24T18:00", "2026-11-24T22:00"), "Closed, opens 18:00"),
        (("2026-11-25T09:00", "2026-11-25T17:00"), "Closed, opens tomorrow, 09:00"),
        (("2026-11-30T09:00", "2026-11-30T17:00"), "Closed, opens Mon 30 Nov, 09:00"),
    ],
)
def test_open_or_closed_is_told_as_somebody_would_say_it(opening, says):
    if isinstance(opening, tuple) and not isinstance(opening, Opening):
        opening = Opening(True, (at(opening[0]), at(opening[1])))
    with timezone.override(DENVER):
        assert entry_summary.opening_words(opening, NOW).words == says


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
    assert [day.hours for day in days] == [
        "until 13:00, 18:00–02:00",
        "09:00–17:00",
        "day and night",
        "day and night",
        "until 12:00",
        "",
        "",
    ]
    assert [day.name for day in days][:3] == ["Today", "Tomorrow", "Monday"]
    assert not entry_summary.is_always(days)


@pytest.mark.no_database
def test_an_entry_that_nobody_looked_at_for_long_says_so():
    today = date(2026, 11, 24)
    days = settings.DIRECTORY_REVIEW_DAYS
    assert "Nobody has said" in entry_summary.unchecked_warning(None, NOW)
    assert entry_summary.unchecked_warning(today - timedelta(days), NOW) == ""
    old = today - timedelta(days + 1)
    assert entry_summary.unchecked_warning(old, NOW) == f"Not checked since {old.day} {old:%b %Y}."


# -- One service -----------------------------------------------------------------------------------


def test_a_service_tells_all_that_the_entry_holds_and_the_call_first(entry):
    page = Pages().get(f"/directory/{entry}")
    shown = text_of(page.content)
    for words in (
        "The door is round the corner until Friday.",
        "Before you ring: Let it ring twice.",
        "Call 406-555-0171 ext. 3 Desk",
        "Text 233700",
        "Not checked since 3 Feb 2020. Ring before you send anybody.",
        "Takes people now: 2 of 8 beds of a test free",
        "For people hurt by Stalking",
        "Adults 18 years and over",
        "Bring along A letter, if there is one",
        "Cost Free Copies, 2 USD",
        "Languages Spanish",
        "Waiting time An hour",
        "Area The valley",
        "Nora Invented · 406-555-0172",
        "Thu 24 Dec to Sat 26 Dec 2099: closed (Christmas)",
        "beds of a test free, updated",
    ):
        assert words in shown, words
    assert 'href="sms:233700"' in page.content.decode()
    assert 'href="tel:4065550171;ext=3"' in page.content.decode()
    order = ["Before you ring", "Call 406-555-0171", "Invented for a test.", "Cost Free"]
    assert [shown.index(one) for one in order] == sorted(shown.index(one) for one in order)


def test_the_list_shows_a_stale_entry_as_such_and_who_is_taken(entry):
    page = text_of(Pages().submit("/directory", {"words": "Night line of a test"}).content)
    assert "Not checked since 3 Feb 2020." in page
    assert "Takes people now: 2 of 8 beds of a test free" in page


def test_a_confidential_service_has_a_page_for_members_alone():
    hidden = loader.service_id("shelter-confidential")
    assert Pages().get(f"/directory/{hidden}").status_code == 404
    page = text_of(at_the_desk("police.worker").get(f"/desk/directory/{hidden}").content)
    assert "Network only: do not tell the name to others." in page
    assert "Where it is, for your agency's own people" not in page
    own = text_of(at_the_desk("ywca.worker").get(f"/desk/directory/{hidden}").content)
    assert "Where it is, for your agency's own people" in own


# -- An agency's own entries -----------------------------------------------------------------------


def test_the_entries_are_an_editors_of_the_agency_and_the_overdue_come_first(entry):
    editor = at_the_desk("ywca.editor")
    page = editor.get("/desk/entries").content.decode()
    names = re.findall(r'class="title"[^>]*>([^<]+)<', page)
    assert names[0] == "Night line of a test"
    assert {"Crisis line", "Emergency shelter"} <= set(names)
    assert "Campus advocate" not in names
    assert (
        f"Was due {entry_summary.day_words(entry_summary.review_due(date(2020, 2, 3)), year=True)}"
        in text_of(page)
    )
    assert at_the_desk("ywca.worker").get("/desk/entries").status_code == 403
    for who, status in (("ywca.worker", 403), ("police.lead", 403), ("sarc.lead", 403)):
        for end in ("", "/edit", "/history"):
            assert at_the_desk(who).get(f"/desk/entries/{entry}{end}").status_code == status, who
    assert editor.get(f"/desk/entries/{uuid7()}").status_code == 404


def test_one_button_pauses_a_service_and_takes_it_up_again(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}"
    answer = editor.submit(path, {"paused": "yes"}, f"{path}/pause")
    assert "Paused: no referral can be put to it." in text_of(answer.content)
    assert document_of(api, entry)["intake"] == "paused"
    assert "Paused: takes nobody just now" in text_of(Pages().get(f"/directory/{entry}").content)
    editor.submit("/desk/entries", {"paused": "no"}, f"{path}/pause")
    assert document_of(api, entry)["intake"] == "taking"


def test_the_room_is_a_number_a_unit_and_none_at_all_is_full(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}"
    before = document_of(api, entry)["capacities"][0]
    too_many = editor.submit(path, {"free_0": "9"}, f"{path}/capacity")
    assert "less than or equal to 8" in text_of(too_many.content)
    editor.submit(path, {"free_0": "0"}, f"{path}/capacity")
    now = document_of(api, entry)
    assert (now["intake"], now["capacities"][0]["available"]) == ("full", 0)
    assert now["capacities"][0]["updated"] > before["updated"]
    both = {"free_0": "0", "unit": "rooms of a test", "available": "1"}
    editor.submit(path, both, f"{path}/capacity")
    found = {one["unit"]["name"]: one["available"] for one in document_of(api, entry)["capacities"]}
    assert found == {"beds of a test": 0, "rooms of a test": 1}


def test_checked_today_ends_the_warning(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}"
    editor.submit(path, {}, f"{path}/checked")
    assert document_of(api, entry)["assured_date"] > "2026"
    assert "Not checked since" not in text_of(Pages().get(f"/directory/{entry}").content)


def form_of(pages: Pages, path: str) -> dict[str, Any]:
    """Every field of the edit form as a browser would send it untouched."""
    page = pages.get(path).content.decode()
    form = page[page.index('<form method="post" action="' + path) :].partition("</form>")[0]
    given: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if "checkbox" in tag:
            if "checked" in tag:
                given.setdefault(name[1], []).append(value[1])
        else:
            given[name[1]] = unescape(value[1]) if value else ""
    for name, text in re.findall(
        r'<textarea name="([^"]+)"[^>]*>\r?\n?(.*?)</textarea>', form, re.S
    ):
        given[name] = unescape(text)
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', form, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        given[name] = chosen[1] if chosen else ""
    return given


def test_the_form_sent_untouched_changes_nothing(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/edit"
    before = document_of(api, entry)
    given = form_of(editor, path)
    assert given["phones-2-type"] == "pager", "what our list does not know stays"
    answer = editor.http.post(path, given | {"save": "1"}, follow=True)
    assert "Nothing was changed." in text_of(answer.content)
    assert document_of(api, entry) == before


def test_a_change_is_looked_at_and_a_new_number_rung_before_it_is_saved(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/edit"
    given = form_of(editor, path) | {
        "wait_time": "Two hours",
        "phones-0-number": "406-555-0179",
        "phones-2-number": "",
        "schedules-0-closes_at": "23:00",
        "schedules-1-byday": ["SA", "SU"],
        "schedules-1-opens_at": "10:00",
        "schedules-1-closes_at": "12:00",
        "holiday_schedules-1-start_date": "2099-01-01",
    }
    page = editor.http.post(path, given | {"look": "1"})
    shown = text_of(page.content)
    assert "Ring it once before you save" in shown
    assert '<a class="reference" href="tel:4065550179">' in page.content.decode()
    assert "Two hours" in shown
    assert "406-555-0174 pager" in shown
    assert document_of(api, entry)["wait_time"] == "An hour", "nothing is saved by looking"
    before = document_of(api, entry)
    answer = editor.http.post(path, given | {"save": "1"}, follow=True)
    assert "Saved. Everybody sees it now." in text_of(answer.content)
    now = document_of(api, entry)
    assert [one["number"] for one in now["phones"]] == ["406-555-0179", "233700"]
    assert now["phones"][0]["id"] == before["phones"][0]["id"]
    hours = [(one.get("byday"), one["opens_at"], one.get("closes_at")) for one in now["schedules"]]
    assert hours == [
        ("MO,TU", "18:00:00", "23:00:00"),
        (None, "09:00:00", None),  # the monthly one, that the form is too simple for
        ("SA,SU", "10:00:00", "12:00:00"),
    ]
    assert [(one["start_date"], one["closed"]) for one in now["holiday_schedules"]] == [
        ("2099-12-24", True),
        ("2099-01-01", True),
    ]
    for kept in ("capacities", "contacts", "languages", "required_documents", "cost_options"):
        assert now[kept] == before[kept], kept


def test_what_the_domain_refuses_stands_at_its_field(api, entry):
    editor, path = at_the_desk("ywca.editor"), f"/desk/entries/{entry}/edit"
    for field, value, words in (
        ("phones-1-number", "no", "no telephone number"),
        ("description", "<script>", "without markup"),
        ("email", "nobody", "not an e-mail address"),
    ):
        given = form_of(editor, path) | {field: value, "save": "1"}
        page = editor.http.post(path, given)
        assert page.status_code == 400
        beside = re.search(rf'id="field-{field}">.*?</div>', page.content.decode(), re.S)
        assert beside, field
        assert words in beside[0].lower(), field
    assert document_of(api, entry)["description"] == "Invented for a test."


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(api, entry):
    editor, lead = at_the_desk("ywca.editor"), at_the_desk("ywca.lead")
    path = f"/desk/entries/{entry}"
    mine = form_of(editor, f"{path}/edit") | {"wait_time": "Mine"}
    buttons = editor.hidden(path, f"{path}/pause")
    given = form_of(lead, f"{path}/edit") | {"wait_time": "Theirs", "save": "1"}
    lead.http.post(f"{path}/edit", given, follow=True)
    for button in ("look", "save"):
        answer = editor.http.post(f"{path}/edit", mine | {button: "1"})
        shown = text_of(answer.content)
        assert answer.status_code == 412
        assert "Somebody else changed it meanwhile" in shown
        assert "Service updated : wait time" in shown
        assert "Mine" in shown
        assert "Theirs" in shown
    assert editor.http.post(f"{path}/pause", buttons | {"paused": "yes"}).status_code == 412
    now = document_of(api, entry)
    assert (now["wait_time"], now["intake"]) == ("Theirs", "taking")


def test_the_history_names_who_and_which_fields_and_no_words(api, entry):
    lead, path = at_the_desk("ywca.lead"), f"/desk/entries/{entry}"
    given = form_of(lead, f"{path}/edit") | {"fees_description": "Ten dollars", "save": "1"}
    lead.http.post(f"{path}/edit", given)
    page = text_of(at_the_desk("ywca.editor").get(f"{path}/history").content)
    first = page.partition("Service updated : ")[2]
    assert first.startswith("cost ")
    assert "Yara Sample" in first
    assert "Service created" in page
    assert "Ten dollars" not in page
    assert "Free" not in page


def test_a_confidential_address_is_sealed_by_the_editor_and_looked_at_in_the_log(api, nothing_left):
    place = uuid7()
    body = {"organization_id": str(OURS), "name": "House", "confidential": True}
    assert api("ywca.editor").put(f"/v1/directory/locations/{place}", body).status_code == 201
    path = f"/desk/places/{place}/address"
    editor, worker = at_the_desk("ywca.editor"), at_the_desk("ywca.worker")
    assert "Say it to nobody" not in text_of(worker.submit(path).content)
    given = {"address_1": "3 Quiet Court", "city": "Missoula"}
    kept = editor.submit(f"{path}/put", given)
    assert "3 Quiet Court" not in kept.content.decode(), "not shown by keeping it"
    assert "Each look is an entry in the access log." in text_of(worker.get(path).content)
    assert "3 Quiet Court" not in worker.get(path).content.decode()
    assert "3 Quiet Court" in text_of(worker.submit(path).content)
    log = text_of(at_the_desk("ywca.auditor").get("/desk/access-log?act=address.open").content)
    assert "Yve Example" in log
    assert "3 Quiet Court" not in log
    for who, asks in (("police.worker", 404), ("sarc.lead", 404), ("ywca.auditor", 404)):
        assert at_the_desk(who).http.get(path).status_code in (200, asks), who
        shown = at_the_desk(who)
        token = shown.hidden("/desk/directory", "/accounts/logout")
        assert "3 Quiet Court" not in shown.http.post(path, token).content.decode(), who
    assert at_the_desk("ywca.worker").get(f"{path}/put").status_code == 403
    editor.submit(f"{path}/put", {"remove": "1"})
    assert "Your agency keeps no address here." in text_of(worker.submit(path).content)


# -- The page that may be kept (R16) ---------------------------------------------------------------


def test_the_page_to_keep_is_the_same_for_everybody_and_no_cookie_goes_with_it():
    nobody = Pages().get("/safety")
    member = at_the_desk("ywca.worker")
    member.get("/desk/")
    with_session = member.get("/safety")
    assert with_session.content == nobody.content
    for answer in (nobody, with_session):
        assert answer.status_code == 200
        assert answer["Cache-Control"] == KEPT_OFFLINE
        assert "immutable" not in answer["Cache-Control"]
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")


def test_the_page_to_keep_needs_no_session_and_no_database():
    member = at_the_desk("ywca.worker")
    asked = []

    def refuse(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(refuse):
        assert member.get("/safety").status_code == 200
        assert asked == []
        member.get("/desk/directory")
    assert asked, "the wrapper saw nothing"


def test_the_page_to_keep_has_every_line_in_english_and_spanish_and_nothing_from_elsewhere():
    page = Pages().get("/safety").content.decode()
    for line in settings.SAFETY_LINES:
        for name in ("name", "phone", "note", "name_es"):
            assert line[name] in page
    assert settings.SAFETY_NOTICE in page
    assert settings.SAFETY_NOTICE_ES in page
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page)
    assert loaded == ["data:,", "/static/desk/safety.css"]
    style = Pages().get("/static/desk/safety.css")
    assert style["Cache-Control"] == KEPT_OFFLINE
    assert not re.search(r"url\(|@import", b"".join(style.streaming_content).decode())


def test_nothing_but_the_page_to_keep_may_be_kept():
    for path in ("/", "/directory", "/safety/", "/problems/sealed", "/accounts/login"):
        assert Pages().get(path)["Cache-Control"] == "no-store", path
    assert Pages().http.post("/safety")["Cache-Control"] == "no-store"


def test_every_page_leads_to_the_page_to_keep():
    for path in ("/", "/directory", "/accounts/login", "/no-such-page", "/docs"):
        assert 'href="/safety"' in Pages().get(path).content.decode(), path
    assert 'href="/safety"' in at_the_desk("ywca.worker").get("/desk/").content.decode()


def test_a_notice_of_the_networks_own_is_not_contradicted_in_spanish(monkeypatch):
    monkeypatch.setattr(settings, "SAFETY_NOTICE", "In danger now? Call 999.")
    monkeypatch.setattr(settings, "SAFETY_NOTICE_ES", "")
    page = Pages().get("/safety").content.decode()
    assert "Call 999" in page
    assert 'class="notice"' not in page


# -- In a real browser -----------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_somebody_finds_a_service_goes_back_and_finds_another(postcodes, chromium, server, size):
    desk = Desk(chromium, server, size)
    page = desk.page
    page.goto("/")
    desk.check()
    page.get_by_label("What is needed, and where").fill("sheltr")
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

    # By keyboard alone: the folded filters, a language that nobody speaks here, and back out of it.
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
    for unseen in ("Leave quickly", "Find another service", "More about it"):
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
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_an_editor_looks_after_her_entries(entry, chromium, server, size):
    desk = Desk(chromium, server, size)
    page = desk.page
    desk.sign_in("ywca.editor")
    desk.follow("Our entries")
    desk.follow("Night line of a test")
    desk.press("Pause Night line of a test")
    desk.sees("Paused: takes nobody just now")
    desk.press("Take people again")
    page.get_by_label("Beds of a test free, of 8").fill("5")
    desk.press("Keep these numbers")
    desk.sees("5 of 8 beds of a test free")
    desk.press("I have checked it today")
    desk.sees("Checked today.")
    desk.follow("Something is not right: change it")
    page.get_by_label("Number", exact=True).first.fill("406-555-0178")
    page.get_by_text("Add: hours").first.click()
    page.locator("#field-schedules-1-byday").get_by_label("Wed").check()
    desk.press("Look at the changes")
    desk.sees("Say when it opens.")
    page.locator("#field-schedules-1-opens_at input").fill("10:00")
    page.locator("#field-schedules-1-closes_at input").fill("11:30")
    desk.press("Look at the changes")
    desk.sees("Ring it once before you save")
    desk.sees("Wed 10:00–11:30")
    desk.press("Back to the form")
    expect(page.get_by_label("Number", exact=True).first).to_have_value("406-555-0178")
    desk.press("Look at the changes")
    desk.press("I have rung: save")
    desk.sees("Saved. Everybody sees it now.")
    desk.follow("Who changed it, and when")
    desk.sees("Service updated")
    page.goto(f"/directory/{entry}")
    desk.sees("Call 406-555-0178 ext. 3")
    assert not any("Night" in title for title in desk.titles)
    desk.context.close()
