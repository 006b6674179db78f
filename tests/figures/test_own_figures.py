"""An agency's own figures: of months that are over, for its leads and its own systems, by the API
and at the desk; and as if there were no referral that bars anyone of it."""

import csv
import io
from collections import Counter
from datetime import date
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest

from permissions.database.clock import database_now
from permissions.models import Agency
from referrals import worker
from referrals.models import LineCover
from referrals.numbers.periods import shifted
from tests.figures.past_cells import past, referrals
from tests.support.people.callers import agency_id, narrow
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story, to

REPORTS = "/v1/reports"
PAGE = "/desk/reports"
JUNE = date(2026, 6, 1)


def read(caller: Any, period: str = "") -> Any:
    answer = caller.get(REPORTS, {"period": period} if period else {})
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_quarter_has_its_months_and_nothing_of_others(api: Any) -> None:
    late = {"late__answer": 1, "late__handoff": 2}
    referrals("ywca", "to", JUNE, 4, declined__no_capacity=2, **late)
    referrals("ywca", "to", date(2026, 4, 1), 3)
    referrals("ywca", "to", date(2026, 7, 1), 50)
    referrals("police", "from", JUNE, 7)
    past("ywca", "to", JUNE, {"answered:h1": 1})
    found = read(api("ywca.lead"), "2026-Q2")
    assert (found["begins"], found["ends"]) == ("2026-04-01", "2026-06-30")
    assert found["sent"]["referrals"] == 0
    got = found["received"]
    assert got["referrals"] == 7
    assert [(one["begins"], one["referrals"]) for one in got["months"]] == [
        ("2026-04-01", 3),
        ("2026-05-01", 0),
        ("2026-06-01", 4),
    ]
    assert got["by"]["need"] == {"shelter": 7}
    assert got["by"]["declined"] == {"no_capacity": 2}
    assert (got["late"], got["late_handoffs"]) == (1, 2)
    times = got["answered"]
    assert (times["number"], times["median"], times["p90"]) == (8, 5, 60)
    assert sum(one["number"] for one in times["steps"]) == 8
    assert read(api("police.lead"), "2026-06")["sent"]["referrals"] == 7


def test_what_is_not_over_is_not_shown(api: Any, story: Story, shift_clock: Any) -> None:
    story.send()
    assert worker.run_until_idle(worker.jobs_named(["numbers"])) == []
    lead = api("police.lead")
    zone = Agency.objects.get(id=agency_id("police")).time_zone
    month = month_of(database_now("default"), zone)
    refused = lead.get(REPORTS, {"period": f"{month:%Y-%m}"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert read(lead, f"{month:%Y}")["sent"]["referrals"] == 0 if month.month > 1 else True
    assert read(lead)["sent"]["referrals"] == 0
    shift_clock("32 days")
    found = read(api("police.lead"), f"{month:%Y-%m}")
    assert found["sent"]["referrals"] == 1
    assert found["sent"]["by"]["outcome"] == {"waiting": 1}


def month_of(moment: Any, zone: str) -> date:
    local: date = moment.astimezone(ZoneInfo(zone)).date().replace(day=1)
    return local


def test_whom_it_bars_reads_the_figures_of_a_world_without_it(
    api: Any, story: Story, shift_clock: Any
) -> None:
    shift_clock("32 days")
    before = read(api("ywca.lead"))
    shift_clock("0")
    story.send().answers("accept").answers("block", to("ywca.lead"))
    assert worker.run_until_idle(worker.jobs_named(["numbers"])) == []
    shift_clock("32 days")
    assert read(api("ywca.lead")) == before


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("ywca.worker", 403),
        ("ywca.admin", 403),
        ("ywca.auditor", 403),
        ("taskforce.coordinator", 403),
        ("ywca.lead", 200),
    ],
)
def test_who_may_read_them(who: str, status: int, api: Any) -> None:
    assert api(who).get(REPORTS).status_code == status
    assert at_the_desk(who).get(PAGE).status_code == status


def test_a_system_needs_the_scope_and_acts_for_no_worker(api: Any) -> None:
    referrals("ywca", "to", JUNE, 4)
    ask = {"period": "2026-06"}
    assert narrow(api, "ywca", None, "referrals:read").get(REPORTS, ask).status_code == 403
    system = narrow(api, "ywca", None, "reports:read")
    assert system.get(REPORTS, ask).json()["received"]["referrals"] == 4
    assert narrow(api, "ywca", "ywca.worker", "reports:read").get(REPORTS, ask).status_code == 403
    assert narrow(api, "ywca", "ywca.lead", "reports:read").get(REPORTS, ask).status_code == 200


@pytest.mark.parametrize("period", ["2026-13", "", "x", "2099", "2026-Q9"])
def test_a_wrong_period_says_how_one_is_written(period: str, api: Any) -> None:
    answer = api("ywca.lead").get(f"{REPORTS}?period={period}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_reading_is_one_entry_and_a_refusal_another(api: Any, superuser: Any) -> None:
    before = entries(superuser)
    read(api("ywca.lead"))
    api("ywca.worker").get(REPORTS)
    new = entries(superuser) - before
    assert new == Counter({("allowed", None): 1, ("refused", "role_missing"): 1})


def entries(superuser: Any) -> Counter[tuple[str, str | None]]:
    with superuser.cursor() as cursor:
        cursor.execute("SELECT decision, rule FROM access_entry WHERE act = 'own_figures.read'")
        found = Counter(cursor.fetchall())
    superuser.commit()
    return found


# -- At the desk -----------------------------------------------------------------------------------


def test_the_page_says_what_the_numbers_mean_with_the_period_before() -> None:
    late = {"late__answer": 1, "late__handoff": 2}
    referrals("ywca", "to", JUNE, 4, declined__no_capacity=2, **late)
    referrals("ywca", "to", date(2026, 5, 1), 9)
    LineCover.objects.using("jobs").create(
        agency_id=agency_id("ywca"),
        month=JUNE,
        minutes=43_200,
        covered=43_080,
        until=database_now("jobs"),
    )
    pages = at_the_desk("ywca.lead")
    answer = pages.get(f"{PAGE}?period=2026-06")
    shown = text_of(answer.content)
    assert "Our figures: June 2026" in shown
    assert "Your agency received 4 referrals in this period; in the period before" in shown
    assert "(May 2026): 9." in shown
    assert "Nine of ten were answered within 5 min." in shown
    assert "1 was not answered in time." in shown
    assert "2 were accepted, and then a deadline to contact the survivor passed." in shown
    assert "2 were declined: needs that were not met here." in shown
    assert "No room or no staff available 2 0" in shown
    assert "For 2 hours no one was on call whose phone answers." in shown
    page = answer.content.decode()
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg"') == page.count("<table>")
    assert page.count('role="img"') == page.count("<table>")
    assert 'href="/desk/reports?period=2026-05"' in page
    assert "Nothing was counted" in text_of(pages.get(f"{PAGE}?period=2020-01").content)
    wrong = pages.get(f"{PAGE}?period=2099", follow=True)
    assert "No month of that period is over." in text_of(wrong.content)


def test_a_period_that_is_not_over_says_up_to_when() -> None:
    now = database_now("jobs")
    month = month_of(now, Agency.objects.get(id=agency_id("ywca")).time_zone)
    if month.month == 1:
        pytest.skip("In January no month of the year is over.")
    shown = text_of(at_the_desk("ywca.lead").get(f"{PAGE}?period={month.year}").content)
    assert "This period is not over. It is counted up to" in shown
    assert shifted(month, -1) < month


def test_the_files_say_what_the_page_says() -> None:
    referrals("ywca", "to", JUNE, 4)
    pages = at_the_desk("ywca.lead")
    answer = pages.get(f"{PAGE}/figures.csv?period=2026-06")
    assert answer["Content-Disposition"] == 'attachment; filename="figures-2026-06.csv"'
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0] == ["Part", "Table", "What", "June 2026", "May 2026"]
    needs = "Needs (a referral may have several)"
    assert ["Referrals that you received", needs, "Emergency shelter", "4", "0"] in lines
    book = pages.get(f"{PAGE}/figures.xlsx?period=2026-06")
    with ZipFile(io.BytesIO(book.content)) as parts:
        assert "Emergency shelter" in parts.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in parts.read("xl/worksheets/sheet1.xml").decode()
    printed = text_of(pages.get(f"{PAGE}/print?period=2026-06").content)
    assert "Emergency shelter 4 0" in printed
