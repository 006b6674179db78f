"""Trainings at the desk: entered, corrected, deleted, found, printed and taken along as a file."""

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

from permissions.models import AccessEntry
from tests.figures.training_pages import (
    COORDINATOR,
    LIST,
    NEW,
    enter,
    given,
    logged,
    only_id,
    stored,
)
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, rows, text_of


def test_a_lead_enters_corrects_and_deletes_and_the_log_has_it(api: Any, superuser: Any) -> None:
    pages, began = at_the_desk("police.lead"), len(logged(superuser))
    assert f'href="{LIST}"' in pages.get("/desk/account").content.decode()
    assert "No training has been entered yet." in text_of(pages.get(LIST).content)
    answer = enter(pages, title="Eyes on the lobby")
    assert answer.redirect_chain[-1][0] == LIST
    shown = text_of(answer.content)
    assert "Saved. The training is on the list." in shown
    assert "1 training, 31 people" in shown
    assert "Mar 5, 2026" in shown
    assert "How to recognize trafficking Eyes on the lobby" in shown
    police = str(agency_id("police"))
    facts = (police, "2026-03-05", "hospitality", "frontline", "recognizing")
    assert stored(superuser) == [(*facts, 31, "Eyes on the lobby", 0)]

    one = only_id(superuser)
    at = f"{LIST}/{one}"
    page = pages.get(at).content.decode()
    assert 'value="31"' in page
    assert 'value="2026-03-05"' in page
    answer = pages.submit(at, given(heads=13, title="Eyes on the lobby"))
    assert answer.redirect_chain[-1][0] == LIST
    assert stored(superuser) == [(*facts, 13, "Eyes on the lobby", 1)]
    asked = text_of(pages.get(f"{at}/delete").content)
    assert "Delete this training?" in asked
    assert "13 people" in asked
    assert stored(superuser) != [], "to look deletes nothing"
    assert "Deleted." in text_of(pages.submit(f"{at}/delete").content)
    assert stored(superuser) == []
    assert pages.get(at).status_code == 404
    assert pages.get(f"{at}/delete").status_code == 404

    lead = member_id("police.lead")
    assert logged(superuser)[began:] == [
        ("training.add", one, "allowed", None, str(lead)),
        ("training.change", one, "allowed", ["heads"], str(lead)),
        ("training.delete", one, "allowed", None, str(lead)),
    ]
    log = text_of(at_the_desk("police.auditor").get("/desk/access-log").content)
    for words in ("Entered a training", "Corrected a training", "Deleted a training"):
        assert words in log


def test_the_coordinator_keeps_every_agencys_and_a_lead_their_own(api: Any, superuser: Any) -> None:
    enter(at_the_desk("police.lead"), "police", title="By the police")
    pages = at_the_desk(COORDINATOR)
    enter(pages, "ywca", title="By the shelter", held_on="2014-05-06")
    everything = text_of(pages.get(LIST).content)
    assert "2 trainings, 62 people" in everything
    assert everything.index("By the police") < everything.index("By the shelter"), "newest first"
    for who, mine, other in (
        ("police.lead", "By the police", "By the shelter"),
        ("ywca.lead", "By the shelter", "By the police"),
    ):
        shown = text_of(at_the_desk(who).get(LIST).content)
        assert mine in shown
        assert other not in shown
        assert "1 training, 31 people" in shown
    (id_,) = re.findall(
        rf'{LIST}/([0-9a-f-]{{36}})"', at_the_desk("ywca.lead").get(LIST).content.decode()
    )
    answer = pages.submit(f"{LIST}/{id_}", given("police", title="It was the police's"))
    assert answer.status_code == 200
    assert {row[0] for row in stored(superuser)} == {str(agency_id("police"))}
    assert "No training" in text_of(at_the_desk("ywca.lead").get(LIST).content)


def test_they_are_found_by_period_and_sector(api: Any, superuser: Any) -> None:
    pages = at_the_desk(COORDINATOR)
    for day, sector in (
        ("2025-12-31", "schools"),
        ("2026-01-01", "schools"),
        ("2026-01-31", "courts"),
        ("2026-02-01", "courts"),
    ):
        enter(pages, held_on=day, sector=sector, title=f"On {sector} {day[-5:]}"[:120])

    def days(**ask: str) -> list[str]:
        page = pages.get(LIST, ask).content.decode()
        return re.findall(r'data-label="Day"><a[^>]*>([^<]+)</a>', page)

    assert len(days()) == 4
    january = {"since": "2026-01-01", "until": "2026-01-31"}
    assert days(**january) == ["Jan 31, 2026", "Jan 1, 2026"], "both days are of it"
    assert days(**january, sector="schools") == ["Jan 1, 2026"]
    assert days(sector="tribal") == []
    assert "No training matches." in text_of(pages.get(LIST, {"sector": "tribal"}).content)
    for ask in (
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"since": "yesterday"},
        {"sector": "nothing"},
        {"since": "0000-00-00"},
    ):
        answer = pages.get(LIST, ask)
        assert answer.status_code == 200
        assert "Nothing is shown. Correct the filter first." in text_of(answer.content), ask
        assert days(**ask) == []
        for other in ("print", "file"):
            assert pages.get(f"{LIST}/{other}", ask).status_code == 302
    totals = text_of(pages.get(LIST, january).content)
    assert "2 trainings, 62 people" in totals


def test_the_list_goes_on_where_it_was_and_none_is_passed_over(api: Any, superuser: Any) -> None:
    pages = at_the_desk(COORDINATOR)
    first = date(2026, 1, 1)
    with superuser.cursor() as cursor:
        for number in range(60):
            day = first + timedelta(days=number // 3)
            cursor.execute(
                "INSERT INTO directory_training (id, agency_id, held_on, audience, sector, topic,"
                " heads, title, changes) VALUES (gen_random_uuid(), %s, %s, 'public', 'schools',"
                " 'law', 2, %s, 0)",
                [str(agency_id("police")), day, f"Number {number};"],
            )
    superuser.commit()
    seen: list[int] = []
    at = f"{LIST}?sector=schools"
    pages_read = 0
    while at:
        page = pages.get(at).content.decode()
        pages_read += 1
        seen += [int(one) for one in re.findall(r"Number (\d+);", page)]
        assert "60 trainings, 120 people" in text_of(page)
        more = re.search(r'href="\?([^"]*after=[^"]+)"', page)
        at = f"{LIST}?{more[1].replace('&amp;', '&')}" if more else ""
    assert pages_read == 3
    assert sorted(seen) == list(range(60))
    assert [one // 3 for one in seen] == sorted((one // 3 for one in seen), reverse=True)
    for wrong in ("x", "2026-13-01." + "0" * 36, "2026-01-01.x", f"2026-01-01.{'-' * 36}"):
        answer = pages.get(LIST, {"after": wrong})
        assert answer.status_code == 200
        assert "Number 59;" in text_of(answer.content), wrong
    past = {"after": "2000-01-01.00000000-0000-0000-0000-000000000000"}
    assert "No more trainings here." in text_of(pages.get(LIST, past).content)


def test_what_is_printed_and_the_file_have_all_of_it_and_run_nothing(
    api: Any, superuser: Any
) -> None:
    pages = at_the_desk(COORDINATOR)
    enter(pages, title="=HYPERLINK('x')", held_on="2026-03-05")
    enter(pages, "ywca", title='Say "yes", they said', held_on="2026-03-04", sector="faith")
    before = rows(superuser, AccessEntry)
    page = pages.get(f"{LIST}/print", {"since": "2026-03-01"}).content.decode()
    assert f"{LIST}/" not in page.partition("<article")[2].partition("</article>")[0]
    printed = text_of(page)
    assert "From Mar 1, 2026." in printed
    assert "2 trainings, 62 people" in printed
    answer = pages.get(f"{LIST}/file", {"sector": "faith"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer["Content-Disposition"] == 'attachment; filename="trainings.csv"'
    head, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert head == [
        "Day",
        "Trainer's agency",
        "Sector",
        "Who was taught",
        "Topic",
        "People",
        "Title",
    ]
    ((day, agency, *said),) = lines
    assert (day, said[-1]) == ("2026-03-04", 'Say "yes", they said')
    assert said[:-1] == [
        "Faith communities", "Front-line staff", "How to recognize trafficking", "31",
    ]  # fmt: skip
    assert agency
    whole = list(csv.reader(io.StringIO(pages.get(f"{LIST}/file").content.decode("utf-8-sig"))))
    assert whole[1][-1] == "'=HYPERLINK('x')"
    assert len(whole) == 3
    assert rows(superuser, AccessEntry) == before, "what holds nothing of a person is not logged"


def test_a_second_tap_enters_one_and_another_word_under_its_id_is_refused(
    api: Any, superuser: Any
) -> None:
    pages = at_the_desk("police.lead")
    body = pages.hidden(NEW) | given()
    for _tap in range(2):
        assert pages.http.post(NEW, body).status_code == 302
    assert len(stored(superuser)) == 1
    answer = pages.http.post(NEW, body | {"heads": "99"})
    assert answer.status_code == 412
    assert [row[5] for row in stored(superuser)] == [31]


def test_of_two_who_correct_it_the_second_is_shown_what_the_first_said(
    api: Any, superuser: Any
) -> None:
    lead, coordinator = at_the_desk("police.lead"), at_the_desk(COORDINATOR)
    enter(lead)
    at = f"{LIST}/{only_id(superuser)}"
    seen = coordinator.hidden(at)
    gone = coordinator.hidden(f"{at}/delete")
    lead.submit(at, given(heads=12))
    answer = coordinator.http.post(at, seen | given(heads=13), follow=True)
    shown = answer.content.decode()
    assert "Someone else changed this training meanwhile. Nothing was saved." in shown
    assert 'value="12"' in shown
    answer = coordinator.http.post(f"{at}/delete", gone, follow=True)
    assert "Nothing was deleted." in text_of(answer.content)
    again = coordinator.http.post(at, seen | given(heads=12))
    assert again.status_code == 302, "the same that is there is no second change"
    assert [row[5:] for row in stored(superuser)] == [(12, "", 1)]
