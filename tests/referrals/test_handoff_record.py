"""The hand-off record: each side reads its own, step by step, as it reads its notes."""

import re
from typing import Any

import pytest

from referrals.deadlines import purge
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import Story

PURPOSE = {"purpose": "hand_off"}


def record(api: Any, who: str, story: Story) -> list[dict[str, Any]]:
    answer = api(who).act(story.id, "open_handoff", PURPOSE)
    assert answer.status_code == 200, answer.content
    return list(answer.json()["items"])


@pytest.fixture
def tried(story: Story) -> Story:
    """Started by phone, tried in vain, failed, started again, reached, completed."""
    story.accept()
    story.answers("start_handoff", {"mode": "phone", "at": "2026-11-25T18:00:00Z"})
    story.answers("record_attempt", {"result": "not_connected", "interpreter": "phone"})
    story.answers("handoff_failed")
    story.answers("add_note", {"text": "what is no step of it"})
    story.answers("record_attempt", {"result": "connected"})
    return story.answers("complete", {"outcome": "connected"})


def test_it_tells_each_step_in_its_order_by_whom_and_in_codes(tried: Story, api: Any) -> None:
    steps = record(api, "ywca.worker", tried)
    assert [(one["step"], one["mode"], one["result"], one["code"]) for one in steps] == [
        ("begun", "phone", None, None),
        ("attempt", None, "not_connected", None),
        ("failed", None, None, None),
        ("attempt", None, "connected", None),
        ("completed", None, None, "connected"),
    ]
    assert steps[0]["planned_at"] == "2026-11-25T18:00:00Z"
    assert [one["interpreter"] for one in steps if one["step"] == "attempt"] == ["phone", "none"]
    assert {one["member_id"] for one in steps} == {str(member_id("ywca.worker"))}
    assert [one["at"] for one in steps] == sorted(one["at"] for one in steps)


def test_the_other_side_reads_its_own_attempts_and_nothing_else(tried: Story, api: Any) -> None:
    assert record(api, "police.worker", tried) == []
    tried.sends("record_attempt", {"result": "not_connected"})
    assert [one["result"] for one in record(api, "police.worker", tried)] == ["not_connected"]
    assert len(record(api, "ywca.worker", tried)) == 5


def test_it_is_opened_as_notes_are_with_a_purpose_by_who_works_on_it(
    tried: Story, api: Any, superuser: Any
) -> None:
    for body in ({}, {"purpose": "curiosity"}):
        assert api("ywca.worker").act(tried.id, "open_handoff", body).status_code == 400
    for who, status in (
        ("ywca.worker2", 403),
        ("ywca.lead", 403),
        ("ywca.auditor", 404),
        ("outsider.worker", 404),
    ):
        assert api(who).act(tried.id, "open_handoff", PURPOSE).status_code == status
    answer = api("ywca.worker").act(tried.id, "open_handoff", PURPOSE)
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT act, purpose, decision FROM access_entry WHERE request_id = %s",
            [answer["X-Request-Id"]],
        )
        assert cursor.fetchall() == [("referral.open_notes", "hand_off", "allowed")]


def test_what_the_clock_ended_stands_in_it_too(story: Story, api: Any, shift_clock: Any) -> None:
    story.accept()
    for days in (14.1, 22):
        shift_clock(f"{days} days")
        purge.run()
    (step,) = record(api, "ywca.worker", story)
    assert (step["step"], step["code"], step["member_id"]) == ("unable", "idle", None)
    assert record(api, "police.worker", story) == []


def test_at_the_desk(tried: Story) -> None:
    pages = at_the_desk("ywca.worker")
    path = f"/desk/referrals/{tried.id}"
    assert "Our hand-off record" in text_of(pages.get(path).content)
    asked = pages.get(f"{path}/open_handoff").content.decode()
    assert re.search(r'<input[^>]*value="hand_off"[^>]*checked', asked)
    shown = text_of(pages.submit(f"{path}/open_handoff", PURPOSE).content)
    for words in (
        "Hand-off started Phone Planned for Wed, Nov 25, 11:00 a.m.",
        "Tried to contact the survivor No contact Interpreter: by phone",
        "Hand-off failed: the timer started again",
        "Completed",
        "You opened it at",
    ):
        assert words in shown, shown
    assert "what is no step of it" not in shown
    empty = text_of(at_the_desk("police.worker").submit(f"{path}/open_handoff", PURPOSE).content)
    assert "The hand-off has not started, and no contact attempt is recorded." in empty
