"""A search for what is open at a moment."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import transaction

from directory import models as m
from directory.projection.render import render
from permissions.database.aliases import JOBS
from tests.support.people.directory_entries import LIST, Shelf
from tests.support.people.directory_entries import shelf as shelf  # a fixture


def hours(service: UUID, **said: Any) -> m.Schedule:
    usual = {"freq": "WEEKLY", "byday": "MO,TU,WE,TH,FR", "opens_at": "09:00", "closes_at": "17:00"}
    return m.Schedule(service_id=service, **usual | said)


def test_open_at_a_moment_and_on_a_holiday(shelf: Shelf, names: Any) -> None:
    service = shelf.service("Weekdays")
    shelf.add(service, hours(service))
    monday = _next_monday()

    def is_open(moment: datetime) -> bool:
        return "Weekdays" in names(open_at=moment.astimezone(UTC).isoformat())

    assert is_open(monday.replace(hour=9))
    assert not is_open(monday.replace(hour=8, minute=59))
    assert not is_open(monday.replace(hour=17))
    assert not is_open((monday - timedelta(1)).replace(hour=12))
    day = monday.date()
    shelf.add(service, m.HolidaySchedule(service_id=service, start_date=day, end_date=day))
    assert not is_open(monday.replace(hour=9))
    assert is_open((monday + timedelta(1)).replace(hour=9))


@pytest.mark.parametrize("confidential", [False, True])
def test_a_service_is_open_where_any_of_its_places_is(
    shelf: Shelf, api: Any, confidential: bool
) -> None:
    service = shelf.service(
        "Two counters", [(46.0, -110.0), (47.0, -111.0)], confidential=confidential
    )
    links = m.ServiceAtLocation.objects.using(JOBS).filter(service_id=service)
    for link, day in zip(links.order_by("position"), ("MO", "TU"), strict=True):
        shelf.add(
            service,
            m.Schedule(
                service_at_location_id=link.id,
                freq="WEEKLY",
                byday=day,
                opens_at="09:00",
                closes_at="17:00",
            ),
        )
    monday = _next_monday().replace(hour=12)

    def found(moment: datetime) -> bool:
        answer = api("ywca.worker").get(
            LIST, {"open_at": moment.astimezone(UTC).isoformat(), "per_page": "100"}
        )
        return "Two counters" in [one["name"] for one in answer.json()["contents"]]

    assert found(monday)
    assert found(monday + timedelta(1))
    assert not found(monday + timedelta(2))


def test_open_now_is_the_databases_clock(shelf: Shelf, names: Any, shift_clock: Any) -> None:
    service = shelf.service("Weekdays")
    shelf.add(service, hours(service))
    ahead = _next_monday().replace(hour=12) - datetime.now(UTC)
    shift_clock(f"{int(ahead.total_seconds())} seconds")
    assert "Weekdays" in names(open_at="now")
    shift_clock(f"{int(ahead.total_seconds()) + 6 * 3600} seconds")
    assert "Weekdays" not in names(open_at="now")


def test_hours_are_looked_ahead_in_again_when_that_is_due(
    shelf: Shelf, names: Any, shift_clock: Any
) -> None:
    service = shelf.service("Weekdays")
    shelf.add(service, hours(service))
    later = _next_monday().replace(hour=12) + timedelta(weeks=8)
    asked = {"open_at": later.astimezone(UTC).isoformat()}
    shift_clock("50 days")
    assert "Weekdays" not in names(**asked), "so far ahead nothing was known"
    call_command("directory", "refresh")
    assert "Weekdays" in names(**asked)
    shift_clock("0 days")
    # The hours look ahead further than is due now. They are made again from today, for later tests.
    everything = m.Service.objects.using(JOBS).values_list("id", flat=True)
    with transaction.atomic(using=JOBS):
        render(list(everything))


def _next_monday() -> datetime:
    from zoneinfo import ZoneInfo

    now = datetime.now(ZoneInfo("America/Denver"))
    days = 7 - now.weekday()
    return (now + timedelta(days)).replace(minute=0, second=0, microsecond=0)


@pytest.mark.parametrize(
    ("days", "known"), [(-2, False), (-0.9, True), (34.9, True), (35.1, False), (365, False)]
)
def test_hours_are_asked_of_the_days_they_are_known_of(
    days: float, known: bool, shift_clock: Any, api: Any
) -> None:
    shift_clock("100 days")  # by the database's clock
    moment = datetime.now(UTC) + timedelta(100 + days)
    for ask in (api(None).get, api("ywca.worker").post):
        answer = ask(LIST, {"open_at": moment.isoformat(), "search": "shelter"})
        if known:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.json()["pointer"]) == (400, "open_at")
            assert "35 days ahead" in answer.json()["detail"]
