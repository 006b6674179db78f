"""kill -9 of the background work in the middle of a part, and two of them at once: each referral is
in one part and has one entry."""

import threading
from typing import Any

import pytest
from django.db import connections

from permissions.errors import Refused
from referrals.bulk import writing
from tests.support.ground.cluster import HOME
from tests.support.ground.forked_workers import ForkedWorkers
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.ground.waiting import until
from tests.support.people.exports import ASKED, PATH, ask, lines, second_lead, state, work
from tests.support.people.stories import Story

ENTRIES = "SELECT count(*), count(DISTINCT referral_id) FROM access_entry WHERE request_id = %s AND"
PARTS = "SELECT number, referrals FROM bulk_export_part ORDER BY number"
HELD = "LOCK TABLE bulk_export_part IN SHARE ROW EXCLUSIVE MODE"  # reads go on


@pytest.fixture
def half_written(story: Story, api: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two of five referrals are written; the lead, and the export's id."""
    for _ in range(5):
        Story(api, story.service_id).create()
    lead = api("police.lead")
    export_id = ask(lead)
    second_lead().confirms(export_id)
    monkeypatch.setattr(writing, "PART", 2)
    assert writing.step() is True
    return lead, export_id


def entries(superuser: Any, export_id: str) -> Any:
    return rows(superuser, f"{ENTRIES} act = 'referral.export'", [export_id])


def test_a_part_that_was_killed_half_way_is_written_once(
    half_written: Any, race: Race, superuser: Any, django_db_setup: str
) -> None:
    lead, export_id = half_written
    env = {"CAIRN_HOME": str(HOME), "CAIRN_DATABASE": django_db_setup}
    with ForkedWorkers(env) as workers:
        with race.held(HELD):  # it has written the entries, and waits to store the part
            killed = workers.start("exports")
            until(lambda: race.waiting() == 1, "the worker that waits")
            workers.kill(killed)
        until(lambda: _alone(superuser), "the end of its session")
        assert rows(superuser, PARTS) == [(1, 2)]
        assert entries(superuser, export_id) == [(2, 2)]
        workers.start("exports")
        until(lambda: state(lead, export_id)["state"] == "ready", "the export")
    assert rows(superuser, PARTS) == [(1, 2), (2, 3)]
    assert entries(superuser, export_id) == [(5, 5)]
    assert len({one["id"] for one in lines(lead, export_id)}) == 5


def _alone(superuser: Any) -> bool:
    """Whether no session waits for a lock or has one on the parts."""
    held = (
        "SELECT count(*) FROM pg_locks WHERE relation = 'bulk_export_part'::regclass"
        " AND pid <> pg_backend_pid()"
    )
    return rows(superuser, held) == [(0,)]


def test_two_workers_at_once_write_each_part_once(half_written: Any, superuser: Any) -> None:
    _lead, export_id = half_written
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []
    work()
    assert rows(superuser, PARTS) == [(1, 2), (2, 2), (3, 1)]
    assert entries(superuser, export_id) == [(5, 5)]


def test_an_end_waits_for_the_part_that_is_written_and_takes_it_too(
    half_written: Any, race: Race, superuser: Any
) -> None:
    lead, export_id = half_written
    with race.held(HELD):
        writes = race.start_and_wait(writing.step)
        ends = race.start_and_wait(lambda: lead.delete(f"{PATH}/{export_id}"))
    assert writes.result() is True
    assert ends.result().status_code == 204
    work()
    assert rows(superuser, PARTS) == []
    assert state(lead, export_id)["end_reason"] == "deleted"
    assert entries(superuser, export_id) == [(4, 4)], "what was read is in the log"


def test_two_leads_confirm_and_end_at_once_and_one_of_them_counts(
    story: Story, api: Any, race: Race, superuser: Any
) -> None:
    lead, second = api("police.lead"), second_lead()
    export_id = ask(lead)
    with race.held("SELECT FROM bulk_export WHERE id = %s FOR UPDATE", [export_id]):
        ends = race.start_and_wait(lambda: lead.delete(f"{PATH}/{export_id}"))
        confirms = race.start_and_wait(lambda: _confirmed(second, export_id))
    assert ends.result().status_code == 204
    assert confirms.result() == "export_not_waiting"
    work()
    assert state(lead, export_id)["state"] == "ended"


def _confirmed(second: Any, export_id: str) -> str:
    try:
        second.confirms(export_id)
    except Refused as refusal:
        return refusal.code
    return "confirmed"


def test_two_questions_of_one_lead_at_once_are_one(api: Any, race: Race, superuser: Any) -> None:
    callers = [api("police.lead"), api("police.lead")]
    with race.held("LOCK TABLE bulk_export IN SHARE ROW EXCLUSIVE MODE"):
        asked = [race.start_and_wait(lambda one=one: one.post(PATH, ASKED)) for one in callers]
    assert sorted(one.result().status_code for one in asked) == [202, 409]
    assert rows(superuser, "SELECT count(*) FROM bulk_export") == [(1,)]
