"""What was practiced is in the log, sealed like all of it, under a filter of its own."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.seals.sealed_log import sealed as sealed  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.exercises import Exercise, accept_and_share
from tests.support.people.seals import faults, seal
from tests.support.people.stories import Story

LOG = "/v1/access-log"


@pytest.fixture
def exercise() -> Exercise:
    found = Exercise().begin().join("ywca.worker")
    found.refer()
    accept_and_share(found)
    return found


def acts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["act"] for one in answer.json()["items"]]


def test_an_auditor_finds_it_by_its_own_filter(api: Any, exercise: Exercise, story: Story) -> None:
    story.accept()
    auditor = api("ywca.auditor")
    practiced = auditor.get(LOG, {"practice": "true", "limit": "100"}).json()["items"]
    assert {one["act"] for one in practiced} >= {
        *("practice.join", "referral.accept", "referral.open_packet", "referral.read"),
    }
    assert {one["referral_id"] for one in practiced} <= {None, exercise.id}
    names = {one["member_name"] for one in practiced if one["act"] != "referral.purge"}
    assert names == {"Yve Example"}, "of the own people alone, by name"
    live = auditor.get(LOG, {"limit": "100"}).json()["items"]
    assert exercise.id not in str(live)
    trail = auditor.get(LOG, {"practice": "true", "referral_id": exercise.id})
    assert "referral.open_packet" in acts(trail)
    mine = auditor.get(LOG, {"referral_id": exercise.id})
    assert acts(mine) == ["access_log.read"], "this look, as after any id"
    assert acts(auditor.get(LOG, {"practice": "true", "referral_id": story.id})) == []
    looks = auditor.get(LOG, {"act": "access_log.read"}).json()["items"]
    assert "practice" in {one["rule"] for one in looks}, "who looks at practice is in the log"


def test_a_member_is_found_by_the_id_that_the_auditor_knows(api: Any, exercise: Exercise) -> None:
    auditor = api("ywca.auditor")
    known = {"practice": "true", "member_id": str(member_id("ywca.worker"))}
    assert "referral.accept" in acts(auditor.get(LOG, known))
    other = {"practice": "true", "member_id": str(member_id("ywca.worker2"))}
    assert acts(auditor.get(LOG, other)) == []


def test_no_one_reads_the_practice_of_another_agency(api: Any, exercise: Exercise) -> None:
    for who in ("sarc.auditor", "taskforce.auditor"):
        assert acts(api(who).get(LOG, {"practice": "true"})) == [], who
    answer = api("ywca.lead").get(LOG, {"practice": "true"})
    assert answer.status_code == 403


def test_a_wrong_value_of_the_filter_is_refused(api: Any) -> None:
    for value in ("", "false", "1"):
        assert api("ywca.auditor").get(LOG, {"practice": value}).status_code == 400


def test_the_file_follows_the_filter(api: Any, exercise: Exercise) -> None:
    auditor = api("ywca.auditor")
    answer = auditor.get(f"{LOG}/export", {"practice": "true", "format": "ndjson"})
    text = b"".join(answer.streaming_content).decode()
    assert exercise.id in text
    assert "Yve Example" in text


def test_the_page_has_it_under_a_tab_of_its_own(exercise: Exercise) -> None:
    desk = at_the_desk("ywca.auditor")
    first = desk.get("/desk/access-log").content.decode()
    assert exercise.id not in first
    assert '<a href="/desk/access-log?practice=on">Practice</a>' in first
    page = desk.get("/desk/access-log", {"practice": "on"}).content.decode()
    assert exercise.id in page
    assert "practice, in exercises" in text_of(page)
    assert "Yve Example" in text_of(page)
    trail = re.search(r'href="(/desk/access-log\?practice=on&amp;referral=[^"]+)"', page)
    assert trail, "a link of the list stays in practice"
    assert exercise.id in desk.get(trail[1].replace("&amp;", "&")).content.decode()


def test_it_is_sealed_like_all_of_the_log(sealed: Path, exercise: Exercise, superuser: Any) -> None:
    seal()
    assert faults() == []
    ids = [
        entry_id
        for (entry_id,) in rows(
            superuser, "SELECT id FROM access_entry WHERE referral_id = %s", [exercise.id]
        )
    ]
    assert len(ids) > 5
    unsealed = "SELECT count(*) FROM access_entry e WHERE id = ANY (%s::uuid[])"
    unsealed += " AND NOT EXISTS (SELECT FROM log_leaf l WHERE l.leaf = e.leaf)"
    assert rows(superuser, unsealed, [ids]) == [(0,)]
