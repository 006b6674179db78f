"""A list asked for by state, urgency, deadline, member or change: as each side is shown it (T5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from referrals.deadlines import overdue
from referrals.queries.list_filters import STATUSES
from tests.support.people.callers import member_id
from tests.support.people.states import ROADS, SHOWN
from tests.support.people.stories import Story

SENDER, RECIPIENT = "police.worker", "ywca.worker"


def listed(api: Any, who: str, **query: str) -> set[str]:
    answer = api(who).get("/v1/referrals", {"limit": "100"} | query)
    assert answer.status_code == 200, answer.content
    return {line["id"] for line in answer.json()["items"]}


def bring(api: Any, service: str, state: str) -> Story:
    story = Story(api, service).create()
    if state != "draft":
        story.send()
    for side, act, body in ROADS[state]:
        answer = api(f"{side}.worker").act(story.id, act, body)
        assert answer.status_code == 200, (state, act, answer.content)
    return story


@pytest.fixture
def every_state(story: Story, api: Any, shift_clock: Any) -> dict[str, str]:
    """One of each, by its state; those of the clock are eight days old, and the clock is there."""
    old = {name: bring(api, story.service_id, name).id for name in ("closed", "expired")}
    shift_clock("8 days")
    return old | {
        state: bring(api, story.service_id, state).id for state in ROADS if state not in old
    }


@pytest.mark.parametrize("marked", [False, True])
def test_a_state_is_asked_for_in_the_word_that_the_side_is_shown(
    every_state: dict[str, str], api: Any, marked: bool
) -> None:
    if marked:  # what ran out is shown so before the clock has marked it, and after
        assert overdue.mark_all_missed()["expires_at"] == 1
    for number, who in enumerate((SENDER, RECIPIENT)):
        shown = {id_: SHOWN[state][number] for state, id_ in every_state.items()}
        assert listed(api, who) == {id_ for id_, word in shown.items() if word}
        for status in STATUSES:
            expected = {id_ for id_, word in shown.items() if word == status}
            assert listed(api, who, status=status) == expected, (who, status)


def test_the_words_are_those_of_the_lines(every_state: dict[str, str], api: Any) -> None:
    for who in (SENDER, RECIPIENT):
        for status in STATUSES:
            items = api(who).get("/v1/referrals", {"status": status}).json()["items"]
            assert {line["status"] for line in items} <= {status}


def test_by_urgency_and_whose_they_are(story: Story, api: Any) -> None:
    urgent = Story(api, story.service_id).send()
    routine = Story(api, story.service_id).create(urgency="routine").send()
    assert listed(api, SENDER, urgency="routine") == {routine.id}
    assert listed(api, SENDER, urgency="emergency") == set()
    assert listed(api, SENDER, mine="true") == {urgent.id, routine.id}
    assert listed(api, "police.worker2", mine="true") == set()
    assert listed(api, RECIPIENT, mine="true") == set()
    urgent.answers("acknowledge")
    assert listed(api, RECIPIENT, mine="true", box="in") == {urgent.id}
    assert listed(api, "ywca.lead", mine="true") == set()
    urgent.sends("assign", {"member_id": str(member_id("police.worker2"))})
    assert listed(api, "police.worker2", mine="true") == {urgent.id}
    assert listed(api, "police.client", mine="true") == set(), "it names nobody"


def test_what_is_overdue_is_so_for_whom_the_deadline_is_shown(
    story: Story, api: Any, shift_clock: Any
) -> None:
    stories = {
        name: bring(api, story.service_id, name)
        for name in ("sent", "acknowledged", "accepted", "in_handoff", "completed")
    }
    ids = {name: one.id for name, one in stories.items()}
    assert listed(api, SENDER, overdue="true") == listed(api, RECIPIENT, overdue="true") == set()
    shift_clock("61 minutes")
    for who in (SENDER, RECIPIENT):
        assert listed(api, who, overdue="true") == {ids["sent"]}
    shift_clock("121 minutes")
    for who in (SENDER, RECIPIENT):
        assert listed(api, who, overdue="true") == {ids["sent"], ids["acknowledged"]}
    shift_clock("241 minutes")  # the waiting ones are over; no one tried the taken ones
    assert listed(api, SENDER, overdue="true") == set()
    assert listed(api, RECIPIENT, overdue="true") == {ids["accepted"], ids["in_handoff"]}


def test_what_presses_is_an_answer_a_ring_of_today_and_a_contact_that_is_late(
    story: Story, api: Any, shift_clock: Any
) -> None:
    states = ("sent", "acknowledged", "accepted", "in_handoff", "completed", "declined")
    ids = {name: bring(api, story.service_id, name).id for name in states}
    waiting = {ids["sent"], ids["acknowledged"]}
    for who in (SENDER, RECIPIENT):
        assert listed(api, who, pressing="true") == waiting
    assert api(SENDER).act(ids["accepted"], "call_me").status_code == 200
    assert api(SENDER).act(ids["completed"], "call_me").status_code == 200
    assert listed(api, RECIPIENT, pressing="true") == waiting | {ids["accepted"]}, "one is through"
    assert listed(api, SENDER, pressing="true") == waiting, "it is not they who are asked"
    assert api(RECIPIENT).act(ids["in_handoff"], "call_me").status_code == 200
    assert listed(api, SENDER, pressing="true") == waiting | {ids["in_handoff"]}
    lines = api(SENDER).get("/v1/referrals", {"pressing": "true"}).json()["items"]
    asked = {line["id"]: line["asked_to_ring_at"] is not None for line in lines}
    assert asked == dict.fromkeys(waiting, False) | {ids["in_handoff"]: True}
    shift_clock("241 minutes")  # no one answered the waiting ones or tried the taken ones
    assert listed(api, RECIPIENT, pressing="true") == {ids["accepted"], ids["in_handoff"]}
    assert listed(api, SENDER, pressing="true") == {ids["in_handoff"]}
    for id_ in (ids["accepted"], ids["in_handoff"]):
        attempt = {"result": "not_connected"}
        assert api(RECIPIENT).act(id_, "record_attempt", attempt).status_code == 201
    assert listed(api, RECIPIENT, pressing="true") == {ids["accepted"]}
    shift_clock("25 hours")
    for who in (SENDER, RECIPIENT):
        assert listed(api, who, pressing="true") == set(), "the request to call is a day old"


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_what_changed_since_is_what_the_side_may_know_of(
    story: Story, api: Any, shift_clock: Any
) -> None:
    story.accept()
    other = Story(api, story.service_id).send()
    since = now()
    assert listed(api, SENDER, updated_since=since) == set()
    story.answers("start_handoff", {"mode": "phone"}).answers("complete", {"outcome": "served"})
    assert listed(api, SENDER, updated_since=since) == set(), "R2"
    assert listed(api, RECIPIENT, updated_since=since) == {story.id}
    other.sends("set_plan", {"services": []})
    assert listed(api, SENDER, updated_since=since) == {other.id}
    assert listed(api, RECIPIENT, updated_since=since) == {story.id}
    later = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    assert listed(api, SENDER, updated_since=later) == set()
    shift_clock("5 hours")
    assert listed(api, SENDER, updated_since=later) == {other.id}, "it ran out"
    shift_clock("8 days")
    assert listed(api, SENDER, updated_since=later) == {story.id, other.id}, "closed by the clock"
    assert listed(api, RECIPIENT, updated_since=later) == {other.id}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "connected"),
        ("urgency", "soon"),
        ("overdue", "1"),
        ("pressing", "1"),
        ("mine", "me"),
        ("updated_since", "yesterday"),
        ("updated_since", "2026-11-24T10:00:00"),
    ],
)
def test_what_it_does_not_know_is_refused(api: Any, name: str, value: str) -> None:
    answer = api(SENDER).get("/v1/referrals", {name: value})
    assert answer.status_code == 400
    assert answer.json()["pointer"] == name


def test_a_cursor_belongs_to_what_was_asked(story: Story, api: Any) -> None:
    for _ in range(3):
        Story(api, story.service_id).send()
    first = api(SENDER).get("/v1/referrals", {"limit": "2", "status": "sent"}).json()
    query = {"limit": "2", "cursor": first["next"]}
    assert len(listed(api, SENDER, status="sent", **query)) == 1
    assert api(SENDER).get("/v1/referrals", query).status_code == 400
