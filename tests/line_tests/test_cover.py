"""Minutes covered by a line that answered: counted once each, by the agency's clock, of what was
so when they passed."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connections

from permissions.errors import NotPermitted
from referrals import models as m
from referrals.notifications.line_tests import cover, figures
from referrals.on_call import changes
from tests.support.people import line_tests as scene
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk
from tests.support.people.line_tests import DAY, DENVER, HOUR, MINUTE, monday, set_clock, tap
from tests.support.people.notifications import keep, off_duty
from tests.support.people.notifications import work as send_messages
from tests.support.people.rota import principal, set_rotation
from tests.support.people.stories import Story
from tests.support.servers.message_servers import PhoneProvider

YWCA = agency_id("ywca")
NUMBER = scene.early_number()
# In which the person who is on call all week can be tested: by then their test is due.
LAST_MINUTE = monday() + 6 * DAY + 21 * HOUR - MINUTE


def month(of: date | None = None) -> tuple[int, int]:
    """(covered, minutes) of a month, or of all: one may end while its minutes are counted."""
    kept = m.LineCover.objects.using("signin").filter(agency_id=YWCA)
    months = [one for one in kept if of in (None, one.month)]
    assert months
    return sum(one.covered for one in months), sum(one.minutes for one in months)


def step_at(shift_clock: Any, moment: datetime) -> None:
    set_clock(shift_clock, moment)
    cover.step()


@pytest.fixture
def quiet(api: Any, phones: PhoneProvider, mails: Any) -> None:
    """Who is asked to check their shifts has been asked."""
    set_rotation(api, ["ywca.worker"], has_second=False)
    send_messages()


@pytest.fixture
def answered(api: Any, quiet: None, phones: PhoneProvider, shift_clock: Any) -> datetime:
    """The line of who is on call answered its test; since when. It is a whole minute."""
    keep(api, "ywca.worker", "sms", NUMBER)
    at = LAST_MINUTE
    set_clock(shift_clock, at)
    scene.send()
    tap(scene.links(phones, NUMBER)[0])
    return at


def test_minutes_count_from_the_first_step_on(answered: datetime, shift_clock: Any) -> None:
    start = answered + MINUTE
    step_at(shift_clock, start)
    assert month() == (0, 0)
    step_at(shift_clock, start + 5 * MINUTE)
    assert month() == (5, 5)
    step_at(shift_clock, start + 5 * MINUTE + timedelta(seconds=40))
    assert month() == (5, 5)
    step_at(shift_clock, start + HOUR)
    assert month() == (60, 60)


def test_a_line_that_did_not_answer_covers_nothing(
    api: Any, quiet: None, phones: PhoneProvider, shift_clock: Any
) -> None:
    keep(api, "ywca.worker", "sms", NUMBER)
    at = LAST_MINUTE
    set_clock(shift_clock, at)
    scene.send()
    step_at(shift_clock, at)
    step_at(shift_clock, at + HOUR)
    assert month() == (0, 60)
    tap(scene.links(phones, NUMBER)[0])
    step_at(shift_clock, at + 2 * HOUR)
    covered, minutes = month()
    assert minutes == 120
    assert covered in (59, 60), "from its answer on, which came within a minute"


def test_it_covers_for_fourteen_days(answered: datetime, shift_clock: Any) -> None:
    end = answered + 14 * DAY
    step_at(shift_clock, end - 3 * MINUTE)
    step_at(shift_clock, end + 5 * MINUTE)
    covered, minutes = month()
    assert minutes == 8
    assert covered in (3, 4)  # the test was sent within the minute


def test_only_who_is_on_call_covers(api: Any, answered: datetime, shift_clock: Any) -> None:
    step_at(shift_clock, answered + MINUTE)
    off_duty(api, "ywca.worker")
    step_at(shift_clock, answered + 11 * MINUTE)
    assert month() == (0, 10)
    off_duty(api, "ywca.worker", duty="reachable")
    step_at(shift_clock, answered + 21 * MINUTE)
    assert month() == (10, 20)


def test_a_shared_line_covers_every_hour(
    api: Any, phones: PhoneProvider, mails: Any, shift_clock: Any
) -> None:
    keep(api, "ywca.admin", "sms", NUMBER, use="duty")
    at = monday() + 4 * DAY + 13 * HOUR
    set_clock(shift_clock, at)
    scene.send()
    tap(scene.links(phones, NUMBER)[0])
    step_at(shift_clock, at + MINUTE)
    step_at(shift_clock, at + 12 * HOUR + MINUTE)
    assert month() == (720, 720)


def test_a_rota_that_is_changed_later_changes_no_figure(
    api: Any, answered: datetime, shift_clock: Any
) -> None:
    step_at(shift_clock, answered + MINUTE)
    step_at(shift_clock, answered + HOUR + MINUTE)
    changes.end_rotation(principal(api, "ywca.lead"))
    step_at(shift_clock, answered + HOUR + MINUTE)
    assert month() == (60, 60)


def test_a_shift_within_the_time_that_is_made_up_for_counts_to_the_minute(
    api: Any, answered: datetime, shift_clock: Any
) -> None:
    begin = answered + 2 * HOUR
    lead, other = principal(api, "ywca.lead"), member_id("ywca.worker2")
    changes.add_shift(lead, other, "first", begin + 7 * MINUTE, begin + 20 * MINUTE)
    step_at(shift_clock, begin)
    step_at(shift_clock, begin + HOUR)
    assert month() == (47, 60)


def test_what_passed_a_day_ago_without_a_worker_is_left_out(
    answered: datetime, shift_clock: Any
) -> None:
    step_at(shift_clock, answered + MINUTE)
    step_at(shift_clock, answered + 3 * DAY)
    assert month() == (1440, 1440)


def first_of(year: int, number: int) -> datetime:
    return datetime.combine(date(year, number, 1), time(), DENVER).astimezone(UTC)


def next_march() -> int:
    today = datetime.now(DENVER).date()
    return today.year + (today >= date(today.year, 2, 25))


def test_a_month_ends_at_midnight_by_the_agencys_clock(
    api: Any, quiet: None, shift_clock: Any
) -> None:
    year = next_march()
    end = first_of(year, 4)
    step_at(shift_clock, end - 10 * MINUTE)
    step_at(shift_clock, end + 5 * MINUTE)
    assert month(date(year, 3, 1)) == (0, 10)
    assert month(date(year, 4, 1)) == (0, 5)


def test_a_month_with_a_change_of_the_clocks_has_its_own_minutes(
    api: Any, quiet: None, shift_clock: Any
) -> None:
    """The day in March that is an hour short."""
    year = next_march()
    begin, end = first_of(year, 3), first_of(year, 4)
    step_at(shift_clock, begin)
    moment = begin
    while moment < end:
        moment = min(moment + DAY, end)
        step_at(shift_clock, moment)
    assert month(date(year, 3, 1)) == (0, 31 * 1440 - 60)


def test_two_workers_at_once_count_each_minute_once(answered: datetime, shift_clock: Any) -> None:
    step_at(shift_clock, answered + MINUTE)
    set_clock(shift_clock, answered + HOUR + MINUTE)
    together = threading.Barrier(2)

    def run() -> None:
        try:
            together.wait(30)
            cover.step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(run) for _ in range(2)]:
            one.result()
    assert month() == (60, 60)


def test_a_figure_shows_no_referral(
    api: Any, story: Story, answered: datetime, shift_clock: Any
) -> None:
    """Not even to a lead whom a block bars: the pages are the same, byte for byte, whether the
    agency has referrals or none."""
    step_at(shift_clock, answered + MINUTE)
    step_at(shift_clock, answered + HOUR)

    def pages() -> list[bytes]:
        coordinator = at_the_desk("taskforce.coordinator").get("/desk/uncovered").content
        return [
            main_of(coordinator),
            main_of(at_the_desk("ywca.lead").get("/desk/on-call").content),
        ]

    before = pages()
    story.send()
    send_messages()
    cover.step()
    assert pages() == before


def main_of(page: bytes) -> bytes:
    """Without the forms' tokens, which are other ones each time."""
    main = page[page.index(b"<main") : page.index(b"</main")]
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", main)


def test_the_coordinator_sees_every_agency_and_no_one_else_does(
    api: Any, answered: datetime, shift_clock: Any
) -> None:
    step_at(shift_clock, answered + MINUTE)
    step_at(shift_clock, answered + HOUR + MINUTE)
    found = figures.read(principal(api, "taskforce.coordinator"))
    (of_ywca,) = [one for one in found.agencies if one.agency_id == YWCA]
    assert [(one.covered, one.minutes, one.percent) for one in of_ywca.months] == [(60, 60, 100)]
    assert [one.name for one in found.agencies] == sorted(one.name for one in found.agencies)
    for who in ("ywca.lead", "ywca.admin", "taskforce.auditor"):
        with pytest.raises(NotPermitted):
            figures.read(principal(api, who))


def test_a_hundred_percent_is_all_of_them() -> None:
    assert cover.Month(date(2026, 3, 1), 43_200, 43_199).percent == 99
    assert cover.Month(date(2026, 3, 1), 43_200, 43_200).percent == 100
    assert cover.Month(date(2026, 3, 1), 0, 0).percent == 0
