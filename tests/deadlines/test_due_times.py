"""When an answer is due: the network's durations, an agency's own, and its business days."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from permissions.models import Agency
from referrals.deadlines import due_times
from tests.support.people.callers import agency_id

DENVER, NEW_YORK = "America/Denver", "America/New_York"
DAY = ["08:00", "18:00"]


def agency(zone: str = DENVER, **own: Any) -> Agency:
    return Agency(name="Invented", kind="legal", time_zone=zone, **own)


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


ALL_WEEK = [["00:00", "23:59"]] * 7
SATURDAYS = [DAY, DAY, DAY, DAY, DAY, ["08:00", "12:00"], None]

# Hours, holidays, zone; sent (there), business days, due (there, and in UTC where it tells).
DAYS: list[tuple[Any, list[str], str, str, int, str, str]] = [
    # nine to five, Monday to Friday, unless it said otherwise
    (None, [], DENVER, "2026-11-24 10:30", 1, "2026-11-25 10:30", "2026-11-25 17:30"),
    (None, [], NEW_YORK, "2026-11-24 10:30", 1, "2026-11-25 10:30", "2026-11-25 15:30"),
    (None, [], DENVER, "2026-11-24 06:00", 1, "2026-11-25 09:00", ""),
    (None, [], DENVER, "2026-11-24 17:00", 1, "2026-11-25 17:00", ""),
    (None, [], DENVER, "2026-11-24 17:01", 1, "2026-11-26 09:00", ""),
    # over a weekend; what comes on it begins on Monday
    (None, [], DENVER, "2026-11-20 16:00", 1, "2026-11-23 16:00", ""),
    (None, [], DENVER, "2026-11-21 02:00", 1, "2026-11-24 09:00", ""),
    (None, [], DENVER, "2026-11-20 16:00", 5, "2026-11-27 16:00", ""),
    # over a holiday (Thanksgiving), and on it
    (None, ["2026-11-26"], DENVER, "2026-11-25 11:00", 1, "2026-11-27 11:00", ""),
    (None, ["2026-11-26", "2026-11-27"], DENVER, "2026-11-25 11:00", 2, "2026-12-01 11:00", ""),
    (None, ["2026-11-26"], DENVER, "2026-11-26 11:00", 1, "2026-11-30 09:00", ""),
    # over the end and the beginning of daylight-saving time: the wall clock stays, UTC moves
    (None, [], DENVER, "2026-10-30 10:00", 1, "2026-11-02 10:00", "2026-11-02 17:00"),
    (None, [], DENVER, "2026-10-29 10:00", 1, "2026-10-30 10:00", "2026-10-30 16:00"),
    (None, [], NEW_YORK, "2026-10-30 10:00", 1, "2026-11-02 10:00", "2026-11-02 15:00"),
    (None, [], DENVER, "2027-03-12 10:00", 1, "2027-03-15 10:00", "2027-03-15 16:00"),
    (None, [], NEW_YORK, "2027-03-12 10:00", 1, "2027-03-15 10:00", "2027-03-15 14:00"),
    # a minute that the clock leaps over, for one that is open at night
    (ALL_WEEK, [], DENVER, "2027-03-13 02:30", 1, "2027-03-14 03:30", "2027-03-14 09:30"),
    # a minute that it strikes twice: the first
    (ALL_WEEK, [], DENVER, "2026-10-31 01:30", 1, "2026-11-01 01:30", "2026-11-01 07:30"),
    # shorter Saturdays; closed on Sunday
    (SATURDAYS, [], DENVER, "2026-11-20 15:00", 1, "2026-11-21 12:00", ""),
    (SATURDAYS, [], DENVER, "2026-11-21 13:00", 1, "2026-11-24 08:00", ""),
]


@pytest.mark.no_database
@pytest.mark.parametrize(("hours", "holidays", "zone", "sent", "days", "due", "utc"), DAYS)
def test_business_days(
    hours: Any, holidays: list[str], zone: str, sent: str, days: int, due: str, utc: str
) -> None:
    ours = agency(zone, opening_hours=hours, holidays=[date.fromisoformat(one) for one in holidays])
    found = due_times.business_days_after(local(sent, zone), days, due_times.calendar(ours))
    assert found.tzinfo is UTC
    assert f"{found.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == due
    if utc:
        assert f"{found:%Y-%m-%d %H:%M}" == utc


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("urgency", "own", "minutes"),
    [
        ("emergency", None, (15, 30, 120, 30)),
        ("urgent", None, (60, 120, 240, 240)),
        ("emergency", {"emergency": [5, 10, 20, 60]}, (5, 10, 60, 20)),
        ("urgent", {"emergency": [5, 10, 20, 60]}, (60, 120, 240, 240)),
    ],
)
def test_minutes_count_by_the_clock_at_any_hour(
    urgency: str, own: Any, minutes: tuple[int, ...]
) -> None:
    sent = local("2026-11-01 00:50", DENVER)  # a Sunday, and the clock is set back at two
    due = due_times.deadlines(agency(durations=own), urgency, sent)
    gaps = [(at - sent).total_seconds() / 60 for at in due[:3]]
    assert (*gaps, due.handoff_within) == minutes
    first = due_times.handoff_by(agency(), urgency, sent, due.handoff_within)
    assert first - sent == timedelta(minutes=minutes[3])


@pytest.mark.no_database
def test_routine_counts_one_two_and_five_business_days_and_two_from_the_accept() -> None:
    sent = local("2026-11-20 16:00", NEW_YORK)
    due = due_times.deadlines(agency(NEW_YORK), "routine", sent)
    days = [f"{at.astimezone(ZoneInfo(NEW_YORK)):%a %d %H:%M}" for at in due[:3]]
    assert days == ["Mon 23 16:00", "Tue 24 16:00", "Fri 27 16:00"]
    accepted = local("2026-11-25 08:00", NEW_YORK)
    found = due_times.handoff_by(agency(NEW_YORK), "routine", accepted, due.handoff_within)
    assert f"{found.astimezone(ZoneInfo(NEW_YORK)):%a %d %H:%M}" == "Fri 27 09:00"


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("urgency", "numbers"),
    [
        ("emergency", [15, 30, 30]),
        ("emergency", [30, 15, 30, 120]),
        ("emergency", [0, 15, 30, 120]),
        ("emergency", [15, 30, 0, 120]),
        ("emergency", [15, 30, 30, 20]),
        ("emergency", [15, 30, 30, 24 * 60 + 1]),
        ("routine", [1, 2, 2, 31]),
    ],
)
def test_durations_that_make_no_sense_are_refused(urgency: str, numbers: list[int]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        due_times.read_durations(urgency, [str(one) for one in numbers])


@pytest.mark.no_database
@pytest.mark.parametrize(
    "days",
    [
        ["09:00-17:00"] * 6,
        ["closed"] * 7,
        ["17:00-09:00", *["closed"] * 6],
        ["nine-five", *["closed"] * 6],
        ["09:00", *["closed"] * 6],
        ["09:00Z-17:00Z", *["closed"] * 6],
        ["09:00+02:00-17:00", *["closed"] * 6],
        ["09:00-17:00+02:00", *["closed"] * 6],
        ["09-17", *["closed"] * 6],
        ["09:00:30-17:00", *["closed"] * 6],
        ["09:00-24:00", *["closed"] * 6],
        ["٠٩:٠٠-١٧:٠٠", *["closed"] * 6],
    ],
)
def test_hours_that_make_no_sense_are_refused(days: list[str]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        due_times.read_week(days)


def said(*options: str) -> str:
    out = StringIO()
    verb = "set" if options else "show"
    call_command("deadlines", verb, str(agency_id("ywca")), *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def own_clocks(network: Any) -> Any:
    yield
    with connections["jobs"].cursor() as cursor:
        cursor.execute(
            "UPDATE permissions_agency SET durations = NULL, opening_hours = NULL, holidays = '{}',"
            " time_zone = %s",
            [DENVER],
        )


def test_an_agency_sets_its_own_and_what_was_sent_keeps_what_it_was_sent_with(
    own_clocks: Any, story: Any, api: Any
) -> None:
    assert "emergency: 15,30,30,120" in said()
    story.create(urgency="emergency").sends("send", {"agreement": "agrees"})
    before = api("ywca.worker").get(f"/v1/referrals/{story.id}").json()
    told = said(
        "--emergency=5,10,20,60",
        "--hours=08:00-18:00,08:00-18:00,08:00-18:00,08:00-18:00,08:00-12:00,closed,closed",
        "--holidays=2026-12-25,2027-01-01",
        "--time-zone=America/Denver",
    )
    assert "emergency: 5,10,20,60" in told
    assert "2026-12-25,2027-01-01" in told
    assert said() == told, "kept"
    accepted = api("ywca.worker").act(story.id, "accept").json()
    assert accepted["ack_by"] == before["ack_by"]
    assert minutes(accepted["handoff_by"], accepted["accepted_at"]) == 30, "frozen at send"
    again = type(story)(api, story.service_id).create(urgency="emergency")
    again.sends("send", {"agreement": "agrees"})
    seen = api("ywca.worker").act(again.id, "accept").json()
    due = [minutes(seen[name], seen["sent_at"]) for name in ("ack_by", "accept_by", "expires_at")]
    assert due == [5, 10, 60]
    assert minutes(seen["handoff_by"], seen["accepted_at"]) == 20
    assert "emergency: 15,30,30,120" in said("--emergency=network", "--hours=network")


def minutes(later: str, earlier: str) -> float:
    gap = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return round(gap.total_seconds() / 60, 3)


WHOLE_NUMBERS = (
    "--emergency: give four whole numbers (acknowledge, accept, hand off, expire),"
    " such as 15,30,30,"
)
A_DAY = "--hours: write a day like 09:00-17:00, or closed"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--emergency=1,2", WHOLE_NUMBERS),
        ("--emergency=a,2,3,4", WHOLE_NUMBERS),
        ("--emergency=5,10,²,60", WHOLE_NUMBERS),
        ("--emergency=9999,10,20,60", "acknowledge, accept and expire must not decrease"),
        ("--hours=closed", "--hours: give seven days, Monday first"),
        ("--hours=09:00Z-17:00Z" + ",closed" * 6, A_DAY),
        ("--hours=09:00+02:00-17:00" + ",closed" * 6, A_DAY),
        ("--hours=17:00-09:00" + ",closed" * 6, A_DAY),
        ("--holidays=soon", "--holidays: give dates such as 2026-12-25,2027-01-01"),
        ("--holidays=2026-13-01", "--holidays: give dates such as 2026-12-25,2027-01-01"),
        ("--time-zone=Mars", "--time-zone: give a name of the time zone database, such as"),
        ("--time-zone=America", "--time-zone: give a name of the time zone database"),
        ("--time-zone=../etc", "--time-zone: give a name of the time zone database"),
    ],
)
def test_what_makes_no_sense_changes_nothing_and_is_told_in_words(
    own_clocks: Any, option: str, says: str
) -> None:
    before = said()
    with pytest.raises(CommandError, match="Nothing was changed") as refused:
        said(option)
    assert says in str(refused.value)
    assert said() == before
