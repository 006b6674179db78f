"""A pause with an end: the background work opens the service again, and never one whose pause was
changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from directory import models as m
from directory import reopening
from referrals import worker
from tests.desk.directory_pages import document_of
from tests.desk.directory_pages import entry as entry  # a fixture
from tests.desk.directory_pages import nothing_left as nothing_left  # a fixture
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON

HOUR = timedelta(hours=1)


def moment(distance: timedelta) -> str:
    return (datetime.now(UTC) + distance).isoformat()


def patched(api: Any, entry: str, **change: Any) -> dict[str, Any]:
    path = f"/v1/directory/services/{entry}"
    answer = api("ywca.editor").patch(path, change, If_Match="*")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def work() -> None:
    assert worker.run_until_idle(worker.jobs_named(["reopen"])) == []


def test_a_pause_ends_at_its_end_and_not_before(api: Any, entry: str) -> None:
    patched(api, entry, intake_paused=True, intake_paused_until=moment(HOUR))
    work()
    before = document_of(api, entry)
    assert before["intake"] == "paused"
    patched(api, entry, intake_paused_until=moment(-HOUR))
    work()
    after = document_of(api, entry)
    assert (after["intake"], after["intake_paused"]) == ("taking", False)
    assert "intake_paused_until" not in after
    assert after["last_modified"] > before["last_modified"]
    found = api(None).get("/v1/directory/services", {"search": "Night line", "intake": "taking"})
    assert entry in [one["id"] for one in found.json()["contents"]], "search says the same"
    work()
    assert document_of(api, entry) == after, "twice is once"


def test_a_pause_without_an_end_stays(api: Any, entry: str) -> None:
    patched(api, entry, intake_paused=True)
    work()
    assert document_of(api, entry)["intake"] == "paused"


def test_no_pause_ends_by_the_end_of_an_earlier_one(api: Any, entry: str) -> None:
    """Neither of one that was ended by hand, nor of one that an import left."""
    patched(api, entry, intake_paused=True, intake_paused_until=moment(-HOUR))
    patched(api, entry, intake_paused=False)
    kept = m.Service.objects.using("jobs").filter(id=entry)
    assert kept.values_list("intake_paused_until", flat=True).get() is None
    kept.update(intake_paused_until=datetime(2026, 1, 1, tzinfo=UTC))
    patched(api, entry, intake_paused=True)
    work()
    assert document_of(api, entry)["intake"] == "paused"
    assert patched(api, entry, intake_paused_until=moment(HOUR))["intake"] == "paused"
    assert "intake_paused_until" not in patched(api, entry, intake_paused_until=None)


@pytest.mark.parametrize("value", ["soon", 7, True])
def test_an_end_is_a_moment(api: Any, entry: str, value: Any) -> None:
    path = f"/v1/directory/services/{entry}"
    answer = api("ywca.editor").patch(path, {"intake_paused_until": value}, If_Match="*")
    assert answer.status_code == 400
    assert answer.json()["pointer"] == "/intake_paused_until"


def test_a_pause_that_is_prolonged_meanwhile_stays(race: Race, api: Any, entry: str) -> None:
    patched(api, entry, intake_paused=True, intake_paused_until=moment(-HOUR))
    prolonged = "UPDATE directory_service SET intake_paused_until = %s WHERE id = %s"
    with race.held(prolonged, [datetime.now(UTC) + HOUR, entry]):
        job = race.start_and_wait(reopening.step)
    assert job.result(SOON) is False
    assert m.Service.objects.using("jobs").get(id=entry).intake_paused
    assert document_of(api, entry)["intake"] == "paused"
