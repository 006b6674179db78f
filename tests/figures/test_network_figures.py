"""The network's figures: bands, made once of what is over, shown to the coordinator, published for
everyone, and never changed."""

import csv
import io
import json
from datetime import date
from typing import Any

import pytest
from django.db import connections
from django.db.utils import DatabaseError
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from permissions.models import Agency
from referrals import worker
from referrals.numbers import bands, network_figures, published_figures
from referrals.numbers.bands import ROOM, Band, band
from tests.figures.past_cells import network, past, referrals, some_years
from tests.support.people.callers import agency_id, principal
from tests.support.people.desk_pages import at_the_desk, text_of

COORDINATOR = "taskforce.coordinator"
HERE = "/desk/network-figures"
PLAIN = Client()


def made() -> None:
    assert worker.run_until_idle(worker.jobs_named(["numbers"])) == []


def stored(superuser: Any) -> dict[str, Any]:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT period, content FROM network_figures")
        found = dict(cursor.fetchall())
    superuser.commit()
    return found


# -- Bands -----------------------------------------------------------------------------------------


@given(st.integers(0, 500), st.sampled_from((5, 10, 25)), st.text(max_size=8))
def test_a_band_has_its_number_and_room_above_it(number: int, width: int, figure: str) -> None:
    shown = band(number, width, figure)
    if number == 0:
        assert shown == bands.NONE
        return
    assert shown.least <= number <= shown.most - ROOM, "two more would be shown in the same words"
    assert shown.least % width == 1
    assert shown.most % width == 0
    assert shown.most - shown.least + 1 in (width, 2 * width)
    assert band(number, width, figure) == shown


def test_a_wide_band_does_not_say_that_its_number_is_at_an_end() -> None:
    wide = [n for n in range(11, 19) if band(n, 10, "a figure") != Band(11, 20)]
    found = [n for one in range(300) for n in (14,) if band(n, 10, f"{one}") != Band(11, 20)]
    assert 40 < len(found) < 110
    assert {band(14, 10, f"{one}") for one in range(300)} == {
        *(Band(11, 20), Band(1, 20), Band(11, 30)),
    }
    assert len(wide) < 8
    assert {band(10, 10, f"{one}") for one in range(50)} == {Band(1, 20)}


# -- Making them -----------------------------------------------------------------------------------


def test_quarters_and_years_are_made_once_a_month_after_their_end(
    api: Any, superuser: Any, shift_clock: Any
) -> None:
    some_years()
    made()
    found = stored(superuser)
    assert {"2024", "2025", "2024-Q1", "2025-Q4", "2026-Q3"} <= set(found)
    assert "2026" not in found
    for number, name in ((12, "2024"), (32, "2025"), (3, "2024-Q1"), (8, "2025-Q4")):
        least, most = found[name]["referrals"]
        assert least <= number < most
    assert set(found["2025"]["tables"]["need"]) == {"shelter"}
    network(date(2025, 5, 1), 100)
    made()
    assert stored(superuser) == found, "what comes later changes nothing"
    shift_clock("400 days")
    made()
    assert set(found) < set(stored(superuser))


def test_what_bars_anyone_is_in_no_figure(superuser: Any) -> None:
    network(date(2025, 2, 1), 3)
    network(date(2025, 2, 1), 70, side="kept", concern__stalking=70)
    made()
    for name in ("2025-Q1", "2025"):
        content = stored(superuser)[name]
        assert content["referrals"][1] <= 20
        assert "stalking" not in content["tables"]["concern"]


def test_a_quarter_of_which_all_is_kept_out_is_not_made(superuser: Any) -> None:
    network(date(2025, 2, 1), 7, side="kept")
    network(date(2025, 5, 1), 7)
    made()
    assert set(stored(superuser)) == {"2025", "2025-Q2"}


def test_a_kind_of_one_agency_is_not_told_apart_unless_it_agreed(api: Any, superuser: Any) -> None:
    past(None, "net", date(2025, 5, 1), {"kind:healthcare": 12, "kind:prosecution": 3})
    past(None, "net", date(2025, 8, 1), {"kind:healthcare": 12})
    network(date(2025, 2, 1), 4)
    Agency.objects.using("jobs").filter(id=agency_id("campus")).update(kind="prosecution")
    try:
        made()
        found = stored(superuser)
        kinds = set(found["2025"]["tables"]["kind"])
        assert kinds == {"community_advocate", "other"}
        assert found["2025-Q3"]["tables"]["kind"] == {}, "of one agency, whatever it is called"
    finally:
        Agency.objects.using("jobs").filter(id=agency_id("campus")).update(kind="legal")


def test_only_an_agency_that_agreed_is_named_and_it_may_end_that(api: Any, superuser: Any) -> None:
    some_years()
    lead, coordinator = principal(api("ywca.lead")), principal(api(COORDINATOR))
    published_figures.agree(lead, agree=True)
    published_figures.agree(lead, agree=True)
    made()
    (named,) = stored(superuser)["2025"]["agencies"]
    assert named["name"] == Agency.objects.get(id=agency_id("ywca")).name
    assert named["sent"] == [0, 0]
    assert named["received"][0] <= 32 < named["received"][1]
    assert [one.name for one in figures_of(coordinator, "2025").agencies] == [named["name"]]
    published_figures.agree(lead, agree=False)
    assert figures_of(coordinator, "2025").agencies == []
    published_figures.publish(coordinator, "2025")
    assert stored(superuser)["2025"]["agencies"] == []
    published_figures.agree(lead, agree=True)
    assert figures_of(coordinator, "2025").agencies == [], "what is published does not change"


def test_who_ends_it_ends_their_own_and_who_left_is_not_named(api: Any, superuser: Any) -> None:
    some_years()
    first, second = principal(api("ywca.lead")), principal(api("sarc.lead"))
    for lead in (first, second):
        published_figures.agree(lead, agree=True)
    made()
    names = {key: Agency.objects.get(id=agency_id(key)).name for key in ("ywca", "sarc")}

    def named() -> set[str]:
        figures = figures_of(principal(api(COORDINATOR)), "2025")
        return {one.name for one in figures.agencies}

    def ends() -> list[Any]:
        with superuser.cursor() as cursor:
            cursor.execute("SELECT ended_at FROM figures_agreement ORDER BY id")
            found: list[Any] = cursor.fetchall()
        superuser.commit()
        return found

    assert named() == set(names.values())
    published_figures.agree(second, agree=False)
    once = ends()
    assert named() == {names["ywca"]}
    published_figures.agree(second, agree=False)
    assert ends() == once, "a second time changes nothing"
    Agency.objects.using("jobs").filter(id=agency_id("ywca")).update(active=False)
    try:
        assert named() == set()
    finally:
        Agency.objects.using("jobs").filter(id=agency_id("ywca")).update(active=True)


def figures_of(who: Any, name: str) -> published_figures.NetworkFigures:
    return {one.period.name: one for one in published_figures.known(who).figures}[name]


def test_no_exact_number_is_stored_or_shown(api: Any, superuser: Any) -> None:
    """All that is stored of a period are bands."""
    some_years()
    made()
    for content in stored(superuser).values():
        shown = json.loads(json.dumps(content))
        assert shown.pop("threshold") == 10
        for one in numbers_in(shown):
            assert one == [0, 0] or (one[0] % 10 == 1 and one[1] % 10 == 0), one


def numbers_in(value: Any) -> list[list[int]]:
    if isinstance(value, list) and value and all(isinstance(one, int) for one in value):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    assert not isinstance(value, int)
    return [found for one in inner for found in numbers_in(one)]


# -- Who is shown them -----------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["ywca.lead", "police.worker", "police.auditor", "ywca.admin"])
def test_no_one_else_reads_or_publishes_them(who: str) -> None:
    some_years()
    made()
    pages = at_the_desk(who, csrf=False)
    for path in (HERE, f"{HERE}/gaps", f"{HERE}/figures.csv", f"{HERE}/2025/publish"):
        assert pages.get(path).status_code == 403, path
    assert pages.http.post(f"{HERE}/2025/publish", {}).status_code == 403
    assert pages.http.post(f"{HERE}/earlier", {"year": "2014"}).status_code == 403
    assert PLAIN.get("/numbers/2025").status_code == 404


def test_a_year_is_published_once_for_everyone_with_its_trainings(api: Any) -> None:
    some_years()
    pages = at_the_desk(COORDINATOR, csrf=False)
    entered = {"year": "2025", "cases": "9", "source": "A report"}
    pages.submit(f"{HERE}/earlier", entered)
    assert "2025: A report" in text_of(PLAIN.get("/numbers").content)
    made()
    shown = text_of(pages.get(HERE).content)
    assert "Figures of the network" in pages.get(HERE).content.decode()
    assert "2025" in shown
    assert "Publish the figures of 2025?" in text_of(pages.get(f"{HERE}/2025/publish").content)
    assert PLAIN.get("/numbers/2025").status_code == 404, "to ask publishes nothing"
    pages.submit(f"{HERE}/2025/publish")
    public = PLAIN.get("/numbers/2025")
    assert public.status_code == 200
    assert "2025: A report" not in text_of(PLAIN.get("/numbers").content), "Cairn's own instead"
    page, file = public.content, PLAIN.get("/numbers/2025.csv").content
    assert "0 trainings were held" in text_of(page)
    network(date(2025, 5, 1), 100)
    made()
    pages.submit(f"{HERE}/2025/publish")
    assert text_of(PLAIN.get("/numbers/2025").content) == text_of(page)
    assert PLAIN.get("/numbers/2025.csv").content == file
    lines = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
    assert any("Emergency shelter" in line for line in lines)
    assert PLAIN.get("/numbers/2024").status_code == 404
    assert pages.get(f"{HERE}/2023/publish").status_code == 404
    assert pages.http.post(f"{HERE}/2023/publish", {}).status_code == 404


def test_what_is_published_cannot_be_changed_by_any_role(api: Any) -> None:
    some_years()
    made()
    published_figures.publish(principal(api(COORDINATOR)), "2025")
    for alias in ("default", "jobs", "signin"):
        for change in (
            "UPDATE network_figures SET content = '{}'",
            "DELETE FROM network_figures",
        ):
            with pytest.raises(DatabaseError), connections[alias].cursor() as cursor:
                cursor.execute(change)


def test_the_gap_is_printed_in_both_languages() -> None:
    some_years()
    made()
    pages = at_the_desk(COORDINATOR)
    english = text_of(pages.get(f"{HERE}/gaps?period=2025&lang=en").content)
    assert "What is missing in our network: 2025" in english
    assert "Class for people who buy sex (in no directory)" in english
    assert "ZIP codes 598" in english
    spanish = pages.get(f"{HERE}/gaps?period=2025&lang=es").content.decode()
    assert "Class for people who buy sex" not in spanish
    assert 'lang="es"' in spanish


# -- Years before Cairn ----------------------------------------------------------------------------


def test_an_earlier_year_is_entered_corrected_and_deleted(api: Any) -> None:
    pages = at_the_desk(COORDINATOR, csrf=False)
    told = {"year": "2014", "cases": "", "trainings": "75", "people": "2000", "source": "A report"}
    assert "Saved." in text_of(pages.submit(f"{HERE}/earlier", told).content)
    public = text_of(PLAIN.get("/numbers").content)
    assert "2014 75" in public
    assert "2014: A report" in public
    pages.submit(f"{HERE}/earlier", told | {"cases": "5"})
    assert "Cases by year" in text_of(PLAIN.get("/numbers").content)
    assert 'value="5"' in pages.get(f"{HERE}/earlier?year=2014").content.decode()
    assert "Deleted." in text_of(pages.submit(f"{HERE}/earlier/2014/delete").content)
    assert "Nothing is published yet." in text_of(PLAIN.get("/numbers").content)
    assert pages.http.post(f"{HERE}/earlier/2014/delete", {}).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"year": "1900"},
        {"year": ""},
        {"cases": "-1"},
        {"cases": "", "trainings": "", "people": ""},
        {"source": ""},
        {"source": "x" * 201},
    ],
)
def test_a_wrong_year_is_refused_in_words_and_nothing_is_kept(wrong: dict[str, str]) -> None:
    pages = at_the_desk(COORDINATOR)
    told = {"year": "2014", "cases": "5", "trainings": "", "people": "", "source": "A report"}
    answer = pages.submit(f"{HERE}/earlier", told | wrong)
    assert "Saved." not in text_of(answer.content)
    assert 'class="wrong"' in answer.content.decode()
    assert "Nothing is published yet." in text_of(PLAIN.get("/numbers").content)


def test_what_is_read_of_a_period_are_its_own_cells_of_the_network() -> None:
    network(date(2025, 2, 1), 2)
    network(date(2025, 3, 1), 5)
    network(date(2025, 4, 1), 100)
    network(date(2025, 3, 1), 50, side="kept")
    referrals("police", "from", date(2025, 3, 1), 50)
    with connections["jobs"].cursor() as cursor:
        found = network_figures._cells(cursor, network_figures.parse("2025-Q1"))
    assert found.items["urgency:urgent"] == 7
    assert found.sent == {agency_id("police"): 7}
    assert found.received == {agency_id("ywca"): 7}
