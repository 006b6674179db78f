"""An agency sets its own hours, deadlines and retention at the desk, without script."""

import re
from datetime import date
from typing import Any

import pytest

from permissions.models import Agency
from referrals.deadlines import due_times
from tests.identity.operators import set_agency
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import Pages, at_the_desk, text_of
from tests.support.people.own_systems import SETTINGS, newest
from tests.support.people.own_systems import as_before as as_before  # a fixture

pytestmark = pytest.mark.usefixtures("as_before")
RETENTION = f"{SETTINGS}/retention"
USUAL = {"takes_notices": "yes", "time_zone": "America/Denver"}


def ywca() -> Agency:
    return Agency.objects.get(id=agency_id("ywca"))


def saved(pages: Pages, **given: Any) -> Any:
    return pages.submit(SETTINGS, USUAL | given)


def test_the_page_says_what_counts_now_and_the_networks_default() -> None:
    page = at_the_desk("ywca.admin").get(SETTINGS).content.decode()
    shown = text_of(page)
    for words in (
        *("Time zone America/Denver", "Monday–Friday: 9:00 a.m.–5:00 p.m."),
        *("Saturday–Sunday: closed", "look at it 15, accept or decline 30, hand-off 30"),
        *("30 days after the end", "Duty phone", "The network's operator changes it."),
    ):
        assert words in shown.replace("\N{NO-BREAK SPACE}", " "), words
    assert 'name="duty_phone"' not in page


def test_settings_are_saved_with_their_entry_and_count_for_what_is_sent_then(
    superuser: Any,
) -> None:
    pages = at_the_desk("ywca.admin")
    given = {
        "takes_notices": "no",
        "time_zone": "America/Chicago",
        "holidays": "2027-01-01\n2026-12-25\n2027-01-01",
        "opens_0": "08:00",
        "closes_0": "16:30",
        "opens_6": "00:00",
        "closes_6": "23:59",
        "urgent_ack": 30,
        "urgent_accept": 60,
        "urgent_handoff": 240,
        "urgent_expires": 480,
    }
    assert "Saved." in text_of(saved(pages, **given).content)
    agency = ywca()
    assert (agency.takes_notices, agency.time_zone) == (False, "America/Chicago")
    assert agency.holidays == [date(2026, 12, 25), date(2027, 1, 1)]
    week = [["08:00", "16:30"], None, None, None, None, None, ["00:00", "23:59"]]
    assert agency.opening_hours == week
    assert agency.durations == {"urgent": [30, 60, 240, 480]}
    assert due_times.durations(agency)["urgent"].expires == 480
    entry = newest(superuser, "agency.set")
    assert entry["member_id"] == str(member_id("ywca.admin"))
    changed = ["durations", "holidays", "opening_hours", "takes_notices:no", "time_zone"]
    assert entry["fields"] == changed
    page = pages.get(SETTINGS).content.decode()
    assert 'name="opens_0" value="08:00"' in page
    assert 'name="urgent_expires" value="480"' in page
    assert "The network&#x27;s: look at it 60" in page or "The network's: look at it 60" in page
    assert "Nothing was changed." in text_of(saved(pages, **given).content)
    assert newest(superuser, "agency.set")["id"] == entry["id"], "what is so already is no entry"
    assert "Saved." in text_of(saved(pages).content)
    agency = ywca()
    assert (agency.opening_hours, agency.durations, agency.holidays) == (None, None, [])


def test_all_faults_are_said_at_once_and_nothing_is_saved() -> None:
    pages = at_the_desk("ywca.admin")
    before = ywca()
    answer = saved(
        pages,
        takes_notices="",
        time_zone="Mars/Olympus",
        holidays="2026-13-01 tomorrow",
        opens_0="09:00",
        opens_1="17:00",
        closes_1="09:00",
        opens_2="25:00",
        closes_2="26:00",
        emergency_ack=15,
        emergency_accept=10,
        emergency_handoff=1,
        emergency_expires=5,
        urgent_ack=0,
        routine_ack=1,
        routine_accept=31,
    )
    assert answer.status_code == 400
    page = answer.content.decode()
    shown = text_of(page)
    for words in (
        *("Do you take referrals in Cairn?: Choose one.", "Time zone: This is not a time zone."),
        *("Holidays: “2026-13-01” is not a date", "Holidays: “tomorrow” is not a date"),
        *("Monday, closes: Enter both times, or neither.", "Tuesday, closes: Close after opening"),
        *("Wednesday, opens: ", "Accept or decline: Not before it must be looked at."),
        *("It expires: Not before the accept is due.", "Look at it: Ensure this value is greater"),
        "Accept or decline: Ensure this value is less than or equal to 30.",
    ):
        assert words in shown, words
    assert 'id="errors" tabindex="-1" autofocus' in page
    assert page.count('<details class="more" open>') == 4, "where something is wrong is unfolded"
    after = ywca()
    assert [getattr(after, name) for name in ("time_zone", "opening_hours", "durations")] == [
        getattr(before, name) for name in ("time_zone", "opening_hours", "durations")
    ]


def test_a_change_that_was_not_seen_is_not_written_over() -> None:
    first, second = at_the_desk("ywca.admin"), at_the_desk("ywca.admin")
    hidden = second.hidden(SETTINGS)
    assert "Saved." in text_of(saved(first, time_zone="America/Chicago").content)
    late = second.http.post(SETTINGS, hidden | USUAL | {"holidays": "2026-12-25"})
    assert late.status_code == 412
    assert "Someone else changed the settings" in text_of(late.content)
    assert (ywca().time_zone, ywca().holidays) == ("America/Chicago", [])
    same = second.http.post(SETTINGS, hidden | USUAL | {"time_zone": "America/Chicago"})
    assert same.status_code == 302, "what they wanted is so already"


def test_a_shorter_retention_says_what_goes_earlier_and_asks_first(superuser: Any) -> None:
    pages = at_the_desk("ywca.admin")
    asked = pages.submit(RETENTION, {"days": "14"}, follow=False)
    assert asked["Location"] == f"{RETENTION}/14"
    shown = text_of(pages.get(f"{RETENTION}/14").content)
    for words in (
        *("Keep referrals for 14 days?", "Now: 30 days", "are deleted on our side"),
        *("kept for 7 more days", "What is under a legal hold stays", "cannot be brought back"),
    ):
        assert words in shown
    assert ywca().retention_days == 30
    assert "Saved." in text_of(pages.submit(f"{RETENTION}/14").content)
    assert ywca().retention_days == 14
    assert newest(superuser, "agency.set")["fields"] == ["retention_days:14"]
    assert "retention: 14 days\n" in set_agency(str(agency_id("ywca")))
    longer = text_of(pages.get(f"{RETENTION}/60").content)
    assert "What was deleted already does not come back." in longer
    assert "cannot be brought back" not in longer
    for _ in range(2):
        answer = pages.http.post(f"{RETENTION}/60", pages.hidden(RETENTION))
        assert answer["Location"] == SETTINGS, "twice is safe"
    assert ywca().retention_days == 60
    for days in ("6", "3651", "x", ""):
        wrong = pages.submit(RETENTION, {"days": days})
        assert wrong.status_code == 400, days
    for days in ("6", "3651", "99999999999999999999"):
        assert pages.get(f"{RETENTION}/{days}").status_code == 404, days


def test_retention_needs_a_code_of_the_last_minutes_and_hours_do_not() -> None:
    pages = at_the_desk("ywca.admin", code_age_s=16 * 60)
    assert pages.get(f"{RETENTION}/14")["Location"].startswith("/accounts/confirm?")
    posted = pages.http.post(f"{RETENTION}/14", pages.hidden(RETENTION))
    assert posted["Location"].startswith("/accounts/confirm?")
    assert ywca().retention_days == 30
    assert "Saved." in text_of(saved(pages, time_zone="America/Chicago").content)


@pytest.mark.parametrize("who", ["worker", "lead", "editor", "auditor"])
def test_no_one_else_at_the_agency_may(who: str) -> None:
    pages = at_the_desk(f"ywca.{who}", csrf=False)
    for path in (SETTINGS, RETENTION, f"{RETENTION}/14"):
        assert pages.get(path).status_code == 403, path
        assert pages.http.post(path, USUAL | {"days": "14"}).status_code == 403, path
    assert ywca().retention_days == 30


def test_another_agencys_settings_stay() -> None:
    before = Agency.objects.get(id=agency_id("police"))
    saved(at_the_desk("ywca.admin"), time_zone="America/Chicago")
    after = Agency.objects.get(id=agency_id("police"))
    assert after.time_zone == before.time_zone


def test_the_form_is_the_same_bytes_later() -> None:
    pages = at_the_desk("ywca.admin")
    csrf = r'name="csrfmiddlewaretoken" value="[^"]*"'
    first, later = (re.sub(csrf, "", pages.get(SETTINGS).content.decode()) for _ in range(2))
    assert first == later
    assert len(first) <= 60_000
