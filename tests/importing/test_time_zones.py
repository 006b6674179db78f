"""A place in another time zone is open when it is open there."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from directory import models as m
from directory import time_zones
from directory.importing.parsing import id_of
from permissions.database.aliases import JOBS
from tests.importing.takes import Take, outcome, service
from tests.importing.takes import take as take  # a fixture
from tests.support.ground.database import forget_edits
from tests.support.people.directory_entries import LIST, make
from tests.support.people.hsds_source import HELP

KEPT, HOURS = "timezone: a name, kept as time_zone", "timezone: taken as hours from UTC"


@pytest.mark.static
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("America/Los_Angeles", "America/Los_Angeles"),
        (" america/los angeles ", "America/Los_Angeles"),
        ("US/Pacific", "America/Los_Angeles"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("EST", "America/New_York"),
        ("Mountain Time", "America/Denver"),
        ("Arizona", "America/Phoenix"),
        ("Pacific/Guam", "Pacific/Guam"),
        ("UTC", "UTC"),
        *((text, "") for text in ("", "local", "-7", "Factory", "../x", "posixrules", "America/X")),
    ],
)
def test_a_zone_is_known_by_its_name_and_by_what_people_call_it(text: str, name: str) -> None:
    assert time_zones.named(text) == name
    assert not name or time_zones.zone(name)


@pytest.mark.static
@pytest.mark.parametrize(
    ("text", "hours"),
    [("UTC-8", -8.0), ("-08:00", -8.0), ("GMT +5:30", 5.5), ("+0545", 5.75)]
    + [(text, None) for text in ("", "8", "UTC", "-25:00", "-15", "-8:20", "EST")],
)
def test_an_offset_is_read_as_people_write_it(text: str, hours: float | None) -> None:
    assert time_zones.offset(text) == hours


def with_hours(**said: str) -> dict[str, list[dict[str, str]]]:
    row = {"id": "h", "service_id": "10", "freq": "WEEKLY", "byday": "MO,TU,WE,TH,FR,SA,SU"}
    return {**HELP, "schedules": [row | {"opens_at": "09:00", "closes_at": "10:00"} | said]}


def open_hours(api: Any, zone: str) -> list[int]:
    """The whole hours of a day to come, in this zone, at which a search says that it is open."""
    day = date.today() + timedelta(3)
    found = []
    for hour in range(5, 15):
        moment = datetime.combine(day, time(hour, 30), ZoneInfo(zone)).astimezone(UTC)
        answer = api(None).get(LIST, {"search": "talking", "open_at": moment.isoformat()})
        if str(id_of("test", "service", "10")) in [one["id"] for one in answer.json()["contents"]]:
            found.append(hour)
    return found


@pytest.mark.parametrize(
    ("said", "stored", "zone", "told"),
    [
        ({"timezone": "America/New_York"}, ("America/New_York", None), "America/New_York", KEPT),
        ({"timezone": "PST"}, ("America/Los_Angeles", None), "America/Los_Angeles", KEPT),
        ({"time_zone": "Pacific/Honolulu"}, ("Pacific/Honolulu", None), "Pacific/Honolulu", ""),
        ({"timezone": "UTC+9"}, ("", 9.0), "Asia/Tokyo", HOURS),
        ({"timezone": "-7"}, ("", -7.0), "America/Denver", ""),
        ({"timezone": "America/Denver"}, ("America/Denver", None), "America/Denver", KEPT),
        (
            {"timezone": "soon"},
            ("", None),
            "America/Denver",
            "timezone: not a number, left out",
        ),
        (
            {"time_zone": "here", "timezone": "EST"},
            ("America/New_York", None),
            "America/New_York",
            f"time_zone: no name of a time zone, left out; {KEPT}",
        ),
    ],
)
def test_open_now_is_right_where_the_source_says_the_zone(
    take: Take, api: Any, said: dict[str, str], stored: Any, zone: str, told: str
) -> None:
    report = take(with_hours(**said))
    assert outcome(report, "schedules", 2) == ("mended" if told else "taken", told)
    rows = m.Schedule.objects.using(JOBS).filter(source="test")
    assert list(rows.values_list("time_zone", "timezone")) == [stored]
    assert open_hours(api, zone) == [9]
    listed = service("10")
    assert listed
    (shown,) = json.loads(listed.document)["schedules"]
    assert shown.get("time_zone", "") == stored[0]
    assert take(with_hours(**said)).changes.total() == 0


def test_a_source_that_no_longer_says_it_is_in_the_networks_zone(take: Take, api: Any) -> None:
    take(with_hours(timezone="EST"))
    assert open_hours(api, "America/New_York") == [9]
    take(with_hours(timezone=""))
    assert open_hours(api, "America/Denver") == [9]


@pytest.fixture
def nothing_left(network: Any) -> Iterator[None]:
    yield
    forget_edits()


@pytest.mark.parametrize("wrong", ["PST", "america/denver", "Nowhere/Land"])
def test_an_editor_gives_a_name_of_the_database(api: Any, nothing_left: None, wrong: str) -> None:
    editor = api("ywca.editor")
    path = make(editor, name="Zoned talking")
    hours = {"freq": "WEEKLY", "byday": "MO", "opens_at": "09:00:00", "closes_at": "10:00:00"}
    refused = editor.patch(path, {"schedules": [hours | {"time_zone": wrong}]}, If_Match="*")
    assert refused.status_code == 400
    assert refused.json()["pointer"] == "/schedules/0/time_zone"
    right = editor.patch(
        path, {"schedules": [hours | {"time_zone": "America/Boise"}]}, If_Match="*"
    )
    assert right.status_code == 200, right.content
    assert right.json()["schedules"][0]["time_zone"] == "America/Boise"
